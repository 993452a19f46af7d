"""Numbers of another moment: what all the rest of a row says of a column, held against the column's values before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.calendar import by_calendar
from ruleout.causes.comparison import compare
from ruleout.causes.in_time import LARGEST, Order
from ruleout.causes.page import Pair
from ruleout.statistics.told import told_by
from ruleout.tables.matrix import matrices
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["Late", "late_columns"]

MOST_COLUMNS = 12
MOST_LATE = 6
MOST_ROWS = 20_000
FEWEST_ROWS = 200

TOLD = 0.7
"""Part of a column's variance that the rest of a healthy row may leave open, for its moment to be known by it."""

ROSE = 1.3
"""Factor by which that must have risen in the log."""

REGAINED = 0.4
"""Part of the rise that a shift must take away."""

SURE = 4.0
"""Its standard errors."""

BESIDE = 0.25
"""The part, of a column that fits best, of all shifts, at the one by which another column is late: they come from one source."""

SURE_BESIDE = 1.0

BLOCK = 48
"""Consecutive rows that are counted as one: the values of neighbours in time are not independent."""


class Late(NamedTuple):
    """A column, the order and shift that fit it, and the mean squared errors shifted, as it is and in health."""

    column: str
    order: Order
    shift: int
    shifted: float
    now: float
    healthy: float
    z: float


class _Told(NamedTuple):
    """A column's place among the columns, what says it by the rest of a row, and the mean squared error of that in health."""

    at: int
    say: Callable[[np.ndarray], np.ndarray]
    healthy: float


def late_columns(case: Case, pair: Pair, orders: Sequence[Order], known: Sequence[tuple[str, Order, int]] = ()) -> list[Late]:
    """Columns whose values belong to another moment, the surest first; each found one is put right before the next is looked for.

    `known` are columns of which that was found already: the order, and the shift that undoes it.
    """
    columns = compare(case, pair).columns
    reference = case.reference
    train = reference.train if reference is not None and reference.train is not None else pair.yardstick
    if len(columns) < 3 or not FEWEST_ROWS <= pair.suspect.n_rows <= MOST_ROWS or pair.yardstick.n_rows < FEWEST_ROWS or not orders:
        return []
    if any(c not in train or train.kind(c) != pair.suspect.kind(c) for c in columns):
        train = pair.yardstick
    train = train.sample(4_000)
    taught, log = matrices(train, pair.suspect, columns)
    held = taught[1::2] if train.fingerprint == pair.yardstick.fingerprint else matrices(train, pair.yardstick.sample(4_000), columns)[1]
    taught = taught[::2] if train.fingerprint == pair.yardstick.fingerprint else taught
    told = _told(case, pair, columns, taught, held)
    found: list[Late] = []
    shifted = [(column, order, shift) for column, order, shift in known if column in columns]
    for column, order, shift in shifted:
        _put_back(log, columns.index(column), order, shift)
    while len(found) < MOST_LATE:
        told = [one for one in told if columns[one.at] not in {column for column, *_ in shifted}]
        best = _latest(log, columns, told, orders, shifted)
        if best is None:
            break
        found.append(best)
        shifted.append((best.column, best.order, best.shift))
        _put_back(log, columns.index(best.column), best.order, best.shift)
    return found


def _put_back(log: np.ndarray, at: int, order: Order, shift: int) -> None:
    rows = order.moved(shift)
    log[:, at] = np.where(rows >= 0, log[rows, at], np.nan)


def _told(case: Case, pair: Pair, columns: Sequence[str], taught: np.ndarray, held: np.ndarray) -> list[_Told]:
    """The numeric columns that the rest of a healthy row tells."""
    out: list[_Told] = []
    for at, column in enumerate(columns[:MOST_COLUMNS]):
        if column == case.target or pair.suspect.kind(column) != "numeric" or len(np.unique(taught[:, at])) < 10:
            continue
        if by_calendar(case, pair, column) or _of_day(pair.suspect, case.time, column):
            continue
        rest = [c for c in range(len(columns)) if c != at]
        known, asked = taught[np.isfinite(taught[:, at])], held[np.isfinite(held[:, at])]
        if min(len(known), len(asked)) < FEWEST_ROWS:
            continue
        say = told_by(known[:, rest], known[:, at])
        left = float(np.mean((say(asked[:, rest]) - asked[:, at]) ** 2))
        if left <= TOLD * float(asked[:, at].var()):
            out.append(_Told(at, say, left))
    return out


def _latest(
    log: np.ndarray,
    columns: Sequence[str],
    told: Sequence[_Told],
    orders: Sequence[Order],
    shifted: Sequence[tuple[str, Order, int]],
) -> Late | None:
    """The column that surest belongs to another moment; those found before say by how much others may be late with less to show."""
    best: Late | None = None
    for one in told:
        rest = [c for c in range(len(columns)) if c != one.at]
        said = one.say(log[:, rest])
        mine = log[:, one.at]
        now = (said - mine) ** 2
        if not np.isfinite(now).sum() > FEWEST_ROWS or float(np.nanmean(now)) < ROSE * one.healthy:
            continue
        for order in orders:
            tried = [_at_shift(columns[one.at], order, k, said, mine, now, one.healthy) for k in range(-LARGEST, LARGEST + 1) if k]
            nearest = min((late for late in tried if late is not None), key=lambda late: late.shifted, default=None)
            if nearest is None:
                continue
            together = any(other is order and by == nearest.shift for _, other, by in shifted)
            part, sure = (BESIDE, SURE_BESIDE) if together else (REGAINED, SURE)
            regained = nearest.now - nearest.shifted >= part * (nearest.now - nearest.healthy) > 0
            if regained and nearest.z >= sure and (best is None or nearest.z > best.z):
                best = nearest
    return best


def _at_shift(column: str, order: Order, shift: int, said: np.ndarray, mine: np.ndarray, now: np.ndarray, healthy: float) -> Late | None:
    """How well a column fits as it stands some records later, over the rows that have such a record."""
    rows = order.moved(shift)
    there = (said - np.where(rows >= 0, mine[rows], np.nan)) ** 2
    gain = (np.sqrt(now) - np.sqrt(there))[order.rows]
    known = np.isfinite(gain)
    if known.sum() < max(FEWEST_ROWS, 0.5 * len(rows)):
        return None
    blocks = np.array([part.mean() for part in np.array_split(gain[known], max(int(known.sum()) // BLOCK, 2))])
    z = float(blocks.mean() / max(blocks.std(ddof=1) / np.sqrt(len(blocks)), 1e-300))
    kept = np.isfinite(there) & np.isfinite(now)
    return Late(column, order, shift, float(there[kept].mean()), float(now[kept].mean()), healthy, z)


def _of_day(table: Table, time: str | None, column: str) -> bool:
    """Whether a column says the time of day: it goes with the clock, and the world may do the same things later."""
    seconds = clock(table, time)
    if seconds is None:
        return False
    values = table.numbers(column)
    known = np.isfinite(seconds) & np.isfinite(values)
    moment = (seconds[known] % 86_400).astype(np.int64)
    if known.sum() < FEWEST_ROWS or not 1 < len(np.unique(moment)) < known.sum() / 2:
        return False
    order = np.lexsort((values[known], moment))
    same_moment, same_value = np.diff(moment[order]) == 0, np.diff(values[known][order]) == 0
    return bool(same_value[same_moment].mean() > 0.95)
