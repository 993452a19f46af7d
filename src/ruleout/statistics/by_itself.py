"""What a sample says of itself, with nothing to hold it against: two scales in one column, values out of all reach, stand-ins, repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.statistics.repeats import repeats, row_codes
from ruleout.statistics.stand_ins import EDGES, is_customary
from ruleout.statistics.tails import tail_index

__all__ = ["Repeated", "Scales", "absent_steps", "detached", "repeated", "stand_in", "two_scales", "unwatched"]

FACTORS = (10.0, 12.0, 24.0, 25.4, 30.48, 60.0, 100.0, 1000.0, 1440.0, 3600.0, 1e4, 86_400.0, 1e5, 1e6, 1e9)
"""Factors of units that two crowds of one column may lie apart; below ten, two natural crowds lie so by themselves."""

SURE_FACTOR = 100.0
"""From this factor on, crowds of the same shape exactly one unit apart are no nature's."""

FEW_ALIKE = 0.15
"""Below that factor crowds must be shown to be alike, not only too few to be told apart: the largest distance that passes."""

ALPHA = 1e-7

FEWEST, SATURATED = 200, 0.1
"""The fewest rows of which repeats are judged, and the share of repeats above which distinct rows are too few to judge them by."""


class Scales(NamedTuple):
    """Two crowds a factor apart: those below `cut` are the smaller by `factor`; `distance` is Kolmogorov and Smirnov's with it undone."""

    factor: float
    cut: float
    n_low: int
    n_high: int
    distance: float


def two_scales(values: np.ndarray) -> Scales | None:
    """Whether positive values are one population in two units: two crowds apart by a unit's factor and otherwise alike.

    The logarithms are cut where the variance between the parts is largest (Otsu 1979). The parts must leave a valley between them, lie a
    known factor apart to within their medians' errors, and have the same shape once it is undone (Kolmogorov and Smirnov, at most 0.06
    or the 0.1 % critical value, which is capped for factors that nature knows as well).
    """
    x = values[np.isfinite(values) & (values > 0)]
    if len(x) < 100 or len(np.unique(x)) < 20:
        return None
    y = np.sort(np.log10(x))
    total, n = np.cumsum(y), np.arange(1, len(y) + 1)
    between = (total[:-1] / n[:-1] - (total[-1] - total[:-1]) / (len(y) - n[:-1])) ** 2 * n[:-1] * (len(y) - n[:-1])
    at = int(np.argmax(np.where(y[1:] > y[:-1], between, -1.0))) + 1
    low, high = y[:at], y[at:]
    if min(len(low), len(high)) < max(30, 0.01 * len(y)):
        return None
    step = float(np.median(high) - np.median(low))
    errors = [1.2533 * float(np.subtract(*np.quantile(part, [0.75, 0.25]))) / 1.349 / np.sqrt(len(part)) for part in (low, high)]
    factor = min(FACTORS, key=lambda f: abs(np.log10(f) - step))
    apart = float(np.log10(factor))
    width = 0.12 * apart
    dense = [np.mean(np.abs(part - np.median(part)) < width) * len(part) for part in (low, high)]
    valley = float(np.sum(np.abs(y - (np.median(low) + np.median(high)) / 2) < width))
    if abs(apart - step) > max(0.01, 3 * float(np.hypot(*errors))) or valley > 0.15 * min(dense):
        return None
    distance, chance = ks_distance(low + apart, high), ks_critical(len(low), len(high), 1e-3)
    if distance > max(0.06, chance if factor >= SURE_FACTOR else min(chance, FEW_ALIKE)):
        return None
    return Scales(factor, float((10 ** low[-1] + 10 ** high[0]) / 2), len(low), len(high), distance)


def detached(values: np.ndarray) -> tuple[float, float, float]:
    """Limits beyond which a few values stand out of all reach of the others (infinite where none do), and the p-value.

    k values lie c times as far from the median as the next one. Under a Pareto tail with the others' own index (Hill 1975) that comes
    with probability c^(-k / index). They must be a hundredth of all at most, c at least 30 (100 where they are one or two), p below
    1e-7, and outweigh the rest in squares where they are fewer than five.
    """
    x = values[np.isfinite(values)]
    if len(x) < 50 or len(np.unique(x)) < 6:
        return -np.inf, np.inf, 1.0
    (high, p_high), (low, p_low) = _above(x), _above(-x)
    return -low, high, min(p_high, p_low)


def _above(x: np.ndarray) -> tuple[float, float]:
    centre = float(np.median(x))
    distance = np.sort(x[x > centre] - centre)[::-1]
    quartiles = np.quantile(x, [0.25, 0.75])
    width = max(float(quartiles[1] - quartiles[0]), (centre - float(np.min(x))) / 2)
    best, limit = 1.0, np.inf
    for k in range(1, min(max(5, len(x) // 100), len(distance) - 3) + 1):
        rest = distance[k:]
        reach = max(float(rest[0]), width)
        ratio = float(distance[k - 1]) / reach if reach > 0 else 0.0
        if ratio < (100 if k < 3 else 30):
            continue
        kept = np.sort(x)[: len(x) - k]
        if k < 5 and float((distance[:k] ** 2).sum()) < 10 * len(kept) * float(kept.var()):
            continue
        p = 10 * ratio ** (-k / tail_index(rest))
        if p < min(best, ALPHA):
            best, limit = p, centre + float(distance[k - 1])
    return limit, best


def stand_in(values: np.ndarray) -> tuple[float, float] | None:
    """The one number outside the range of all others that customarily stands for null, and its share; None where none does.

    0 and -1 are values of many columns, and a positive run of nines may be a cap: it counts from 2 % of the rows.
    """
    x = values[np.isfinite(values)]
    if len(x) < 50:
        return None
    levels, counts = np.unique(x, return_counts=True)
    strange = np.array([_customary(float(v)) for v in levels]) & (counts >= max(10, 0.005 * len(x)))
    rest = levels[~strange]
    if not strange.any() or len(rest) < 2:
        return None
    low, high = np.quantile(x[~np.isin(x, levels[strange])], [0.01, 0.99])
    best: tuple[float, float] | None = None
    for value, count in zip(levels[strange].tolist(), counts[strange].tolist(), strict=True):
        share = count / len(x)
        below = value < 0 <= rest[0] or value < rest[0] - 0.5 * (high - low)
        above = value > rest[-1] + 0.5 * (high - low) and share >= 0.02
        if (below or above) and (best is None or share > best[1]):
            best = float(value), share
    return best


def _customary(value: float) -> bool:
    return is_customary(value) and value not in (0.0, -1.0) and (abs(value) >= 100 or value in EDGES or value == -99.0)


class Repeated(NamedTuple):
    """Rows that repeat an earlier one, shape (n_rows,), their number, and how many pairs of equal rows there are and chance gives."""

    again: np.ndarray
    n_again: int
    n_pairs: float
    chance: float


def repeated(columns: Sequence[np.ndarray]) -> Repeated:
    """Rows that are the same in every column, and how many pairs of them the columns' coarseness alone gives.

    Among distinct rows, m pairs agree in all columns but one; were that one drawn anew it would agree too with its coincidence
    probability q (Simpson 1949), so that m q / (1 - q) pairs agree by chance. The column that gives most is taken. Where many rows are
    repeats, distinct ones are too few to tell: then it is asked of a part of the rows, in which chance pairs are as rare as true ones.
    """
    mixed = [row_codes([column]) * np.uint64(2 * k + 0x9E3779B97F4A7C15) for k, column in enumerate(columns)]
    mixed = [code ^ (code >> np.uint64(29)) for code in mixed]
    whole = np.zeros(len(columns[0]), dtype=np.uint64) if columns else np.zeros(0, dtype=np.uint64)
    for code in mixed:
        whole = whole + code
    again, n = repeats(whole), len(whole)
    rows = np.random.default_rng(0).permutation(n)
    while len(rows) >= 2 * FEWEST and repeats(whole[rows]).mean() > SATURATED:
        rows = rows[: len(rows) // 2]
    part, chance = whole[rows], 0.0
    first = ~repeats(part)
    if len(rows) and 1.0 - first.mean() > SATURATED:
        return Repeated(again, int(again.sum()), _pairs(whole), float("inf"))
    for code in mixed:
        others, own = (part - code[rows])[first], code[rows][first]
        q = _pairs(own) / max(len(own) * (len(own) - 1) / 2, 1.0)
        chance = max(chance, _pairs(others) * q / max(1.0 - q, 0.05))
    return Repeated(again, int(again.sum()), _pairs(whole), chance * (n / max(len(rows), 1)) ** 2)


def _pairs(codes: np.ndarray) -> float:
    counts = np.unique(codes, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1)).sum() / 2)


def unwatched(seconds: np.ndarray) -> tuple[float, float, float] | None:
    """The longest stretch of time without a row, as its two ends and the rows that were to be expected in it; None where none stands out.

    By days with rows: the stretch is three times as long as the next longest (waves of a survey come again) and five times as long as all
    but a fiftieth of the gaps, holds at least a week, and at the usual rate fifty rows were to be expected in it.
    """
    known = seconds[np.isfinite(seconds)]
    days = np.unique(np.floor(known / 86_400))
    if len(days) < 30:
        return None
    gaps = np.diff(days)
    at = int(np.argmax(gaps))
    others = np.delete(gaps, at)
    usual = max(float(np.quantile(others, 0.98)), 0.6 * float(others.max()))
    expected = float(gaps[at] - 1) * len(known) / max(float(days[-1] - days[0] - (gaps[at] - 1)), 1.0)
    if gaps[at] < max(7.0, 5 * usual) or expected < 50:
        return None
    return float(days[at] * 86_400), float(days[at + 1] * 86_400), expected


def absent_steps(values: np.ndarray) -> tuple[float, float, float] | None:
    """The hole in a column that counts evenly (months, weekdays, hours), as its two edges and the rows to be expected in it; None without.

    All steps between neighbours are one but a single longer one, at least eight values are there, and the two on either side of the hole
    hold half of a usual value's rows or more: the count does not thin out towards it.
    """
    x = values[np.isfinite(values)]
    levels, counts = np.unique(x, return_counts=True)
    if not 8 <= len(levels) <= 400 or len(x) < 50 * 8:
        return None
    steps = np.diff(levels)
    wide = np.flatnonzero(steps > 1)
    if len(wide) != 1 or not np.all(np.delete(steps, wide) == 1) or not 2 <= wide[0] <= len(levels) - 4:
        return None
    at, usual = int(wide[0]), float(np.median(counts))
    n_absent = float(steps[at]) - 1
    expected = n_absent * usual
    spread = float(np.quantile(counts, 0.9) / max(np.quantile(counts, 0.1), 1))
    if n_absent > len(levels) or expected < 50 or spread > 3 or counts[at - 1 : at + 3].min() < 0.5 * usual:
        return None
    return float(levels[at]), float(levels[at + 1]), expected
