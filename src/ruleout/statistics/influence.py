"""Influence values: every metric as a mean of one number a row, so that intervals, pairing and shares share one mechanism.

For a metric m, psi has shape (n_rows,), its mean is m, and sd(psi)/sqrt(n) is the standard error of m
(Hampel, 1974, *The influence curve and its role in robust estimation*).
"""

from __future__ import annotations

import numpy as np

__all__ = ["area_under_roc", "mean_of_ratios", "r_squared", "ratio", "recall_by_class", "root_mean"]


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Influence values of mean(numerator) / mean(denominator): R + (u - R v) / mean(v), the delta method.

    Precision, recall and F1 are of this form: F1 has u = 2 tp, v = 2 tp + fp + fn.
    """
    mean = float(np.mean(denominator))
    if mean == 0.0:
        return np.zeros(len(numerator))
    value = float(np.mean(numerator)) / mean
    return np.asarray(value + (numerator - value * denominator) / mean)


def r_squared(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Influence values of R2 = 1 - sum (y - p)^2 / sum (y - mean y)^2."""
    error, total = (target - prediction) ** 2, (target - np.mean(target)) ** 2
    return np.asarray(1.0 - ratio(error, total))


def root_mean(squares: np.ndarray) -> np.ndarray:
    """Influence values of sqrt(mean(squares)): s / (2 r) + r / 2."""
    root = float(np.sqrt(np.mean(squares)))
    return np.asarray(squares / (2 * root) + root / 2) if root > 0 else np.zeros(len(squares))


def area_under_roc(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Influence values of the area under the ROC curve: its DeLong components (DeLong, DeLong, Clarke-Pearson, 1988).

    Parameters
    ----------
    positive
        True where the row is of the positive class, shape (n_rows,).
    score
        Higher is more positive, shape (n_rows,).

    Returns
    -------
    A + (n / n1) (V10 - A) for positives, A + (n / n0) (V01 - A) for negatives; NaN where a class is absent.
    """
    n, n_positive = len(score), int(np.sum(positive))
    n_negative = n - n_positive
    if n_positive == 0 or n_negative == 0:
        return np.full(n, np.nan)
    ones, zeros = np.sort(score[positive]), np.sort(score[~positive])
    out = np.empty(n)
    below = np.searchsorted(zeros, score[positive], "left") + np.searchsorted(zeros, score[positive], "right")
    above = np.searchsorted(ones, score[~positive], "left") + np.searchsorted(ones, score[~positive], "right")
    v10, v01 = below / (2 * n_negative), 1.0 - above / (2 * n_positive)
    area = float(np.mean(v10))
    out[positive] = area + (n / n_positive) * (v10 - area)
    out[~positive] = area + (n / n_negative) * (v01 - area)
    return out


def recall_by_class(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Influence values of balanced accuracy, the mean over classes of each class's recall."""
    hit, n = (target == prediction).astype(float), len(target)
    classes = np.unique(target)
    psi = np.zeros(n)
    for label in classes:
        member = target == label
        recall = float(hit[member].mean())
        psi += recall + np.where(member, (n / member.sum()) * (hit - recall), 0.0)
    return np.asarray(psi / len(classes))


def mean_of_ratios(pairs: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray) -> np.ndarray:
    """Influence values of a weighted mean of ratios (macro, weighted F1), the weights taken as fixed."""
    total = sum(w * ratio(u, v) for (u, v), w in zip(pairs, weights, strict=True))
    return np.asarray(total / np.sum(weights))
