"""Requests from beyond what training held: numeric features outside of their range, and a target that went where they lead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, texts
from ruleout.causes.page import Pair

__all__ = ["Beyond", "beyond_training"]

OUTSIDE = 0.5
"""Share of the rows that must lie outside of a feature's range in training."""

USUAL = 0.02
"""Share of the healthy rows that may."""

LEADS = 0.3
"""Correlation with the target, in health, from which a feature says where the target must go."""

WENT = 0.7
"""Standard deviations by which the target must have gone that way."""

FEWEST_ROWS = 60


class Beyond(NamedTuple):
    """Features beyond training's range, the furthest out first, each with its share of rows outside; and how far the target went along."""

    shares: dict[str, float]
    low: float
    high: float
    middle: float
    went: float


def beyond_training(case: Case, pair: Pair) -> Beyond | None:
    """The features of most requests that no training row was like, where the target moved with them; None where there are none.

    A column in another unit lies outside as well, but the target does not know of that.
    """
    train = case.reference.train if case.reference is not None else None
    target = case.target
    if train is None or not target or target not in pair.suspect or target not in train or pair.suspect.n_rows < FEWEST_ROWS:
        return None
    shares: dict[str, float] = {}
    went: dict[str, float] = {}
    spans: dict[str, tuple[float, float, float]] = {}
    for column in case.features(pair.suspect):
        if column not in train or column not in pair.yardstick or {t.kind(column) for t in (pair.suspect, train)} != {"numeric"}:
            continue
        inside, mine, healthy = (numbers(t, column) for t in (train, pair.suspect, pair.yardstick))
        if min(len(finite(v)) for v in (inside, mine, healthy)) < FEWEST_ROWS or len(np.unique(finite(inside))) < 10:
            continue
        low, high = float(np.nanmin(inside)), float(np.nanmax(inside))
        outside, usual = (float(np.mean((finite(v) < low) | (finite(v) > high))) for v in (mine, healthy))
        if outside < OUTSIDE or usual > USUAL:
            continue
        moved = _went(case, pair, column, inside)
        shares[column], spans[column] = outside, (low, high, float(np.nanmedian(mine)))
        if moved is not None:
            went[column] = moved
    if not went:
        return None
    first = max(went, key=lambda c: (shares[c], c))
    ordered = {c: shares[c] for c in sorted(shares, key=lambda c: (c != first, -shares[c], c))}
    return Beyond(ordered, *spans[first], went[first])


def _went(case: Case, pair: Pair, column: str, inside: np.ndarray) -> float | None:
    """By how many healthy deviations the target moved where the column leads it; None where it did not, or the column does not lead."""
    train, target = case.reference.train if case.reference is not None else None, str(case.target)
    assert train is not None
    best: float | None = None
    for now, was in _targets(case, pair, target):
        known = np.isfinite(inside) & np.isfinite(was)
        spread = float(was[known].std())
        if known.sum() < FEWEST_ROWS or spread == 0 or inside[known].std() == 0:
            continue
        r = float(np.corrcoef(inside[known], was[known])[0, 1])
        step = float(np.nanmean(numbers(pair.suspect, column)) - inside[known].mean())
        moved = float(np.nanmean(now) - was[known].mean()) / spread
        if abs(r) >= LEADS and np.sign(r * step) == np.sign(moved) and abs(moved) >= WENT and (best is None or abs(moved) > abs(best)):
            best = moved
    return best


def _targets(case: Case, pair: Pair, target: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The target as numbers here and in training; of classes one indicator each, of the commonest six."""
    train = case.reference.train if case.reference is not None else None
    assert train is not None
    if case.task == "regression":
        return [(numbers(pair.suspect, target), numbers(train, target))]
    mine, theirs = texts(pair.suspect, target), texts(train, target)
    known, counts = np.unique(theirs.astype(str), return_counts=True)
    return [((mine == v).astype(float), (theirs == v).astype(float)) for v in known[np.argsort(-counts, kind="stable")][:6]]
