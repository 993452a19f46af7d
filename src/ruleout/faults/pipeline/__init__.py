"""Faults in the pipeline bucket, named as the causes they bring about."""
