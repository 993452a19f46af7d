"""What one column alone says of the target, on rows that it was not learned from."""

from __future__ import annotations

import numpy as np

__all__ = ["as_outcomes", "outcome_skill", "single_skill"]

BINS = 64
"""Cells into which a column of numbers is cut at its quantiles; fewer values than these keep a cell each."""

CLASSES = 30
"""Rarer classes than these count as none."""

PSEUDO_ROWS = 1.0
"""Weight of the base rate in each cell (Micci-Barreca, 2001): a cell of one row says little."""


def as_outcomes(target: np.ndarray, classes: list[str] | None) -> np.ndarray:
    """The target as numbers to be predicted: itself for regression, one column of 0 and 1 for each class otherwise.

    Parameters
    ----------
    target
        Floats, or objects that are texts, shape (n_rows,).
    classes
        The classes in order; None for regression.

    Returns
    -------
    Floats of shape (n_rows, n_outcomes); rows without a target are NaN.
    """
    if classes is None:
        return np.asarray(target, dtype=np.float64).reshape(-1, 1)
    out: np.ndarray = np.column_stack([(target == c).astype(np.float64) for c in classes[:CLASSES]])
    out[np.array([v is None for v in target.tolist()], dtype=bool)] = np.nan
    return out


def outcome_skill(predicted: np.ndarray, outcomes: np.ndarray, base: np.ndarray) -> float:
    """1 - squared error / squared error of the base rates: R2 for numbers, the Brier skill score for classes (Murphy, 1973).

    Parameters
    ----------
    predicted, outcomes
        Shape (n_rows, n_outcomes); rows whose outcome is NaN are left out.
    base
        What is answered without looking, shape (n_outcomes,).
    """
    known = np.isfinite(outcomes).all(axis=1) & np.isfinite(predicted).all(axis=1)
    if not known.any():
        return 0.0
    error = float(((predicted[known] - outcomes[known]) ** 2).sum())
    without = float(((outcomes[known] - base) ** 2).sum())
    return 1.0 - error / without if without > 0 else 0.0


def single_skill(train: np.ndarray, outcomes: np.ndarray, judged: np.ndarray, judged_outcomes: np.ndarray) -> float:
    """How much of the target's variation one column alone explains in rows that it was not learned from; 0 for nothing, 1 for all.

    The target's mean in each cell of the column is learned on the first rows and judged on the others.

    Parameters
    ----------
    train, judged
        The column: floats with NaN for null, or objects with None for null.
    outcomes, judged_outcomes
        As `as_outcomes` gives them.
    """
    known = np.isfinite(outcomes).all(axis=1)
    if known.sum() < 10:
        return 0.0
    train, outcomes = train[known], outcomes[known]
    cells, n_cells, judged_cells = _cells(train, judged)
    base = outcomes.mean(axis=0)
    counts = np.bincount(cells, minlength=n_cells).astype(np.float64)
    sums = np.column_stack([np.bincount(cells, weights=outcomes[:, k], minlength=n_cells) for k in range(outcomes.shape[1])])
    means = (sums + PSEUDO_ROWS * base) / (counts + PSEUDO_ROWS)[:, None]
    return outcome_skill(means[judged_cells], judged_outcomes, base)


def _cells(train: np.ndarray, judged: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """The cell of each value; nulls and values never seen have one of their own."""
    if train.dtype == object:
        level = {v: k for k, v in enumerate(dict.fromkeys(v for v in train.tolist() if v is not None))}
        null, unseen = len(level), len(level) + 1
        mine = np.array([null if v is None else level[v] for v in train.tolist()], dtype=np.int64)
        theirs = np.array([null if v is None else level.get(v, unseen) for v in judged.tolist()], dtype=np.int64)
        return mine, unseen + 1, theirs
    finite = train[np.isfinite(train)]
    values = np.unique(finite)
    edges = values if len(values) <= BINS else np.unique(np.quantile(finite, np.linspace(0, 1, BINS + 1)[1:-1]))
    if len(values) <= BINS:
        edges = (values[1:] + values[:-1]) / 2
    null = len(edges) + 1
    mine, theirs = np.searchsorted(edges, train), np.searchsorted(edges, judged)
    return np.where(np.isfinite(train), mine, null), null + 1, np.where(np.isfinite(judged), theirs, null)
