"""Features that say a part of their row's own time (its hour, minute, weekday, month) in health, and something else in a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import put_values
from ruleout.causes.page import Pair
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["OwnTime", "as_its_time_says", "told_by_time"]

AGREE = 0.995
"""Share of the healthy rows in which the column must say the part of the time."""

LEAST = 0.02
"""Share of a table's rows in which it says something else from which on that is a finding."""

FEWEST_ROWS = 60

_DAY = 86_400.0


class OwnTime(NamedTuple):
    """A column that contradicts the time of its rows: the part that it says in health, in words; how often, and by how much it is off."""

    column: str
    part: str
    wrong: np.ndarray
    by: float
    most: float
    values: np.ndarray


class _Part(NamedTuple):
    """A part of the time: its name, its values for each row, and how long its cycle is; 0 for none."""

    name: str
    values: np.ndarray
    length: float


def told_by_time(case: Case, pair: Pair) -> Iterator[OwnTime]:
    """Yield the numeric features that are a part of the time in nearly every healthy row, and are not in some rows of the suspect."""
    healthy, mine = (_seconds(case, table) for table in (pair.yardstick, pair.suspect))
    if healthy is None or mine is None or min(len(healthy), len(mine)) < FEWEST_ROWS:
        return
    ours, theirs = list(_parts(mine)), list(_parts(healthy))
    for column in case.features(pair.suspect):
        if column not in pair.yardstick or {pair.suspect.kind(column), pair.yardstick.kind(column)} != {"numeric"}:
            continue
        values, usual = pair.suspect.numbers(column), pair.yardstick.numbers(column)
        known = np.isfinite(usual) & np.isfinite(healthy)
        if known.sum() < FEWEST_ROWS or len(np.unique(usual[known])) < 3:
            continue
        for part, now in zip(theirs, ours, strict=True):
            offset = _offset(usual[known], part.values[known], part.length)
            if offset is None:
                continue
            first = float(usual[known].min())
            expected = now.values + offset
            if part.length:
                expected = first + np.mod(expected - first, part.length)
            both = np.isfinite(values) & np.isfinite(expected)
            wrong = both & (np.abs(values - expected) > 1e-6)
            if both.sum() >= FEWEST_ROWS and wrong.sum() >= LEAST * both.sum():
                off = values[wrong] - expected[wrong]
                if part.length:
                    off = np.mod(off + part.length / 2, part.length) - part.length / 2
                steps, counts = np.unique(np.round(off, 6), return_counts=True)
                at = int(np.argmax(counts))
                right = np.where(both, expected, values)
                yield OwnTime(column, part.name, wrong, float(steps[at]), float(counts[at] / wrong.sum()), right)
            break


def as_its_time_says(case: Case, pair: Pair, column: str) -> Table | None:
    """The suspect with a column as the time of its rows says it; None where it says nothing of it."""
    found = next((f for f in told_by_time(case, pair) if f.column == column), None)
    return None if found is None else put_values(pair.suspect, column, found.values, pair.yardstick)


def _seconds(case: Case, table: Table) -> np.ndarray | None:
    if not case.time or case.time not in table or table.kind(case.time) not in ("time", "category"):
        return None
    return clock(table, case.time)


def _parts(seconds: np.ndarray) -> Iterator[_Part]:
    """The parts of finite times, NaN for others; each shape (n,)."""
    known = np.isfinite(seconds)
    of_day = np.mod(seconds, _DAY)
    days = np.floor(seconds / _DAY)
    yield _Part("minute of the day", of_day / 60, 1440.0)
    yield _Part("second of the day", of_day, _DAY)
    yield _Part("whole minute of the day", np.floor(of_day / 60), 1440.0)
    yield _Part("hour and its decimals", of_day / 3600, 24.0)
    yield _Part("hour", np.floor(of_day / 3600), 24.0)
    yield _Part("minute of the hour", np.floor(np.mod(seconds, 3600) / 60), 60.0)
    yield _Part("weekday", np.mod(days + 3, 7), 7.0)
    dates = np.where(known, days, 0).astype("datetime64[D]")
    months, years = dates.astype("datetime64[M]"), dates.astype("datetime64[Y]")
    for name, part, length in (
        ("month", (months - years.astype("datetime64[M]")).astype(float) + 1, 12.0),
        ("quarter", np.floor((months - years.astype("datetime64[M]")).astype(float) / 3) + 1, 4.0),
        ("day of the month", (dates - months.astype("datetime64[D]")).astype(float) + 1, 0.0),
        ("day of the year", (dates - years.astype("datetime64[D]")).astype(float) + 1, 0.0),
        ("year", years.astype(float) + 1970, 0.0),
    ):
        yield _Part(name, np.where(known, part, np.nan), length)


def _offset(values: np.ndarray, part: np.ndarray, length: float) -> float | None:
    """What the column has more than the part, the same in nearly every row; None where there is no such number."""
    # A part that hardly changes is told by any column that does not.
    if len(np.unique(part)) < 3:
        return None
    more = np.round(values - part, 6)
    if length:
        more = np.round(np.mod(more, length), 6)
        more[more == length] = 0.0
    steps, counts = np.unique(more, return_counts=True)
    at = int(np.argmax(counts))
    return float(steps[at]) if counts[at] >= AGREE * len(values) else None
