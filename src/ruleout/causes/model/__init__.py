"""Causes in the model bucket, one page a file."""
