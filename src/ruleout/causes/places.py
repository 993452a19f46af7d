"""Columns that stand in each other's places: which of them, and how they are put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, numeric_columns, sampled, texts
from ruleout.causes.comparison import compare, usual
from ruleout.causes.page import Pair
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.statistics.spelling import assign
from ruleout.tables.table import Table

__all__ = ["Place", "changed_places", "gap", "returned"]


KNOWN_BY = 50
"""Values by which a column is known again."""


IN_PLACE = 0.1
"""Distance that no column in its place comes near, from which it is asked whether all stand elsewhere."""

MOST_ORDERED = 30
REORDERED = 0.25
"""Part of the columns' distances that may be left in the best order of them, for that order to be what happened."""


class Place(NamedTuple):
    """A column whose values stand in another one.

    `places` says for every column that changed places where its values stand now; `noise` is the distance that samples of these
    sizes show by chance; `mark` is how the first of them begins, where like distributions do not tell whether it is back.
    """

    column: str
    places: Mapping[str, str]
    noise: float
    statement: str
    mark: tuple[str, ...] = ()


def gap(mine: Table, column: str, theirs: Table, other: str) -> float:
    """The distance of a column here from another there, in [0, 1]; 1 for different kinds."""
    kind = mine.kind(column)
    if kind != theirs.kind(other):
        return 1.0
    if kind in ("numeric", "time"):
        return ks_distance(finite(numbers(mine, column)), finite(numbers(theirs, other)))
    a, b = texts(mine, column).astype(str), texts(theirs, other).astype(str)
    levels = np.unique(np.concatenate([a, b]))
    share = [np.bincount(np.searchsorted(levels, v), minlength=len(levels)) / max(1, len(v)) for v in (a, b)]
    return float(np.abs(share[0] - share[1]).sum() / 2)


def changed_places(case: Case, pair: Pair) -> Iterator[Place]:
    """Yield every column that moved and whose values stand in another column that moved, where whole circles of them fit.

    Columns that moved are assigned to the healthy columns at least cost (Kuhn, 1955). Then come two columns that go with the rest of
    their rows only when they are exchanged, however alike their distributions are.
    """
    columns = numeric_columns(case, pair, target=False)
    columns += tuple(
        c for c in case.features(pair.suspect) if c in pair.yardstick and pair.suspect.kind(c) == pair.yardstick.kind(c) == "category"
    )
    n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
    own = {c: gap(pair.suspect, c, pair.yardstick, c) for c in columns}
    common = _common(pair, columns, own)
    strict, noise = max(0.04, ks_critical(n, m, 1e-6), common), max(ks_critical(n, m, 1e-3), common)
    moved = [c for c in columns if own[c] > strict]
    told = set()
    for place in _circles(pair, moved if len(moved) <= MOST_ORDERED else [], noise):
        told.add(place.column)
        yield place
    for first, second in compare(case, pair).exchanged:
        if first in columns and second in columns and not told & {first, second}:
            for column, other in ((first, second), (second, first)):
                said = (
                    f"{pair.place(column)}: its values stand in {other}: exchanged, both go with the rest of their rows as they did,"
                    f" as they are they do not (distance from the healthy column {own[column]:.3f}, n = {n:,} and {m:,})."
                )
                yield Place(column, {first: second, second: first}, noise, said, _first_values(pair.suspect, first))


def _common(pair: Pair, columns: Sequence[str], own: Mapping[str, float]) -> float:
    """How far apart columns lie to which nothing happened: samples of clusters lie further apart than samples of rows.

    Where most columns moved, either all rows are others or all columns stand elsewhere: other rows stay other under any order.
    """
    common = usual(own, "")
    if not 2 <= len(columns) <= MOST_ORDERED or common < IN_PLACE:
        return common
    gaps = np.array([[gap(pair.suspect, now, pair.yardstick, old) for now in columns] for old in columns])
    assigned = {columns[i]: float(gaps[i, j]) for i, j in zip(*assign(gaps), strict=True)}
    ordered = sum(assigned.values()) < REORDERED * sum(own.values())
    return usual(assigned, "") if ordered else common


def _circles(pair: Pair, moved: Sequence[str], noise: float) -> Iterator[Place]:
    """Columns whose values lie where another one's lay, in whole circles."""
    if len(moved) < 2:
        return
    n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
    gaps = np.array([[gap(pair.suspect, now, pair.yardstick, old) for now in moved] for old in moved])
    fits = {
        moved[i]: moved[j] for i, j in zip(*assign(gaps), strict=True) if i != j and gaps[i, j] < noise and gaps[i, j] < 0.5 * gaps[i, i]
    }
    # Only whole circles of columns changed places: each one's values stand in another of them.
    while set(fits) != set(fits.values()):
        fits = {old: now for old, now in fits.items() if now in fits and old in fits.values()}
    for old, now in fits.items():
        before, after = gaps[moved.index(old), moved.index(old)], gaps[moved.index(old), moved.index(now)]
        said = (
            f"{pair.place(old)}: its values stand in {now}: distance from the healthy column {before:.3f} as it is, {after:.3f} exchanged "
            f"(noise {noise:.3f}, n = {n:,} and {m:,})."
        )
        yield Place(old, fits, noise, said)


def _first_values(table: Table, column: str) -> tuple[str, ...]:
    """What a column is known by, whatever name it bears."""
    return tuple(str(v) for v in table.arrow.column(column).slice(0, KNOWN_BY).to_pylist())


def returned(pair: Pair, places: Mapping[str, str], noise: float, mark: tuple[str, ...] = ()) -> Table | None:
    """The table with the columns put back; None where they already stand in their places.

    `mark` is how the first of the columns began when it was in the other's place, where its distribution does not tell.
    """
    table = pair.suspect
    if mark:
        if any(c not in table for c in places) or _first_values(table, next(iter(places))) != mark:
            return None
    elif all(c not in table or gap(table, c, pair.yardstick, c) < noise for c in places):
        return None
    was = table
    for column, now in places.items():
        table = table.with_column(column, was.arrow.column(now))
    return table
