"""Numbers that people write for one they do not know."""

from __future__ import annotations

__all__ = ["is_customary"]


EDGES = frozenset({-32768.0, 32767.0, 65535.0, -2147483648.0, 2147483647.0, 4294967295.0})
"""The ends of the ranges of integer types."""


def is_customary(value: float) -> bool:
    """Whether a number customarily stands for a missing one: 0, -1, 99, -999, 888 and their like, the end of a type, 1e30 and beyond."""
    digits = str(abs(int(value))) if float(value).is_integer() and abs(value) < 1e30 else ""
    nines, eights = len(digits) >= 2 and set(digits) == {"9"}, len(digits) >= 3 and set(digits) == {"8"}
    return value in (0.0, -1.0) or value in EDGES or nines or eights or abs(value) >= 1e30
