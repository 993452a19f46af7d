"""A part of a table in which a column says the same throughout: a stretch of time, or the rows of one level of another column."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["Part", "part_of"]

THROUGHOUT = 0.95
"""Share of the part's rows that say the same."""

VARIES = 0.6
"""And no more than this share of healthy rows."""

FEWEST = 30
SMALLEST = 0.08
"""Rows, and share of the table, that a part holds at least."""

MOST_LEVELS = 40


class Part(NamedTuple):
    """Rows that say one value: which, in words; their share of them inside and outside, and in the healthy table."""

    words: str
    value: str | None
    rows: np.ndarray
    inside: float
    outside: float
    usual: float


def part_of(case: Case, pair: Pair, column: str) -> Part | None:
    """The part of the table under suspicion in which a column says the same throughout while it varies elsewhere; None for none."""
    table, healthy = pair.suspect, pair.yardstick
    if table.n_rows < 2 * FEWEST:
        return None
    values, usual = table.texts(column), healthy.texts(column)
    value, was = _risen(values, usual)
    hits = _equals(values, value)
    if hits.mean() < was + 0.5 * SMALLEST or was > VARIES:
        return None
    best: Part | None = None
    stretches = [
        found
        for found in _stretches(case, table, hits, was)
        if not _runs(case, healthy, usual, int(found[1].sum())) and not _runs(case, table, values, int(found[1].sum()), but=value)
    ]
    for words, rows, usual_there in [*stretches, *_levels(case, pair, column, hits, _equals(usual, value))]:
        if rows.sum() < max(FEWEST, SMALLEST * len(rows)) or rows.mean() > 0.98:
            continue
        inside, outside = float(hits[rows].mean()), float(hits[~rows].mean())
        error = 4 * float(np.sqrt(max(was, 0.01) / (~rows).sum()))
        if inside >= THROUGHOUT and usual_there <= VARIES and outside <= was + max(error, 0.05):
            found = Part(words, value, rows, inside, outside, was)
            best = found if best is None or rows.sum() > best.rows.sum() else best
    return best


def _equals(values: np.ndarray, value: str | None) -> np.ndarray:
    return np.array([v == value for v in values.tolist()], dtype=bool)


def _risen(values: np.ndarray, usual: np.ndarray) -> tuple[str | None, float]:
    """The value whose share rose most, and its share in health."""

    def shares(part: np.ndarray) -> dict[str, float]:
        known, counts = np.unique(np.array(["\0null" if v is None else v for v in part.tolist()], dtype=str), return_counts=True)
        return dict(zip(known.tolist(), (counts / max(len(part), 1)).tolist(), strict=True))

    now, was = shares(values), shares(usual)
    value = max(now, key=lambda v: now[v] - was.get(v, 0.0))
    return (None if value == "\0null" else value), was.get(value, 0.0)


def _stretches(case: Case, table: Table, hits: np.ndarray, was: float) -> list[tuple[str, np.ndarray, float]]:
    """The stretch of rows, in order of time where it is known, that is likeliest to say the same (maximal scoring segment)."""
    n = len(hits)
    when = clock(table, case.time)
    timed = when is not None
    order = np.arange(n) if when is None else np.argsort(when, kind="stable")
    rate = min(max(was, 1.0 / n), VARIES)
    # Karlin and Altschul (1990): the score of a row is its log likelihood ratio, a stretch's is the sum.
    score = np.where(hits[order], np.log(0.99 / rate), np.log(0.01 / (1 - rate)))
    total = np.concatenate([[0.0], np.cumsum(score)])
    lowest = np.minimum.accumulate(total)
    end = int(np.argmax(total - lowest))
    start = int(np.argmin(total[: end + 1]))
    if total[end] - total[start] < 20.0:
        return []
    rows = np.zeros(n, dtype=bool)
    rows[order[start:end]] = True
    first = str(table.texts(str(case.time))[order[start]]) if timed else f"row {start + 1:,}"
    last = "on" if end >= n - 1 else f"to {table.texts(str(case.time))[order[end - 1]] if timed else f'row {end:,}'}"
    return [(f"from {first} {last}", rows, was)]


def _runs(case: Case, table: Table, values: np.ndarray, n_rows: int, but: str | None = None) -> bool:
    """Whether values of a column come in stretches, half as long at least, as weekdays and a day's offers do; of all values but one."""
    names = values.astype(str)
    known, counts = np.unique(names, return_counts=True)
    for value, count in zip(known.tolist(), counts.tolist(), strict=True):
        share = count / len(names)
        if value == str(but) or count < max(FEWEST, n_rows / 2) or share > VARIES:
            continue
        hits = names == value
        if any(rows.sum() >= n_rows / 2 and hits[rows].mean() >= THROUGHOUT for _, rows, _ in _stretches(case, table, hits, share)):
            return True
    return False


def _levels(case: Case, pair: Pair, column: str, hits: np.ndarray, usual: np.ndarray) -> list[tuple[str, np.ndarray, float]]:
    """The levels of another column that the value fills, which held it no more than the rest in health."""
    out = []
    for by in (*case.features(pair.suspect), *([case.entity] if case.entity else [])):
        if by == column or by not in pair.suspect or by not in pair.yardstick or pair.suspect.kind(by) != "category":
            continue
        levels, counts = np.unique(pair.suspect.texts(by).astype(str), return_counts=True)
        if not 2 <= len(levels) <= MOST_LEVELS:
            continue
        mine, theirs = pair.suspect.texts(by).astype(str), pair.yardstick.texts(by).astype(str)
        full = [v for v, k in zip(levels.tolist(), counts.tolist(), strict=True) if k >= FEWEST and hits[mine == v].mean() >= THROUGHOUT]
        if full:
            inside = np.isin(theirs, full)
            there = float(usual[inside].mean()) if inside.any() else 0.0
            out.append((f"where {by} is {' or '.join(full[:3])}", np.isin(mine, full), there))
    return out
