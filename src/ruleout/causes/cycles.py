"""Columns that count the time of day, the weekday or the month: another zone, or another first day, turns them round their cycle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = ["Turn", "turned", "turns"]

COVERED = 0.6
"""Part of a cycle that the values must reach over for their column to be taken for one."""


class Turn(NamedTuple):
    """So far round a cycle, in words: the length of the cycle and its first value."""

    words: str
    by: float
    length: float
    first: float


_CYCLES = (
    ("hours", 24.0, 0.0, 1.0),
    ("minutes of the day", 1440.0, 0.0, 60.0),
    ("weekdays", 7.0, 0.0, 1.0),
    ("weekdays", 7.0, 1.0, 1.0),
    ("months", 12.0, 1.0, 1.0),
)


def turns(values: np.ndarray, *, of_day: bool = False) -> Iterator[Turn]:
    """Every way to turn a column round the cycle that its values fill; none where they fill none.

    Parameters
    ----------
    values
        Shape (n,); null is NaN.
    of_day
        Hours and minutes alone: what is logged in another week or month has other weekdays and months by nature.
    """
    known = np.unique(values[np.isfinite(values)])
    if len(known) < 3:
        return
    for words, length, first, step in _CYCLES[: 2 if of_day else None]:
        inside = known[0] >= first and known[-1] < first + length and known[-1] - known[0] >= COVERED * length
        if not inside or (step == 1.0 and length < 24 and not np.all(known == np.round(known))):
            continue
        n_steps = int(length / step)
        for k in range(1, n_steps):
            by = k if k <= n_steps // 2 else k - n_steps
            yield Turn(f"{by:+d} {'hours' if step == 60.0 else words}, round their cycle", by * step, length, first)
        return


def turned(values: np.ndarray, turn: Turn) -> np.ndarray:
    """The values turned, shape (n,)."""
    out: np.ndarray = (values - turn.first + turn.by) % turn.length + turn.first
    return out
