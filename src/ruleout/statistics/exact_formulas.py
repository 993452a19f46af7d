"""Columns that give a number by a formula to its last digits: a weighted sum or a product of several, a stepwise copy, shares of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Formula", "distribution_mean", "exact_formula", "follows_exactly"]

TOLERANCE = 0.01
"""Standard deviations of the outcome within which a formula counts as met: honest errors of a hundredth are seen of no prediction."""
MET = 0.6
"""Share of rows that meet the formula: ties, corrections and gaps keep the others from it."""
MET_OF_TWO, APART, NEARLY = 0.5, 0.2, 0.95
"""The same of a plain sum or difference of two; how much oftener it is met than one of the two alone; and its R2."""
MOST_COLUMNS, MOST_CARRIERS = 60, 8
MOST_ROWS = 2_000
FEWEST = 60
STEPS = 6
"""Concentration steps of least trimmed squares (Rousseeuw and Van Driessen, 2006); each fits the half of the rows that fit best."""
FEWEST_LEVELS = 5
SUMMED = 0.15
"""Standard deviation of the sums, relative to their mean, up to which columns are shares of one whole."""
DISTRIBUTED, SLOPES = 0.5, (0.7, 1.4)
"""R2 and slopes with which the outcome is the mean of the distribution whose shares the columns are, these being rounded or cut."""


class Formula(NamedTuple):
    """Columns by their places, whether they multiply, the share of rows that meet the formula, and the number of rows."""

    columns: tuple[int, ...]
    product: bool
    share: float
    n: int


def exact_formula(columns: Sequence[np.ndarray], outcome: np.ndarray) -> Formula | None:
    """The fewest columns whose weighted sum, or product of powers, is the outcome to within a hundredth of its standard deviation.

    All columns are fitted at once by least trimmed squares, so that rows for which the formula does not hold do not bend it; if 60 % of the
    rows meet it, columns are left out for as long as they do. Up to eight columns make a formula.

    Parameters
    ----------
    columns
        Numbers, each of shape (n_rows,); NaN for null.
    outcome
        Shape (n_rows,).
    """
    found = [*(_exact(columns, outcome, product=product) for product in (False, True)), _of_two(columns, outcome)]
    return min((f for f in found if f is not None), key=lambda f: (len(f.columns), f.product), default=None)


def _of_two(columns: Sequence[np.ndarray], outcome: np.ndarray) -> Formula | None:
    """Two columns whose plain sum or difference the outcome is in most rows, and nearly in the others; one alone is not.

    A third thing that is counted in some rows (ties beside wins and losses) bends a fit, but not a plain difference.
    """
    rows = np.flatnonzero(np.isfinite(outcome))[:MOST_ROWS]
    y = outcome[rows]
    if len(rows) < FEWEST or len(np.unique(y)) < 2 * FEWEST_LEVELS:
        return None
    spread, best = float(y.std()), None
    held = [(k, c[rows]) for k, c in enumerate(columns) if np.isfinite(c[rows]).mean() >= 0.9 and np.nanstd(c[rows]) > 0][:MOST_COLUMNS]
    alone = {k: float(np.mean(np.abs(x - y) <= TOLERANCE * spread)) for k, x in held}
    for at, (first, a) in enumerate(held):
        for second, b in held[at + 1 :]:
            for said in (a + b, a - b, b - a):
                off = np.abs(said - y)
                share = float(np.mean(off <= TOLERANCE * spread))
                if share < MET_OF_TWO or share < alone[first] + APART or share < alone[second] + APART:
                    continue
                if float(np.nanmean(off**2)) <= (1 - NEARLY) * spread**2 and (best is None or share > best.share):
                    best = Formula((first, second), False, share, len(y))
    return best


def _exact(columns: Sequence[np.ndarray], outcome: np.ndarray, *, product: bool) -> Formula | None:
    rows = np.flatnonzero(np.isfinite(outcome))
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ROWS])
    if len(rows) < FEWEST or (product and outcome[rows].min() <= 0) or len(np.unique(outcome[rows])) < 2 * FEWEST_LEVELS:
        return None
    usable: list[tuple[int, np.ndarray]] = []
    for k, column in enumerate(columns):
        x = column[rows]
        known = x[np.isfinite(x)]
        if len(known) < 0.9 * len(x) or np.ptp(known) == 0 or (product and known.min() <= 0):
            continue
        usable.append((k, np.log(x) if product else x))
    y = np.log(outcome[rows]) if product else outcome[rows]
    if not usable:
        return None
    whole = np.column_stack([x for _, x in usable])
    if whole.shape[1] > MOST_COLUMNS:
        related = [abs(_correlation(whole[:, j], y)) for j in range(whole.shape[1])]
        best = np.sort(np.argsort(related)[::-1][:MOST_COLUMNS])
        usable, whole = [usable[j] for j in best], whole[:, best]
    known = np.isfinite(whole).all(axis=1)
    if known.sum() < max(FEWEST, 5 * whole.shape[1]):
        return None
    whole, y = whole[known], y[known]
    scale = whole.std(axis=0)
    if not (scale > 0).all() or y.std() == 0:
        keep = scale > 0
        usable, whole, scale = [u for u, k in zip(usable, keep, strict=True) if k], whole[:, keep], scale[keep]
        if not usable or y.std() == 0:
            return None
    design, y = (whole - whole.mean(axis=0)) / scale, (y - y.mean()) / y.std()
    left = list(range(design.shape[1]))
    share, weights = _trimmed(design, y)
    if share < MET:
        return None
    while len(left) > 1:
        for j in sorted(range(len(left)), key=lambda j: abs(weights[j])):
            fewer = left[:j] + left[j + 1 :]
            again, lighter = _trimmed(design[:, fewer], y)
            if again >= max(MET, 0.9 * share):
                left, share, weights = fewer, again, lighter
                break
        else:
            break
    if len(left) > MOST_CARRIERS:
        return None
    return Formula(tuple(usable[j][0] for j in left), product, share, len(y))


def _trimmed(design: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of rows within the tolerance of a plane through the half of them that fits best, and the plane's weights."""
    full = np.column_stack([np.ones(len(y)), design])
    use, half = np.ones(len(y), dtype=bool), len(y) // 2 + 1
    best, weights = 0.0, np.zeros(design.shape[1])
    for _ in range(STEPS):
        solved = np.linalg.lstsq(full[use], y[use], rcond=None)[0]
        off = np.abs(y - full @ solved)
        share = float(np.mean(off <= TOLERANCE))
        if share >= best:
            best, weights = share, solved[1:]
        use = off <= np.partition(off, half - 1)[half - 1]
    return best, weights


def follows_exactly(column: np.ndarray, outcome: np.ndarray) -> bool:
    """Whether the outcome rises, or falls, from each value of a column to the next without one exception: a copy, a power, a band of it.

    At least five values and sixty rows must be there.
    """
    known = np.isfinite(column) & np.isfinite(outcome)
    x, y = column[known], outcome[known]
    if len(x) < FEWEST:
        return False
    levels, place = np.unique(x, return_inverse=True)
    if len(levels) < FEWEST_LEVELS or len(np.unique(y)) < 2 * FEWEST_LEVELS:
        return False
    low, high = np.full(len(levels), np.inf), np.full(len(levels), -np.inf)
    np.minimum.at(low, place, y)
    np.maximum.at(high, place, y)
    rising, falling = bool((high[:-1] <= low[1:]).all()), bool((low[:-1] >= high[1:]).all())
    return rising or falling


def distribution_mean(names: Sequence[str], columns: Sequence[np.ndarray], outcome: np.ndarray) -> tuple[tuple[int, ...], float] | None:
    """Numbered columns that are the shares of a distribution over their numbers, of which the outcome is the mean; and their R2.

    The shares sum to about one number, the outcome lies between the least and the greatest number, and it goes with the mean of the
    distribution at a slope of about one. None where no such columns are there.
    """
    by_stem: dict[str, list[tuple[int, int]]] = {}
    for k, name in enumerate(names):
        numbered = re.fullmatch(r"(.*?)[_\s-]?(\d{1,3})", name)
        if numbered:
            by_stem.setdefault(numbered[1], []).append((int(numbered[2]), k))
    best: tuple[tuple[int, ...], float] | None = None
    for members in by_stem.values():
        numbers = np.array(sorted(number for number, _ in members), dtype=float)
        places = tuple(k for _, k in sorted(members))
        if len(places) < 3 or len(set(numbers.tolist())) < len(places):
            continue
        shares = np.column_stack([columns[k] for k in places])
        known = np.isfinite(shares).all(axis=1) & np.isfinite(outcome)
        shares, y = shares[known], outcome[known]
        if len(y) < FEWEST or shares.min() < 0 or y.min() < numbers[0] or y.max() > numbers[-1] or y.std() == 0:
            continue
        total = shares.sum(axis=1)
        if total.min() <= 0 or total.std() > SUMMED * total.mean() or np.ptp(y) < 0.3 * np.ptp(numbers):
            continue
        mean = shares @ numbers / total
        if mean.std() == 0:
            continue
        related = _correlation(mean, y)
        slope = related * y.std() / mean.std()
        if related > 0 and related**2 >= DISTRIBUTED and SLOPES[0] <= slope <= SLOPES[1] and (best is None or related**2 > best[1]):
            best = places, related**2
    return best


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 10 or x[known].std() == 0 or y[known].std() == 0:
        return 0.0
    return float(np.corrcoef(x[known], y[known])[0, 1])
