"""Values that stand in another column in a part of the rows: cells one to the right, two columns exchanged by one of two sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, numeric_columns, put_values, sampled
from ruleout.causes.page import Pair
from ruleout.statistics.parts import Mixture, strangers
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.statistics.spelling import assign
from ruleout.tables.table import Table

__all__ = ["Strayed", "brought_home", "strayed"]

LEAST_MOVE = 0.03
"""Distance of a column from its healthy self from which on strangers are looked for in it."""

LEAST_GAIN = 50.0
"""Log likelihood ratio from which a column surely holds another one's values in a part of the rows."""

LIKE_SHARES = 0.06
"""The columns of one accident hold strangers in the same share of the rows, to within this."""

LEAST_APART = 0.5
"""Distance of two healthy columns from which on their values can be told apart."""

MOST_SHARE = 0.95
"""Of more rows than this, the whole columns changed places."""

N_BINS = 60


@dataclass(frozen=True)
class Strayed:
    """Which column's values stand in which, and in what share of the rows.

    Parameters
    ----------
    into
        The column in which the values stand: the column that they belong to.
    share
        Of the rows concerned, in [0, 1].
    gain
        Log likelihood ratio against no strangers, the least of all columns.
    left
        The largest distance of a column from its healthy self once its values are home, and what chance leaves.
    """

    into: Mapping[str, str]
    share: float
    gain: float
    left: tuple[float, float]


def strayed(case: Case, pair: Pair) -> Strayed | None:
    """The columns of a table that hold each other's values in one and the same part of its rows; None where there are none.

    Each column that moved is fitted as a mixture of its healthy self and of another healthy column (Dempster, Laird and Rubin, 1977).
    Two columns at least must hold strangers in the same share of the rows, as a circle or a chain, and be healthy once these are home.
    """
    columns = numeric_columns(case, pair, target=False)
    mine, theirs = ({c: finite(numbers(t, c)) for c in columns} for t in (pair.suspect, pair.yardstick))
    columns = tuple(c for c in columns if min(len(mine[c]), len(theirs[c])) >= 100)
    moved = [c for c in columns if ks_distance(mine[c], theirs[c]) > max(LEAST_MOVE, ks_critical(len(mine[c]), len(theirs[c]), 1e-6))]
    # A column whose values stand elsewhere holds others in their place, or none.
    emptied = [c for c in columns if _nulls(pair.suspect, c) > _nulls(pair.yardstick, c) + LEAST_MOVE]
    if not 1 <= len(moved) <= 24:
        return None
    others = list(dict.fromkeys([*moved, *emptied]))
    found: dict[tuple[str, str], Mixture] = {}
    for column in moved:
        for other in others:
            # Alike by themselves, values cannot be told apart row by row.
            if other != column and ks_distance(theirs[column], theirs[other]) >= LEAST_APART:
                mixed = strangers(mine[column], theirs[column], theirs[other])
                if mixed and mixed.gain > LEAST_GAIN and mixed.share > 0.02:
                    found[column, other] = mixed
    if not found:
        return None
    # One column's values went to one other: the pairs that together say most.
    gains = np.array([[found[c, o].gain if (c, o) in found else 0.0 for o in others] for c in moved])
    taken = [(moved[i], others[j]) for i, j in zip(*assign(-gains), strict=True) if (moved[i], others[j]) in found]
    middle = float(np.median([found[key].share for key in taken]))
    into = {c: other for c, other in taken if abs(found[c, other].share - middle) < LIKE_SHARES}
    if len(into) < 2 or middle > MOST_SHARE:
        return None
    home = brought_home(pair, into, middle, sampled(pair.suspect), left_out=False)
    left = max(ks_distance(finite(home.numbers(c)), theirs[c]) for c in into)
    noise = max(1.5 * ks_critical(len(mine[c]), len(theirs[c]), 1e-3) for c in into)
    if left > noise:
        return None
    return Strayed(into, middle, min(found[c, other].gain for c, other in into.items()), (left, noise))


def brought_home(pair: Pair, into: Mapping[str, str], share: float, table: Table, *, left_out: bool = True) -> Table:
    """A table with the strangers put back where they belong.

    A row is one of them if its values are likelier in the columns that they may have come from. What the accident overwrote is lost: where
    something was, such rows are `left_out`, else it is null.
    """
    odds = np.full(table.n_rows, np.log(share / (1.0 - share)))
    for column, other in into.items():
        seen = table.numbers(column)
        known = np.isfinite(seen)
        odds[known] += _log_density(finite(numbers(pair.yardstick, other)), seen[known])
        odds[known] -= _log_density(finite(numbers(pair.yardstick, column)), seen[known])
    moved = odds > 0
    values = {c: table.numbers(c) for c in {*into, *into.values()}}
    fresh = {c: v.copy() for c, v in values.items()}
    for column in into:
        fresh[column][moved] = np.nan
    for column, other in into.items():
        fresh[other][moved] = values[column][moved]
    for column, new in fresh.items():
        table = put_values(table, column, new, pair.yardstick)
    return table.filter(~moved) if left_out and set(into) - set(into.values()) else table


def _nulls(table: Table, column: str) -> float:
    return float(np.mean(~np.isfinite(numbers(table, column))))


def _log_density(healthy: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The log density of values by a histogram of healthy ones, bins of equal share, thin tails outside."""
    edges = np.unique(np.quantile(healthy, np.linspace(0, 1, N_BINS + 1)))
    if len(edges) < 3:
        edges = (
            np.array([edges[0] - 0.5, edges[0] + 0.5, edges[0] + 1.0]) if len(edges) == 1 else np.array([edges[0], edges.mean(), edges[1]])
        )
    counts, _ = np.histogram(healthy, edges)
    density = (counts + 0.1) / (counts.sum() + 0.1 * len(counts)) / np.diff(edges)
    at = np.searchsorted(edges, values, side="right") - 1
    inside = (at >= 0) & (values <= edges[-1])
    out = np.full(len(values), float(np.log(1e-4 / max(float(np.ptp(edges)), 1e-12))))
    out[inside] = np.log(density[np.clip(at[inside], 0, len(density) - 1)])
    return out
