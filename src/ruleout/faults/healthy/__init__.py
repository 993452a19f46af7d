"""Harmless changes: the metric stays within noise."""
