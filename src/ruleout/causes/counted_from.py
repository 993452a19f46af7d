"""Codes that are counted from one in one table and from nought in the other: each stands for the one before it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.calendar import by_calendar
from ruleout.causes.columns import finite, numbers
from ruleout.causes.page import Pair
from ruleout.statistics.quantiles import ks_critical, ks_distance

__all__ = ["counted_from"]

FEWEST_COLUMNS = 2
"""Columns that must be counted from elsewhere together: one alone has another offset, a coder's start is that of all that it codes."""


def counted_from(case: Case, pair: Pair, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """By column the healthy code for each code of the suspect, where several columns' codes all lie one too high, or all one too low.

    The shares must agree once they are counted from the same number, and some code must stand where no healthy one does.
    """
    whole: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for column in columns:
        if {pair.suspect.kind(column), pair.yardstick.kind(column)} != {"numeric"} or by_calendar(case, pair, column):
            continue
        mine, theirs = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
        if len(mine) and len(theirs) and (mine == np.round(mine)).all() and (theirs == np.round(theirs)).all():
            whole[column] = mine, theirs
    for step in (1, -1):
        found = {c: dict(_read(mine, step)) for c, (mine, theirs) in whole.items() if _one_off(mine, theirs, step)}
        if len(found) >= FEWEST_COLUMNS:
            return found
    return {}


def _one_off(mine: np.ndarray, theirs: np.ndarray, step: int) -> bool:
    """Whether the values lie one step off the healthy ones, of which some value is none, and agree with them once they are moved back."""
    levels = np.unique(theirs)
    new = np.setdiff1d(np.unique(mine), levels)
    within = np.isin(mine - step, levels).all()
    noise = ks_critical(len(mine), len(theirs), 1e-3)
    return bool(len(new) and within and ks_distance(mine - step, theirs) < noise < ks_distance(mine, theirs))


def _read(values: np.ndarray, step: int) -> Iterable[tuple[str, str]]:
    return ((f"{int(v)}", f"{int(v) - step}") for v in np.unique(values))
