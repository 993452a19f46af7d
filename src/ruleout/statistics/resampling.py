"""Rows drawn so that a sample looks like another: weights by bins, and a draw that adds little noise."""

from __future__ import annotations

import numpy as np

__all__ = ["bin_weights", "draw_rows"]


def bin_weights(codes: np.ndarray, other: np.ndarray, size: int, *, largest: float = 20.0) -> np.ndarray:
    """Weight of each row by which its bins hold the shares that they hold in the other sample, mean 1, shape (n_rows,).

    Parameters
    ----------
    codes, other
        Bins of the rows of either sample, shape (n_rows,).
    size
        Number of bins.
    largest
        No weight exceeds this before scaling.
    """
    mine, theirs = (np.bincount(c, minlength=size) / max(len(c), 1) for c in (codes, other))
    ratio = np.where(mine > 0, theirs / np.maximum(mine, 1e-12), 0.0)
    weights = np.minimum(ratio, largest)[codes]
    scaled: np.ndarray = weights / max(float(weights.mean()), 1e-12)
    return scaled


def draw_rows(weights: np.ndarray, n_rows: int, seed: int = 0) -> np.ndarray:
    """Row numbers drawn in proportion to weights, shape (n_rows,), in their order.

    Systematic: each row is drawn its expected number of times, rounded up or down (Kitagawa 1996), so that the draw itself
    adds hardly any noise.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(weights))
    total = np.cumsum(weights[order]) / weights.sum()
    points = (rng.random() + np.arange(n_rows)) / n_rows
    drawn: np.ndarray = np.sort(order[np.minimum(np.searchsorted(total, points), len(weights) - 1)])
    return drawn
