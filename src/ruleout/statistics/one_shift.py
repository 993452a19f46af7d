"""Which one column was moved against all others, where no column by itself looks moved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Shift", "one_shift"]

RIDGE = 1e-3
"""Added to every variance of the standardised columns, so that two columns that are one leave a precision to compute."""

TAIL = 0.005
"""Part of the values at either end that is drawn in to the next: wild values are another matter."""


class Shift(NamedTuple):
    """A column, how far it was moved, in its own units, and how sure that is.

    `error` is the standard error of `moved`; `clear` the move in deviations of what the other columns leave open; `part` the share of
    all that the means differ by which this one move explains, in [0, 1]; `z` its size in standard errors; `own` in the column's own
    deviations. Values are drawn in at the tails, so a move of a deviation or more is given too small.
    """

    column: int
    moved: float
    error: float
    clear: float
    part: float
    z: float
    own: float


def one_shift(suspect: np.ndarray, yardstick: np.ndarray) -> Shift | None:
    """The one column whose move by a constant explains best how the means of all columns differ.

    With d the difference of the means of standardised columns and P the inverse of the yardstick's covariance, moving column k by s
    leaves (d - s e_k)' P (d - s e_k), least at s = (P d)_k / P_kk, where it takes away (P d)_k^2 / P_kk of d' P d: the score test of one
    mean of a normal distribution (Rao, 1948). What every row's other columns say of a column is so used, and a move of far less than the
    column's own spread is seen.

    Parameters
    ----------
    suspect, yardstick
        Floats, shape (n_rows, n_columns); NaN stands at the middle.

    Returns
    -------
    The move, None for fewer than two columns that vary.
    """
    low, high = np.nanquantile(yardstick, [TAIL, 1 - TAIL], axis=0)
    centre = np.nanmedian(yardstick, axis=0)
    spread = np.nanstd(np.clip(yardstick, low, high), axis=0)
    kept = np.flatnonzero(np.isfinite(spread) & (spread > 0))
    if len(kept) < 2:
        return None
    left, right = (np.nan_to_num((np.clip(v, low, high) - centre)[:, kept] / spread[kept]) for v in (suspect, yardstick))
    precision = np.linalg.inv(np.cov(right.T) + RIDGE * np.eye(len(kept)))
    apart = left.mean(axis=0) - right.mean(axis=0)
    n = 1.0 / (1.0 / len(left) + 1.0 / len(right))
    told = precision @ apart
    score = told**2 / np.diag(precision)
    at = int(np.argmax(score))
    open_to_it = float(precision[at, at] ** -0.5)
    moved, unit = float(told[at] / precision[at, at]), float(spread[kept[at]])
    part = float(score[at] / max(float(apart @ told), 1e-12))
    z = float(np.sqrt(n * score[at]))
    return Shift(int(kept[at]), moved * unit, open_to_it * unit / np.sqrt(n), abs(moved) / open_to_it, min(part, 1.0), z, abs(moved))
