"""A category known by its company: what the other columns look like where it stands, and how far two such fingerprints lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Fingerprints", "distances", "fingerprints", "most_telling"]


@dataclass(frozen=True)
class Fingerprints:
    """One fingerprint a level.

    Parameters
    ----------
    counts
        Rows of each level, shape (n_levels,).
    means
        Means of the other columns where the level stands, shape (n_levels, n_axes).
    within
        Pooled covariance of the other columns within levels, shape (n_axes, n_axes).
    n_rows
        Rows in all.
    """

    counts: np.ndarray
    means: np.ndarray
    within: np.ndarray
    n_rows: int


def fingerprints(codes: np.ndarray, n_levels: int, axes: np.ndarray) -> Fingerprints:
    """The fingerprints of levels 0 to `n_levels` - 1; rows of other codes (-1) are left out.

    Parameters
    ----------
    codes
        Level of each row, shape (n_rows,).
    axes
        The other columns on one scale, shape (n_rows, n_axes), without NaN (`matching.encode` gives such).
    """
    kept = codes >= 0
    codes, axes = codes[kept], axes[kept]
    counts = np.bincount(codes, minlength=n_levels)
    sums = np.zeros((n_levels, axes.shape[1]))
    np.add.at(sums, codes, axes)
    means = sums / np.maximum(counts, 1)[:, None]
    rest = axes - means[codes]
    within = rest.T @ rest / max(1, len(rest) - n_levels)
    return Fingerprints(counts, means, within, len(codes))


def most_telling(codes: np.ndarray, axes: np.ndarray, most: int = 24) -> np.ndarray:
    """Numbers of the at most `most` axes that differ most between levels, by the correlation ratio (Pearson 1905), in their order."""
    if axes.shape[1] <= most:
        return np.arange(axes.shape[1])
    kept = codes >= 0
    codes, axes = codes[kept], axes[kept]
    levels = (codes[None, :] == np.unique(codes)[:, None]).astype(float)
    counts = levels.sum(axis=1)
    between = counts @ ((levels @ axes) / counts[:, None] - axes.mean(axis=0)) ** 2
    total = axes.var(axis=0) * len(axes)
    return np.asarray(np.sort(np.argsort(-between / np.maximum(total, 1e-12), kind="stable")[:most]))


def distances(mine: Fingerprints, theirs: Fingerprints) -> tuple[np.ndarray, int]:
    """How far each level of one table lies from each of the other, shape (n_mine, n_theirs), and the degrees of freedom.

    Hotelling's two-sample statistic (1931) on the means of the other columns, with the pooled covariance within levels, plus the squared
    standardised log ratio of the levels' shares. Under identity it is chi-square with the returned degrees of freedom.
    """
    within = (mine.within * mine.n_rows + theirs.within * theirs.n_rows) / max(1, mine.n_rows + theirs.n_rows)
    values, vectors = np.linalg.eigh(within)
    solid = values > 1e-3 * max(values.max(), 1e-12)
    whiten = vectors[:, solid] / np.sqrt(values[solid])
    a, b = mine.means @ whiten, theirs.means @ whiten
    spread = 1 / np.maximum(mine.counts, 1)[:, None] + 1 / np.maximum(theirs.counts, 1)[None, :]
    gap = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2) / spread
    ratio = np.log((mine.counts[:, None] + 0.5) / (mine.n_rows + 1)) - np.log((theirs.counts[None, :] + 0.5) / (theirs.n_rows + 1))
    freq = ratio**2 / (1 / (mine.counts[:, None] + 0.5) + 1 / (theirs.counts[None, :] + 0.5))
    return gap + freq, int(solid.sum()) + 1
