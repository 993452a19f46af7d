"""Which formula explains how a numeric column differs from its healthy self, and in which rows it was applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, texts
from ruleout.causes.page import Pair
from ruleout.statistics.arithmetic import Arithmetic, best_inverse, close_arithmetic, decimals_of, known_arithmetic, on_values, undone
from ruleout.statistics.parts import change_point, mixture
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.tables.table import Table

__all__ = ["FEW_VALUES", "ON_VALUES", "Rows", "changed_part", "changed_rows", "changed_whole", "even_steps", "near_levels", "off_grid"]

Rows = Mapping[str, Any]
"""`{}` for every row; `by` and `levels`; `from` and `to`, row numbers; a `mixture`; or `off`, decimals that healthy values never need."""

FEW_VALUES = 60
"""Distinct healthy values up to which a formula is proved by where the values stand."""

ON_VALUES = 0.98
"""Share of the values that must stand on healthy ones once a formula is undone."""

FEW_LEVELS = 500
"""Distinct healthy values up to which it is asked whether a formula would lead to the values that are there."""

OFTEN_ENOUGH = 3
"""Healthy rows for each distinct value from which on these are taken to be all there are."""

AT_HOME = 0.6
"""Share of the values that stand on healthy ones as they are, from which they never left them."""

SHORTENED = 5e-3
"""Part by which a factor that was written shorter may miss the exact one."""

NEARLY_ALL = 8.0
"""Times that the distance must shrink, beyond chance, once a formula is undone in rows that nothing but their values picks out."""

FEWEST_OFF = 0.02
"""Part of the rows, at least and at most less, that must need more decimals than the healthy column ever does."""


def changed_whole(x: np.ndarray, y: np.ndarray, *, usual: float = 0.0) -> Arithmetic | None:
    """The formula that was applied to every row, or None.

    `x` and `y` are finite: the column under suspicion and the healthy one; `usual` is how far the other columns moved.
    """
    levels = np.unique(y)
    if len(levels) <= 30 and np.isin(np.unique(x), levels).all():
        return None  # The same few values in other shares: drift, or codes that changed places.
    found = best_inverse(x, y, usual=usual)
    if found is not None and _never_left(found[0], x, y, levels):
        return None
    return found[0] if found else _onto_values(x, y, levels)


def _never_left(arithmetic: Arithmetic, x: np.ndarray, y: np.ndarray, levels: np.ndarray) -> bool:
    """Whether values stand on healthy ones as they are, and not where the formula would have put these: no formula was applied."""
    return len(levels) <= FEW_LEVELS and on_values(x, y) >= AT_HOME and _reached(arithmetic, x, levels) < 1.0 - AT_HOME


def _out_of_reach(arithmetic: Arithmetic, x: np.ndarray, y: np.ndarray, levels: np.ndarray) -> bool:
    """Whether the healthy values are few, each many times there, and the formula leads from none of them to where most values stand."""
    return len(levels) <= min(FEW_LEVELS, len(y) / OFTEN_ENOUGH) and _reached(arithmetic, x, levels) < 1.0 - AT_HOME


def _reached(arithmetic: Arithmetic, x: np.ndarray, levels: np.ndarray) -> float:
    """The share of values that the formula makes of healthy ones, rounded as they are; all of none."""
    if not len(x):
        return 1.0
    decimals, image = decimals_of(x), arithmetic.apply(levels)
    return on_values(x, image if decimals is None else np.round(image, decimals))


def even_steps(values: np.ndarray) -> bool:
    """Whether the values are a count: nearly all one same step apart, so that any whole number of steps puts them back on others."""
    steps = np.diff(np.unique(values))
    return len(steps) > 1 and float(np.mean(np.abs(steps - np.median(steps)) <= 1e-6 * np.median(steps))) >= 0.9


def _onto_values(x: np.ndarray, y: np.ndarray, levels: np.ndarray) -> Arithmetic | None:
    """The known formula that puts values of which none is a healthy one back on the few healthy ones, however these drifted."""
    if not 2 < len(levels) <= FEW_VALUES or near_levels(x, levels) > 0.5:
        return None
    before = ks_distance(x, y)
    right = {a: undone(a, x, y) for a in (*known_arithmetic(), *close_arithmetic())}
    rounded = [_rounded(a, x, v, levels) for a, v in right.items() if near_levels(v, levels) > ON_VALUES]
    right |= {a: undone(a, x, y) for a in rounded if a is not None}
    left = {a: ks_distance(v, y) for a, v in right.items() if near_levels(v, levels) > ON_VALUES}
    best = min(left, key=lambda a: left[a], default=None)
    return best if best is not None and left[best] < before / 2 else None


def _rounded(arithmetic: Arithmetic, x: np.ndarray, right: np.ndarray, levels: np.ndarray) -> Arithmetic | None:
    """The same formula with the factor that the values themselves tell: constants are often written shorter, a mile as 1.609 km."""
    if arithmetic.kind != "affine" or arithmetic.offset:
        return None
    hit = levels[np.argmin(np.abs(right[:, None] - levels), axis=1)]
    scale = float(x @ hit / (hit @ hit))
    return replace(arithmetic, scale=scale) if 0 < abs(scale / arithmetic.scale - 1) < SHORTENED else None


def near_levels(values: np.ndarray, levels: np.ndarray) -> float:
    """The share of values that stand where a level does, to a twentieth of what lies between two levels."""
    at = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
    gap = np.minimum(np.abs(values - levels[at - 1]), np.abs(values - levels[at]))
    return float(np.mean(gap <= 0.05 * np.median(np.diff(levels))))


def changed_part(case: Case, pair: Pair, column: str, *, usual: float = 0.0) -> tuple[Arithmetic, Rows] | None:
    """The formula that was applied to a part of the rows, and which part: levels of another column, a run of rows, or values.

    `usual` is how far the other columns moved.
    """
    x, y = numbers(pair.suspect, column), numbers(pair.yardstick, column)
    candidates = [c for c in (*case.features(pair.suspect), case.target) if c and c != column and c in pair.suspect and c in pair.yardstick]
    for by in candidates:
        mine, theirs = texts(pair.suspect, by), texts(pair.yardstick, by)
        here, there = Counter(mine.tolist()), Counter(theirs.tolist())
        levels = sorted(v for v in there if v is not None and here[v] >= 60 and there[v] >= 60)[:41]
        if not 2 <= len(levels) <= 40:
            continue
        state = {}
        for level in levels:
            a, b = finite(x[mine == level]), finite(y[theirs == level])
            gap = ks_distance(a, b)
            state[level] = gap > max(0.12, ks_critical(len(a), len(b), 1e-5)), gap < ks_critical(len(a), len(b), 1e-3)
        changed = [v for v, (is_changed, _) in state.items() if is_changed]
        if not changed or len(changed) == len(levels) or not all(a or b for a, b in state.values()):
            continue
        found = best_inverse(finite(x[np.isin(mine, changed)]), finite(y[np.isin(theirs, changed)]))
        if found and _explains(found[0], np.isin(mine, changed), x, y, usual):
            return found[0], {"by": by, "levels": changed}
    if pair.suspect.n_rows == len(x):
        at, p = change_point(np.where(np.isfinite(x), x, np.nanmedian(x)))
        for rows in (slice(at, None), slice(0, at)) if p < 1e-6 and 100 <= at <= len(x) - 100 else ():
            rest = np.delete(x, np.arange(len(x))[rows])
            found = best_inverse(finite(x[rows]), finite(y))
            if found and ks_distance(finite(rest), finite(y)) < max(usual, ks_critical(len(rest), len(y), 1e-3)):
                return found[0], {"from": rows.start or 0, "to": rows.stop or len(x)}
    return _off_grid(finite(x), finite(y), usual) or _mixed(finite(x), finite(y), usual)


def _off_grid(x: np.ndarray, y: np.ndarray, usual: float) -> tuple[Arithmetic, dict[str, Any]] | None:
    """The formula of the rows that stand between the healthy column's decimals, the others standing as they did."""
    decimals = decimals_of(y, most=2)
    if decimals is None:
        return None
    off = off_grid(x, decimals)
    if not FEWEST_OFF <= off.mean() <= 1 - FEWEST_OFF or min(off.sum(), (~off).sum()) < 50:
        return None
    found = best_inverse(x[off], y)
    if found is None or ks_distance(x[~off], y) > max(usual, ks_critical(int((~off).sum()), len(y), 1e-4)):
        return None
    return (found[0], {"off": decimals}) if _explains(found[0], off, x, y, usual) else None


def off_grid(values: np.ndarray, decimals: int) -> np.ndarray:
    """Which values need more decimals than these, shape (n,), bool; NaN does not."""
    scaled = values * 10.0**decimals
    return np.asarray(np.abs(scaled - np.round(scaled)) > 1e-5 * np.maximum(1.0, np.abs(scaled)))


def _mixed(x: np.ndarray, y: np.ndarray, usual: float) -> tuple[Arithmetic, dict[str, Any]] | None:
    best = None
    # A part of the rows that may be any makes many a formula fit a column that drifted: it must take nearly all of the distance away.
    usual, levels = min(usual, ks_distance(x, y) / NEARLY_ALL), np.unique(y)
    for arithmetic in known_arithmetic():
        mixed = mixture(x, y, arithmetic)
        if mixed and _out_of_reach(arithmetic, x[mixed.rows(x)], y, levels):
            continue
        if mixed and mixed.share > 0.01 and mixed.overlap < 0.03 and mixed.gain > 50 and (best is None or mixed.gain > best[1].gain):
            right = _right(arithmetic, mixed.rows(x), x, y)
            if np.all(np.isfinite(right)) and ks_distance(right, y) < max(usual, ks_critical(len(x), len(y), 1e-3)) + mixed.overlap:
                best = arithmetic, mixed
    return (best[0], {"mixture": best[1]}) if best else None


def _right(arithmetic: Arithmetic, rows: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The column with some rows put right, these on the grid of the healthy values where only rounding keeps them from it."""
    right = x.copy()
    right[rows] = undone(arithmetic, x[rows], y)
    return right


def _explains(arithmetic: Arithmetic, rows: np.ndarray, x: np.ndarray, y: np.ndarray, usual: float) -> bool:
    """Whether the whole column is healthy once these rows are put right."""
    healthy = finite(y)
    right = finite(_right(arithmetic, rows, x, healthy))
    if len(right) < 0.999 * np.isfinite(x).sum():
        return False
    return ks_distance(right, healthy) < max(usual, ks_critical(len(right), len(healthy), 1e-3))


def changed_rows(table: Table, column: str, rows: Rows) -> np.ndarray:
    """The rows of `table` that a part holds, shape (n_rows,), bool."""
    if "by" in rows:
        return np.asarray(np.isin(table.texts(rows["by"]).astype(str), rows["levels"]))
    if "from" in rows:
        at = np.arange(table.n_rows)
        return np.asarray((at >= rows["from"]) & (at < rows["to"]))
    if "mixture" in rows:
        inside: np.ndarray = rows["mixture"].rows(table.numbers(column))
        return inside
    if "off" in rows:
        return off_grid(table.numbers(column), int(rows["off"]))
    return np.ones(table.n_rows, dtype=bool)
