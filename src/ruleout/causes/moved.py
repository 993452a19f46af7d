"""Which columns of the tables are not what the reference's are."""

from __future__ import annotations

from dataclasses import dataclass

from ruleout.case.case import Case
from ruleout.causes.columns import sampled
from ruleout.causes.page import pairs
from ruleout.causes.places import gap
from ruleout.statistics.quantiles import ks_critical

__all__ = ["Moved", "moved_columns", "moved_most"]

LEAST = 0.05
"""Distance of two distributions, in [0, 1], from which a column is not what it was."""

MOST = 0.5
"""Part of the furthest move from which on a column counts among those that moved most: populations drift beside it."""


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
