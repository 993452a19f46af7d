"""Columns along the time column: a change that came on a day looks otherwise than one that was always there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ruleout.conclusion.conclusion import Conclusion
from ruleout.exhibits.distributions import Distribution
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["OverTime", "over_time"]

MOST = 6
N_BINS = 24
DAY = 86_400.0
WHOLE_DAYS = 5
"""From so many days on a stretch is made of whole days: day and night are no news."""

FEWEST_ROWS = 5
"""A stretch of time with fewer rows than this is left blank."""

MOST_ROWS = 200_000
NULLS = 0.02
"""Change of the null rate from which on the share of nulls is drawn instead of the values."""


@dataclass(frozen=True)
class OverTime:
    """One number of a column, a value a stretch of time, for both tables.

    Parameters
    ----------
    place, names
        As of the distribution.
    what
        What is drawn, in words: "median, and the middle 80 %", "share of the rows with blue".
    edges
        Shape (n_bins + 1,), seconds since 1970 where `dated`, else numbers of the time column.
    values
        For each table shape (n_bins,), NaN where there are too few rows.
    bands
        For each table the 10 % and 90 % quantiles, shape (2, n_bins); None where shares are drawn.
    dated
        Whether the edges are times.
    """

    place: str
    names: tuple[str, str]
    what: str
    edges: np.ndarray
    values: tuple[np.ndarray, np.ndarray]
    bands: tuple[np.ndarray, np.ndarray] | None
    dated: bool


def over_time(conclusion: Conclusion, drawn: tuple[Distribution, ...]) -> tuple[OverTime, ...]:
    """The columns that are drawn, along the case's time column; nothing where there is none that reads as one."""
    time = conclusion.examination.problem.case.time
    found = (_along(entry, time) for entry in drawn if time and entry.why != "moved" and entry.move.column != time)
    return tuple([entry for entry in found if entry is not None][:MOST])


def _along(drawn: Distribution, time: str) -> OverTime | None:
    tables = tuple(_with_rows(table) for table in (drawn.pair.reference, drawn.pair.current))
    clocks = [None if table is None else clock(table, time) for table in tables]
    if clocks[0] is None or not np.isfinite(clocks[0]).any():
        return None
    points = np.concatenate([c[np.isfinite(c)] for c in clocks if c is not None])
    if not points.size or points.min() == points.max():
        return None
    dated = any(table is not None and time in table and table.kind(time) in ("time", "category") for table in tables)
    edges = _edges(float(points.min()), float(points.max()), dated)
    n = len(edges) - 1
    level = _level(drawn)
    nulls = abs(drawn.move.change.null_rate_change) >= NULLS
    values, bands = [], []
    for table, times in zip(tables, clocks, strict=True):
        middle, band = np.full(n, np.nan), np.full((2, n), np.nan)
        if table is not None and times is not None:
            column = _numbers(table, drawn.move.column, level, nulls)
            for at, rows in _stretches(times, edges):
                middle[at], band[:, at] = _summary(column[rows], shares=nulls or level is not None)
        values.append(middle)
        bands.append(band)
    what = "share of the rows without a value" if nulls else f"share of the rows with {level}" if level is not None else ""
    return OverTime(
        drawn.place,
        drawn.names,
        what or "median, and where the middle 80 % of the values lie",
        edges,
        (values[0], values[1]),
        None if what else (bands[0], bands[1]),
        dated,
    )


def _edges(first: float, last: float, dated: bool) -> np.ndarray:
    days = (last - first) / DAY
    if not dated or days < WHOLE_DAYS:
        return np.linspace(first, last, N_BINS + 1)
    step = DAY * np.ceil((days + 1) / (1.25 * N_BINS))
    start = np.floor(first / DAY) * DAY
    found: np.ndarray = np.arange(start, last + step, step)
    return found


def _with_rows(table: Table) -> Table | None:
    if table.stored is not None or not table.n_rows:
        return None
    return table if table.n_rows <= MOST_ROWS else table.sample(MOST_ROWS)


def _level(drawn: Distribution) -> str | None:
    """The category whose share changed most; None of numbers."""
    shape = drawn.move.shape()
    if shape is None or shape.scale != "categories":
        return None
    named = [at for at, name in enumerate(shape.bins) if name is not None]
    return str(shape.bins[max(named, key=lambda at: abs(shape.current[at] - shape.reference[at]))]) if named else None


def _numbers(table: Table, column: str, level: str | None, nulls: bool) -> np.ndarray:
    if nulls:
        return np.array([value is None or value != value for value in table.values(column).tolist()], dtype=float)  # noqa: PLR0124
    if level is not None:
        same: np.ndarray = (table.texts(column) == level).astype(float)
        return same
    return table.numbers(column)


def _stretches(times: np.ndarray, edges: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    at = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)
    for number in range(len(edges) - 1):
        rows = np.flatnonzero((at == number) & np.isfinite(times))
        if len(rows) >= FEWEST_ROWS:
            yield number, rows


def _summary(values: np.ndarray, *, shares: bool) -> tuple[float, np.ndarray]:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), np.full(2, np.nan)
    if shares:
        return float(known.mean()), np.full(2, np.nan)
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    return float(middle), np.array([low, high])
