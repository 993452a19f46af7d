"""Model faults."""
