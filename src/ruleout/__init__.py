"""Find out why a machine-learning system broke."""
