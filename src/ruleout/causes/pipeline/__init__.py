"""Causes in the pipeline bucket, one page a file."""
