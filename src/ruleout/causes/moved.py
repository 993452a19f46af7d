"""Which columns of the tables are not what the reference's are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import numbers, sampled, texts
from ruleout.causes.page import pairs
from ruleout.causes.places import gap
from ruleout.statistics.quantiles import ks_critical
from ruleout.tables.table import Table

__all__ = ["Moved", "moved_columns", "moved_most", "tells_otherwise"]

LEAST = 0.05
"""Distance of two distributions, in [0, 1], from which a column is not what it was."""

MOST = 0.5
"""Part of the furthest move from which on a column counts among those that moved most: populations drift beside it."""

SURE = 5.0
"""Standard errors between two correlations with the target from which a column tells of it otherwise."""

CLASSES = 6
"""As many classes of a target, the most frequent ones, are each held against a column."""


@dataclass(frozen=True)
class Moved:
    """A feature whose distribution is another than in the reference: how far at most, and in which tables."""

    column: str
    distance: float
    tables: tuple[str, ...]


def moved_columns(case: Case) -> tuple[Moved, ...]:
    """The features of training and validation that moved beyond chance, the furthest first."""
    found: dict[str, dict[str, float]] = {}
    held = [p for p in pairs(case) if p.name in ("train", "validation")] if case.reference is not None else []
    for pair in held:
        n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
        if min(n, m) < 50:
            continue
        for column in case.features(pair.suspect):
            if column not in pair.yardstick:
                continue
            distance = gap(pair.suspect, column, pair.yardstick, column)
            if distance > max(LEAST, ks_critical(n, m, 1e-6)):
                found.setdefault(column, {})[pair.name] = distance
    return tuple(sorted((Moved(c, max(d.values()), tuple(d)) for c, d in found.items()), key=lambda m: (-m.distance, m.column)))


def moved_most(moved: tuple[Moved, ...]) -> tuple[Moved, ...]:
    """Those that moved at least half as far as the furthest."""
    return tuple(m for m in moved if m.distance >= MOST * moved[0].distance)


def tells_otherwise(case: Case) -> tuple[Moved, ...]:
    """The numeric features that are distributed as they were and tell of the target otherwise, in every table of both sides.

    The rank correlation with the target (Spearman, 1904) is another than in the reference; `distance` is by how much, in [0, 2]. Where
    the target is a class, the class whose correlation moved furthest counts.
    """
    held = [p for p in pairs(case) if p.name in ("train", "validation")] if case.reference is not None else []
    found: dict[str, dict[str, float]] = {}
    looked = 0
    for pair in held:
        if not case.target or any(case.target not in t or sampled(t).n_rows < 100 for t in (pair.suspect, pair.yardstick)):
            continue
        looked += 1
        for column in case.features(pair.suspect):
            if column not in pair.yardstick or not pair.suspect.kind(column) == pair.yardstick.kind(column) == "numeric":
                continue
            for mine, theirs in zip(_told(case, pair.suspect, column), _told(case, pair.yardstick, column), strict=False):
                error = math.sqrt(1.06 / (mine[1] - 3) + 1.06 / (theirs[1] - 3))
                moved = abs(mine[0] - theirs[0])
                if moved > 2 * LEAST and abs(math.atanh(0.999 * mine[0]) - math.atanh(0.999 * theirs[0])) > SURE * error:
                    found.setdefault(column, {})[pair.name] = max(moved, found.get(column, {}).get(pair.name, 0.0))
    everywhere = (Moved(c, max(d.values()), tuple(d)) for c, d in found.items() if len(d) == looked)
    return tuple(sorted(everywhere, key=lambda m: (-m.distance, m.column)))


def _told(case: Case, table: Table, column: str) -> Iterator[tuple[float, int]]:
    """The rank correlation of a column with the target, or with each of its classes, and the number of rows."""
    values, target = numbers(table, column), str(case.target)
    if table.kind(target) == "numeric" and case.task == "regression":
        answers = [numbers(table, target)]
    else:
        labels = texts(table, target).astype(str)
        levels, counts = np.unique(labels, return_counts=True)
        answers = [(labels == level).astype(float) for level in sorted(levels[np.argsort(-counts, kind="stable")][:CLASSES])]
    for answer in answers:
        known = np.isfinite(values) & np.isfinite(answer)
        n = int(known.sum())
        yield (_rank_correlation(values[known], answer[known]), n) if n > 50 else (0.0, 50)


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import rankdata

    x, y = rankdata(a), rankdata(b)
    scale = float(x.std() * y.std())
    return float(((x - x.mean()) * (y - y.mean())).mean() / scale) if scale > 0 else 0.0
