"""Causes in the data bucket, one page a file."""
