"""Faults in the model bucket, named as the causes they bring about."""
