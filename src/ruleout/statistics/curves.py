"""Shapes of training curves in numbers: where a run broke off, how it fell, whether it shook, turned or stood still.

A curve is one number a record (epoch or step), lower is better; NaN and infinities are as the run wrote them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Break", "Turn", "constant_run", "fall", "find_break", "find_turn", "late_fall", "orders", "shaking", "steadiness"]


@dataclass(frozen=True)
class Break:
    """Where a curve stopped being a number: `at` counts records from 0, `growth` is in powers of ten.

    `growth` is log10 of the largest of the last three numbers before the break over the smallest number up to then: 0 where the
    curve was at its best when it broke off, inf where it was infinite before it was missing.
    """

    at: int
    growth: float


@dataclass(frozen=True)
class Turn:
    """Where a curve was lowest (`at`, counted from 0) and how far it ends above that, as a share of the lowest value."""

    at: int
    rise: float


def find_break(values: np.ndarray) -> Break | None:
    """Return where a curve became infinite or missing for good, shape (n,) -> Break; None where it ends in a number."""
    finite = np.isfinite(values)
    if len(values) == 0 or finite[-1]:
        return None
    last = int(np.flatnonzero(finite)[-1]) if finite.any() else -1
    at = last + 1
    if at == 0:
        return Break(0, math.inf if np.isinf(values).any() else 0.0)
    if np.isinf(values[at:]).any():
        return Break(at, math.inf)
    before = np.abs(values[:at][finite[:at]])
    low = float(before.min())
    top = float(before[-3:].max())
    return Break(at, math.log10(top / low) if low > 0 and top > 0 else 0.0)


def orders(values: np.ndarray) -> float:
    """Return by how many powers of ten a positive curve ends above its median over the first half; 0 where it does not.

    The end is the largest of the last three finite values, so one record is enough before a run breaks off.
    """
    kept = np.abs(values[np.isfinite(values)])
    kept = kept[kept > 0]
    if len(kept) < 2:
        return 0.0
    start = float(np.median(kept[: max(1, len(kept) // 2)]))
    return max(0.0, math.log10(float(kept[-3:].max()) / min(start, float(kept[0]))))


def fall(values: np.ndarray) -> float:
    """Return the share of its first value that a curve has lost at its lowest; 0 for one that never falls."""
    kept = values[np.isfinite(values)]
    if len(kept) < 2 or kept[0] == 0:
        return 0.0
    return float((kept[0] - kept.min()) / abs(kept[0]))


def late_fall(values: np.ndarray, parts: int = 3) -> float:
    """Return the share of the whole fall that comes in the last of so many parts, along straight lines; 1/3 of 3 is a straight line.

    Lines and not single records, so that a noisy end is no fall.
    """
    kept = values[np.isfinite(values)]
    third = len(kept) // 3
    whole = float(kept[0] - kept[-max(1, third // 3) :].mean()) if len(kept) else 0.0
    if third < 2 or whole <= 0:
        return 0.0
    tail = kept[-max(2, len(kept) // parts) - 1 :]
    slope = float(np.polyfit(np.arange(len(tail)), tail, 1)[0])
    return max(0.0, -slope * len(kept) / parts / whole)


def steadiness(values: np.ndarray) -> float:
    """Return the share of records that are below the one before: 1 for a curve that only falls, 1/2 for noise."""
    kept = values[np.isfinite(values)]
    steps = np.diff(kept)
    return float(np.mean(steps < 0)) if len(steps) else 0.0


def shaking(values: np.ndarray) -> float:
    """Return how much a curve jumps from record to record, as a share of its level: the median of |change| / mean of the two.

    Measured over the second half, where a healthy run has settled; the median, so that single spikes count for nothing.
    """
    kept = np.abs(values[np.isfinite(values)])
    if len(kept) < 5:
        return 0.0
    half = kept[len(kept) // 2 - 1 :]
    middle = (half[1:] + half[:-1]) / 2
    signs = np.sign(np.diff(half))
    turns = float(np.mean(signs[1:] * signs[:-1] < 0)) if len(signs) > 1 else 0.0
    jump = float(np.median(np.abs(np.diff(half)) / np.where(middle > 0, middle, 1.0)))
    return jump * min(1.0, 2 * turns)


def find_turn(values: np.ndarray) -> Turn | None:
    """Return where a curve was lowest and how far it ends above (Prechelt 1998, generalisation loss); None under 4 values.

    Taken on running medians of five records at most, so that neither a lucky record is the lowest nor an unlucky one the end.
    """
    kept = values[np.isfinite(values)]
    if len(kept) < 4:
        return None
    width = max(1, min(5, len(kept) // 6))
    smooth = np.array([np.median(kept[max(0, k - width // 2) : k + width // 2 + 1]) for k in range(len(kept))])
    at = int(np.argmin(smooth))
    low, end = float(smooth[at]), float(np.median(kept[-max(2, width) :]))
    return Turn(at, end / low - 1.0 if low > 0 else 0.0)


def constant_run(values: np.ndarray, tolerance: float = 0.0) -> float:
    """Return the share of records, counted back from the end, over which a curve does not change by more than `tolerance` of itself."""
    kept = values[np.isfinite(values)]
    if len(kept) < 2:
        return 0.0
    same = np.abs(kept - kept[-1]) <= tolerance * abs(kept[-1])
    moved = np.flatnonzero(~same)
    n = len(kept) - (int(moved[-1]) + 1 if len(moved) else 0)
    return n / len(kept) if n > 1 else 0.0
