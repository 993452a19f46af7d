"""Faults in the data bucket, named as the causes they bring about."""
