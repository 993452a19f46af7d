"""Columns that keep a value over many records where they change in health: features that a store gives again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["Held", "held_columns"]

SAME = 0.5
"""Share of rows from which on a column is held: each value stands for two records or more."""

CHANGES = 0.4
"""Part of the healthy rate of change, at most."""

FEWEST_RUNS = 8
FEWEST_LEVELS = 8
FEWEST_ROWS = 60

MOVES_WITH = 0.5
"""Rank correlation within the same level from which on one column moves with another one: it must have moved in the log as well then."""

AS_WIDE = 0.5
"""Part of its healthy spread within a level that the column it moves with must have in the log."""

Order = tuple[str, np.ndarray, np.ndarray]


class Held(NamedTuple):
    """A column that is held: the order of the rows, in words; how often one repeats the row before, here and in health; rows that do."""

    column: str
    words: str
    same: float
    usual: float
    length: float
    rows: np.ndarray
    evidence: float


_known: WeakKeyDictionary[Table, tuple[Table, tuple[Held, ...]]] = WeakKeyDictionary()


def held_columns(case: Case, pair: Pair) -> tuple[Held, ...]:
    """Numeric features that stand still from record to record in the log and not in the healthy table, the stillest first.

    Needs records in order of time, as close to each other as the healthy ones at least by half: closer ones repeat by themselves. Where
    no time is known, records of one level of a column serve, of which another feature says that the column should have moved.
    """
    known = _known.get(pair.suspect)
    if known is None or known[0] is not pair.yardstick:
        found = _found(case, pair) if min(pair.suspect.n_rows, pair.yardstick.n_rows) >= FEWEST_ROWS else ()
        known = _known[pair.suspect] = (pair.yardstick, found)
    return known[1]


def _found(case: Case, pair: Pair) -> tuple[Held, ...]:
    clocks = clock(pair.suspect, case.time), clock(pair.yardstick, case.time)
    names = [c for c in case.features(pair.suspect) if c in pair.yardstick]
    columns = [c for c in names if {t.kind(c) for t in (pair.suspect, pair.yardstick)} == {"numeric"}]
    columns = [c for c in columns if _varies(pair.yardstick.numbers(c))]
    found: dict[str, Held] = {}
    healthy = {words: (order, group) for words, order, group in _orders(case, pair.yardstick, clocks[1])} if columns else {}
    for words, order, group in _orders(case, pair.suspect, clocks[0]) if healthy else ():
        if words not in healthy:
            continue
        theirs = healthy[words]
        timed = clocks[0] is not None and clocks[1] is not None
        if clocks[0] is not None and clocks[1] is not None and _gap(clocks[0], order, group) < 0.5 * _gap(clocks[1], *theirs):
            continue
        whole = _whole_again(pair.suspect, names, order)
        for column in columns:
            one = _held(pair, column, words, (order, group), theirs, whole)
            if one is not None and not timed and not any(_moved_on(pair, column, c, group[np.argsort(order)], theirs) for c in columns):
                one = None
            if one is not None and (column not in found or one.same > found[column].same):
                found[column] = one
    return tuple(sorted(found.values(), key=lambda h: h.usual - h.same))


def _varies(usual: np.ndarray) -> bool:
    return len(np.unique(usual[np.isfinite(usual)])) >= FEWEST_LEVELS


def _whole_again(table: Table, columns: list[str], order: np.ndarray) -> np.ndarray:
    """In the order, whether a row is the one before in every column: that is a repeated row and no held feature; shape (n_rows,)."""
    out = np.concatenate([[False], np.ones(max(len(order) - 1, 0), dtype=bool)])
    for column in columns:
        codes = table.coded(column)[0][order]
        out[1:] &= codes[1:] == codes[:-1]
    return out


def _held(
    pair: Pair,
    column: str,
    words: str,
    mine: tuple[np.ndarray, np.ndarray],
    theirs: tuple[np.ndarray, np.ndarray],
    whole: np.ndarray,
) -> Held | None:
    values, usual = pair.suspect.numbers(column), pair.yardstick.numbers(column)
    again, known = _repeats(values, *mine)
    known &= ~whole
    was, was_known = _repeats(usual, *theirs)
    if known.sum() < FEWEST_ROWS or was_known.sum() < FEWEST_ROWS:
        return None
    same, before = float(again[known].mean()), float(was[was_known].mean())
    # A value kept for ever stands once in each group: groups are its runs.
    n_runs = int((known & ~again).sum()) + len(np.unique(mine[1]))
    if same < SAME or 1 - same > CHANGES * (1 - before) or n_runs < FEWEST_RUNS:
        return None
    rows = np.zeros(len(values), dtype=bool)
    rows[mine[0][known & again]] = True
    p, q = min(same, 1 - 0.5 / known.sum()), float(np.clip(before, 0.5 / was_known.sum(), 0.99))
    ratio = float(known.sum() * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))))
    return Held(column, words, same, before, float(len(values) / n_runs), rows, ratio)


def _moved_on(pair: Pair, column: str, by: str, group: np.ndarray, theirs: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether a column moves with another one among the healthy rows of a level, and that one moves in the log as it does there."""
    if by == column:
        return False
    healthy = theirs[1][np.argsort(theirs[0])]
    y, x, now = pair.yardstick.numbers(column), pair.yardstick.numbers(by), pair.suspect.numbers(by)
    known = np.isfinite(y) & np.isfinite(x)
    if known.sum() < FEWEST_ROWS or not np.isfinite(now).any():
        return False
    ranks = [_within(np.argsort(np.argsort(v[known])).astype(float), healthy[known]) for v in (y, x)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    if spread == 0 or abs(float((ranks[0] * ranks[1]).sum())) < MOVES_WITH * spread:
        return False
    wide, usual = (float(np.median(np.abs(_within(v[np.isfinite(v)], g[np.isfinite(v)])))) for v, g in ((now, group), (x, healthy)))
    return usual > 0 and wide >= AS_WIDE * usual


def _within(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Values less the mean of their group, shape (n,)."""
    codes = np.unique(group, return_inverse=True)[1]
    out: np.ndarray = values - (np.bincount(codes, weights=values) / np.bincount(codes))[codes]
    return out


def _repeats(values: np.ndarray, order: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In the order, whether each row has the value of the one before, and whether both are known and of one group; shape (n_rows,)."""
    ordered = values[order]
    again = np.concatenate([[False], ordered[1:] == ordered[:-1]])
    known = np.concatenate([[False], (group[1:] == group[:-1]) & np.isfinite(ordered[1:]) & np.isfinite(ordered[:-1])])
    return again, known


def _gap(when: np.ndarray, order: np.ndarray, group: np.ndarray) -> float:
    """The median time from one record to the next of its group."""
    gaps = np.diff(when[order])[group[1:] == group[:-1]]
    gaps = gaps[np.isfinite(gaps)]
    return float(np.median(gaps)) if len(gaps) else 0.0


def _orders(case: Case, table: Table, when: np.ndarray | None) -> Iterator[Order]:
    """Records in order of time, within the entity and within the levels of a column: in words, the rows, each one's group in that order.

    Without a time there is no order over all, and within a group it is that of the table.
    """
    place = np.arange(table.n_rows) if when is None else np.argsort(np.argsort(when, kind="stable"), kind="stable")
    said = "" if when is None else f" in order of {case.time}"
    names = dict.fromkeys([*([case.entity] if case.entity and case.entity in table else [])])
    names |= dict.fromkeys([c for c in case.features(table) if table.kind(c) == "category"][:6])
    for name in names:
        codes = np.unique(table.texts(name).astype(str), return_inverse=True)[1]
        if 1 < codes.max() + 1 <= table.n_rows / 2:
            rows = np.lexsort((place, codes))
            yield f"records of the same {name}{said}", rows, codes[rows]
    if when is not None:
        yield f"records{said}", np.argsort(place), np.zeros(table.n_rows, dtype=np.int64)
