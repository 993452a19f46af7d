"""The nearest healthy row: whose values could stand in for those that are lost (hot-deck imputation)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["encode", "hot_deck", "nearest_distances"]

Columns = Sequence[np.ndarray]
_NULL = "\0"


def encode(
    recipients: Columns, donors: Columns, *, levels: int = 30, weights: Sequence[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Both tables as points in one space where every column weighs alike.

    Numbers are divided by the donors' standard deviation over their middle 98 %; each of the `levels` commonest texts is an axis, so
    that two different texts lie as far apart as two numbers one and a half standard deviations from each other. A missing value lies at
    the centre.

    Parameters
    ----------
    recipients, donors
        The same columns on both sides, each of shape (n_rows,): floats (NaN for null) or objects (None for null).
    levels
        Texts with an axis of their own in one column.
    weights
        One factor a column; 1 for each where None.

    Returns
    -------
    Arrays of shape (n_recipients, n_axes) and (n_donors, n_axes).
    """
    left: list[np.ndarray] = []
    right: list[np.ndarray] = []
    for at, (mine, theirs) in enumerate(zip(recipients, donors, strict=True)):
        weight = 1.0 if weights is None else weights[at]
        if object not in (mine.dtype, theirs.dtype):
            healthy = theirs[np.isfinite(theirs)]
            if not len(healthy):
                continue
            low, high = np.quantile(healthy, [0.01, 0.99])
            centre, spread = float(np.median(healthy)), float(np.std(np.clip(healthy, low, high))) or float(np.std(healthy))
            if not spread:
                continue
            for values, out in ((mine, left), (theirs, right)):
                scaled = (np.where(np.isfinite(values), values, centre) - centre) / spread
                out.append(weight * np.clip(scaled, -6, 6))
            continue
        said, healthy_said = _said(mine), _said(theirs)
        known, counts = np.unique(healthy_said[healthy_said != _NULL], return_counts=True)
        for level in known[np.argsort(-counts, kind="stable")][:levels]:
            left.append(weight * 1.1 * (said == level))
            right.append(weight * 1.1 * (healthy_said == level))
    if not left:
        return np.zeros((len(recipients[0]) if recipients else 0, 1)), np.zeros((len(donors[0]) if donors else 0, 1))
    return np.column_stack(left), np.column_stack(right)


def hot_deck(
    recipients: Columns,
    donors: Columns,
    *,
    rng: np.random.Generator,
    k: int = 3,
    weights: Sequence[float] | None = None,
    max_donors: int = 10_000,
) -> np.ndarray:
    """For every recipient the row number of a donor that is like it, shape (n_recipients,).

    The donor is drawn from the `k` nearest in the space of `encode` (random k-nearest-neighbour hot deck: Andridge and Little 2010, "A
    review of hot deck imputation", section 3): values keep their joint distribution with the columns that were matched on, which a mean
    would not.
    """
    n_donors = len(donors[0]) if donors else 0
    if not n_donors:
        raise ValueError("hot_deck needs at least one donor row and one column to match on")
    chosen = np.arange(n_donors) if n_donors <= max_donors else np.sort(rng.choice(n_donors, max_donors, replace=False))
    points, deck = encode(recipients, [column[chosen] for column in donors], weights=weights)
    # A grain of noise on either side, or rows that tie in every column would all draw on the same few donors.
    deck = deck + rng.normal(0, 1e-3, deck.shape)
    points = points + rng.normal(0, 1e-3, points.shape)
    near = _nearest(points, deck, min(k, len(chosen)))
    picked: np.ndarray = chosen[near[np.arange(len(points)), rng.integers(0, near.shape[1], len(points))]]
    return picked


def nearest_distances(points: np.ndarray, others: np.ndarray, *, itself: bool = False) -> np.ndarray:
    """The Euclidean distance from each point to the nearest of `others`, shape (n_points,).

    With `itself`, `points` are rows of `others` and the nearest *other* row counts: where a twin stands beside it that is 0.
    """
    near = _nearest(points, others, 2 if itself else 1)
    distances: np.ndarray = np.sqrt(((points - others[near[:, -1]]) ** 2).sum(axis=1))
    return distances


def _nearest(points: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Row numbers of the `k` nearest of `others`, nearest first, shape (n_points, k)."""
    squares = (others**2).sum(axis=1)
    out = np.empty((len(points), k), dtype=np.int64)
    # A block of distances that stays in the processor's cache is searched several times faster than one that does not.
    step = max(1, 500_000 // max(1, len(others)))
    doubled = np.ascontiguousarray(-2.0 * others.T)
    for start in range(0, len(points), step):
        distance = points[start : start + step] @ doubled
        distance += squares
        rows = np.arange(len(distance))
        for rank in range(k):
            nearest = np.argmin(distance, axis=1)
            out[start : start + step, rank] = nearest
            distance[rows, nearest] = np.inf
    return out


def _said(values: np.ndarray) -> np.ndarray:
    """Anything as text, so that whole columns compare at once."""
    return np.array([_NULL if v is None else str(v) for v in values.tolist()], dtype=str)
