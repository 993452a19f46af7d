"""Pure functions on arrays: intervals, distances, tests, beliefs. Knows no other room."""
