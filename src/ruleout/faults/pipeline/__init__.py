"""Pipeline faults."""
