"""A column that is given as the difference to its group's mean in one table, and plain in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, numeric_columns, pair_of, put_values, texts
from ruleout.causes.comparison import usual
from ruleout.causes.page import Finding, Pair, pairs
from ruleout.statistics.quantiles import ks_critical, ks_distance

__all__ = ["as_the_other", "centred_columns"]

APART, TOGETHER = 0.4, 0.5
"""Share of a plain column's variance that lies between groups, and the part of it that a centred one may have left."""

MIDDLE = 0.25
"""How far from 0 the mean of a centred column may lie, in its deviations: other rows than those whose means were taken off."""

LEVELS = (3, 60)
FEWEST_ROWS = 10
"""Levels of a column that groups rows, and the rows that a group needs for its mean to say something."""


class _Way(NamedTuple):
    """What was done: the column that groups rows, whether the suspect is the plain one, and the distances before and after."""

    by: str
    plain: bool
    scaled: bool
    before: float
    after: float


def centred_columns(case: Case) -> Iterator[Finding]:
    """Yield each column of a table that is plain where the healthy one has its groups' means taken off, or the other way round."""
    for pair in pairs(case):
        columns = numeric_columns(case, pair, target=False)
        known = {c: (finite(numbers(pair.suspect, c)), finite(numbers(pair.yardstick, c))) for c in columns}
        distance = {c: ks_distance(*v) for c, v in known.items() if min(map(len, v)) >= 100}
        for column, (x, y) in known.items():
            noise = ks_critical(len(x), len(y), 1e-3)
            if column not in distance or distance[column] < 2 * noise or min(_off(x), _off(y)) > MIDDLE or max(_off(x), _off(y)) < MIDDLE:
                continue
            ways = list(_ways(pair, column, columns, distance[column]))
            best = min(ways, key=lambda w: w.after, default=None)
            if best is None or best.after > max(noise, usual(distance, column), 0.2 * best.before):
                continue
            yield _finding(pair, column, best)


def as_the_other(case: Case, finding: Finding) -> Case | None:
    """The column with its groups' means taken off, or the healthy ones' put back."""
    pair = pair_of(case, finding)
    column, by = str(finding.repair["column"]), str(finding.repair["centred"])
    if pair is None or column not in pair.suspect or by not in pair.suspect or by not in pair.yardstick:
        return None
    means = pair.suspect if finding.repair["plain"] else pair.yardstick
    values = _moved(
        pair.suspect.numbers(column),
        pair.suspect.texts(by),
        _by_level(means.numbers(column), means.texts(by)),
        plain=finding.repair["plain"],
        scaled=finding.repair["scaled"],
    )
    return case.with_table(pair.side, pair.name, put_values(pair.suspect, column, values))


def _ways(pair: Pair, column: str, columns: tuple[str, ...], before: float) -> Iterator[_Way]:
    x, y = numbers(pair.suspect, column), numbers(pair.yardstick, column)
    for by in pair.suspect.columns:
        if by == column or by not in pair.yardstick or (pair.suspect.kind(by) != "category" and by not in columns):
            continue
        mine, theirs = texts(pair.suspect, by), texts(pair.yardstick, by)
        if not LEVELS[0] <= len({*theirs.tolist()} - {None}) <= LEVELS[1]:
            continue
        here, there = _between(x, mine), _between(y, theirs)
        plain = here > there
        if max(here, there) < APART or min(here, there) > TOGETHER * max(here, there):
            continue
        groups = _by_level(x, mine) if plain else _by_level(y, theirs)
        for scaled in (False, True):
            moved = finite(_moved(x, mine, groups, plain=plain, scaled=scaled))
            yield _Way(by, plain, scaled, before, ks_distance(moved, finite(y)) if len(moved) else 1.0)


def _off(values: np.ndarray) -> float:
    """How far from 0 the mean lies, in deviations."""
    return abs(float(values.mean())) / (float(values.std()) or 1.0)


def _by_level(values: np.ndarray, levels: np.ndarray) -> dict[str, tuple[float, float]]:
    """Mean and deviation of each level that has rows enough."""
    known = np.isfinite(values)
    out = {}
    for level in {v for v in levels[known].tolist() if v is not None}:
        inside = values[known & (levels == level)]
        if len(inside) >= FEWEST_ROWS:
            out[str(level)] = float(inside.mean()), float(inside.std()) or 1.0
    return out


def _between(values: np.ndarray, levels: np.ndarray) -> float:
    """The share of the variance that lies between levels."""
    groups = _by_level(values, levels)
    means = np.array([groups[v][0] if v in groups else np.nan for v in levels.tolist()])
    known = np.isfinite(values) & np.isfinite(means)
    spread = float(values[known].var()) if known.sum() > 30 else 0.0
    return float(means[known].var()) / spread if spread > 0 else 0.0


def _moved(values: np.ndarray, levels: np.ndarray, groups: dict[str, tuple[float, float]], *, plain: bool, scaled: bool) -> np.ndarray:
    """The values with their groups' means (and deviations) taken off where they are plain, else put back."""
    nothing = float(np.nanmean(values)) if plain else float(np.mean([m for m, _ in groups.values()] or [0.0])), 1.0
    found = np.array([groups.get(v, nothing) for v in levels.tolist()])
    mean, width = found[:, 0], found[:, 1] if scaled else np.ones(len(values))
    out: np.ndarray = (values - mean) / width if plain else values * width + mean
    return out


def _finding(pair: Pair, column: str, way: _Way) -> Finding:
    what = "and deviation " if way.scaled else ""
    now, was = "plain", f"given as the difference to the mean {what}of its {way.by}"
    now, was = (now, was) if way.plain else (was, now)
    n = pair.suspect.n_rows
    said = (
        f"{pair.place(column)}: {now} here, {was} in the healthy table: Kolmogorov-Smirnov distance {way.before:.3f}, made alike "
        f"{way.after:.3f}; n = {n:,} and {pair.yardstick.n_rows:,}."
    )
    figures = {"by": way.by, "before": way.before, "after": way.after, "n": n}
    repair = {"table": pair.name, "column": column, "centred": way.by, "plain": way.plain, "scaled": way.scaled}
    return Finding(pair.place(column), pair.name, 3.7, said, figures, repair, pair.side, 0.95)
