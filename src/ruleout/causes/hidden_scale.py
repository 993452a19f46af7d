"""A factor that is small against a column's spread: the column looks as it did, and no longer goes with the others."""

from __future__ import annotations

import math

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, numeric_columns
from ruleout.causes.page import Pair
from ruleout.statistics.arithmetic import Arithmetic
from ruleout.statistics.one_shift import one_shift

__all__ = ["hidden_scale"]

WIDE = 10.0
"""Ratio of the 95 % quantile to the 5 % quantile from which a positive column is looked at by its logarithm."""

CLEAR, SURE, PART = 0.75, 10.0, 0.9
"""How clear, in deviations of what the others leave open, and in standard errors, and how much of all that differs it must explain."""

HIDDEN = 0.5
"""A move of more of a column's deviations is one that its own quantiles show."""

LEAST = 0.04
"""Smaller logarithms of factors are a year's prices."""

MOST_COLUMNS = 100


def hidden_scale(case: Case, pair: Pair) -> tuple[str, Arithmetic] | None:
    """The one wide positive column that was multiplied by a constant, as its relation to all other numbers tells; None where none was."""
    names = numeric_columns(case, pair)[:MOST_COLUMNS]
    mine, theirs, scaled = [], [], []
    for column in names:
        x, y = numbers(pair.suspect, column), numbers(pair.yardstick, column)
        healthy = finite(y)
        if len(healthy) < 100 or len(finite(x)) < 100:
            return None
        low, high = np.quantile(healthy, [0.05, 0.95])
        logarithm = bool(healthy.min() > 0 and low > 0 and high / low > WIDE)
        mine.append(_logarithm(x) if logarithm else x)
        theirs.append(_logarithm(y) if logarithm else y)
        scaled.append(logarithm)
    found = one_shift(np.column_stack(mine), np.column_stack(theirs)) if len(names) > 1 else None
    if found is None or not scaled[found.column] or names[found.column] == case.target:
        return None
    if found.own > HIDDEN or found.clear < CLEAR or found.z < SURE or found.part < PART or abs(found.moved) < LEAST:
        return None
    factor = _plain(math.exp(found.moved), 2.0 * found.error)
    return names[found.column], Arithmetic(scale=factor, label=f"x {factor:.6g}")


def _logarithm(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > 0, np.log(values), np.nan)


def _plain(factor: float, error: float) -> float:
    """The factor of the fewest digits within the error of its logarithm."""
    for digits in range(2, 7):
        rounded = float(f"{factor:.{digits}g}")
        if abs(math.log(rounded / factor)) <= error:
            return rounded
    return factor
