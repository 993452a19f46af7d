"""Columns that keep a value over many records where they change in health: features that a store gives again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.tables.table import Table

__all__ = ["Held", "held_columns"]

SAME = 0.5
"""Share of rows from which on a column is held: each value stands for two records or more."""

CHANGES = 0.4
"""Part of the healthy rate of change, at most."""

FEWEST_RUNS = 8
FEWEST_LEVELS = 8
FEWEST_ROWS = 60


class Held(NamedTuple):
    """A column that is held: the order of the rows, in words; how often one repeats the row before, here and in health; rows that do."""

    column: str
    words: str
    same: float
    usual: float
    length: float
    rows: np.ndarray
    evidence: float


def held_columns(case: Case, pair: Pair) -> tuple[Held, ...]:
    """Numeric features that stand still from record to record in the log and not in the healthy table, the stillest first.

    Needs records in order of time, as close to each other as the healthy ones at least by half: closer ones repeat by themselves.
    """
    time = case.time
    if not time or any(
        time not in t or t.kind(time) not in ("time", "numeric") or t.n_rows < FEWEST_ROWS for t in (pair.suspect, pair.yardstick)
    ):
        return ()
    found: dict[str, Held] = {}
    healthy = {words: (order, group) for words, order, group in _orders(case, pair.yardstick)}
    for words, order, group in _orders(case, pair.suspect):
        if words not in healthy or _gap(pair.suspect, time, order, group) < 0.5 * _gap(pair.yardstick, time, *healthy[words]):
            continue
        for column in case.features(pair.suspect):
            if column not in pair.yardstick or any(t.kind(column) != "numeric" for t in (pair.suspect, pair.yardstick)):
                continue
            one = _held(pair, column, words, (order, group), healthy[words])
            if one is not None and (column not in found or one.same > found[column].same):
                found[column] = one
    return tuple(sorted(found.values(), key=lambda h: h.usual - h.same))


def _held(pair: Pair, column: str, words: str, mine: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> Held | None:
    values, usual = pair.suspect.numbers(column), pair.yardstick.numbers(column)
    if len(np.unique(usual[np.isfinite(usual)])) < FEWEST_LEVELS:
        return None
    again, known = _repeats(values, *mine)
    was, was_known = _repeats(usual, *theirs)
    if known.sum() < FEWEST_ROWS or was_known.sum() < FEWEST_ROWS:
        return None
    same, before = float(again[known].mean()), float(was[was_known].mean())
    n_runs = int((known & ~again).sum())
    if same < SAME or 1 - same > CHANGES * (1 - before) or n_runs < FEWEST_RUNS:
        return None
    rows = np.zeros(len(values), dtype=bool)
    rows[mine[0][known & again]] = True
    p, q = min(same, 1 - 0.5 / known.sum()), float(np.clip(before, 0.5 / was_known.sum(), 0.99))
    ratio = float(known.sum() * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))))
    return Held(column, words, same, before, float(known.sum() / n_runs), rows, ratio)


def _repeats(values: np.ndarray, order: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In the order, whether each row has the value of the one before, and whether both are known and of one group; shape (n_rows,)."""
    ordered = values[order]
    again = np.concatenate([[False], ordered[1:] == ordered[:-1]])
    known = np.concatenate([[False], (group[1:] == group[:-1]) & np.isfinite(ordered[1:]) & np.isfinite(ordered[:-1])])
    return again, known


def _gap(table: Table, time: str, order: np.ndarray, group: np.ndarray) -> float:
    """The median time from one record to the next of its group."""
    at = table.numbers(time)[order]
    gaps = np.diff(at)[group[1:] == group[:-1]]
    return float(np.median(gaps)) if len(gaps) else 0.0


def _orders(case: Case, table: Table) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Records in order of time, within the entity and within the levels of a column: in words, the rows, each one's group in that order."""
    clock = table.numbers(str(case.time))
    place = np.argsort(np.argsort(clock, kind="stable"), kind="stable")
    names = dict.fromkeys([*([case.entity] if case.entity and case.entity in table else [])])
    names |= dict.fromkeys([c for c in case.features(table) if table.kind(c) == "category"][:6])
    for name in names:
        codes = np.unique(table.texts(name).astype(str), return_inverse=True)[1]
        if 1 < codes.max() + 1 <= table.n_rows / 3:
            rows = np.lexsort((place, codes))
            yield f"records of the same {name} in order of {case.time}", rows, codes[rows]
    yield f"records in order of {case.time}", np.argsort(place), np.zeros(table.n_rows, dtype=np.int64)
