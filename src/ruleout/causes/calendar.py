"""Columns that say a part of the row's own date: they move as time goes on, and nothing is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["by_calendar", "date_parts"]

AGREE = 0.9
"""Share of rows in which the column is the part of the date; another time zone moves the rest across midnight."""

ROWS = 500


def by_calendar(case: Case, pair: Pair, column: str) -> bool:
    """Whether a numeric column is the year, quarter, month, week or day of the row's time, up to one constant, in both tables."""
    time = case.time
    if not time or any(c not in t for c in (time, column) for t in (pair.suspect, pair.yardstick)):
        return False
    if any(t.kind(time) not in ("time", "category") or t.kind(column) != "numeric" for t in (pair.suspect, pair.yardstick)):
        return False
    return any(
        a is not None and a == b for a, b in zip(_offsets(pair.suspect, time, column), _offsets(pair.yardstick, time, column), strict=True)
    )


def _offsets(table: Table, time: str, column: str) -> list[float | None]:
    """For each part of the date the constant that the column lies above it; None where there is none."""
    values, read = table.numbers(column), clock(table, time)
    seconds = np.full(len(values), np.nan) if read is None else read
    known = np.flatnonzero(np.isfinite(seconds) & np.isfinite(values))
    known = known[np.linspace(0, len(known) - 1, min(ROWS, len(known))).astype(int)] if len(known) else known
    out: list[float | None] = []
    for part in date_parts(seconds[known]):
        steps, counts = np.unique(np.round(values[known] - part, 9), return_counts=True)
        at = int(np.argmax(counts))
        out.append(float(steps[at]) if counts[at] >= AGREE * len(known) else None)
    return out


def date_parts(seconds: np.ndarray) -> np.ndarray:
    """Year, quarter, month, week, day of the year, of the month and of the week, and hour of finite times; shape (8, n)."""
    dates = [datetime.fromtimestamp(float(s), tz=UTC) for s in seconds]
    parts = [(d.year, (d.month - 1) // 3, d.month, d.isocalendar().week, d.timetuple().tm_yday, d.day, d.weekday(), d.hour) for d in dates]
    return np.array(parts, dtype=float).reshape(-1, 8).T
