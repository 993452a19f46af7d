"""How far two samples' distributions lie apart, how far chance alone takes them, and how surely a look would have seen a difference."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["detection_power", "ks_critical", "ks_distance", "proportion_z"]


def ks_distance(first: np.ndarray, second: np.ndarray) -> float:
    """The largest gap between two empirical distribution functions, exact with ties (Kolmogorov 1933, Smirnov 1939).

    Parameters
    ----------
    first, second
        Finite numbers, shapes (n,) and (m,), in any order. An empty sample has distance 0.
    """
    if not len(first) or not len(second):
        return 0.0
    first, second = np.sort(first), np.sort(second)
    points = np.unique(np.concatenate([first, second]))
    gap = np.searchsorted(first, points, side="right") / len(first) - np.searchsorted(second, points, side="right") / len(second)
    return float(np.max(np.abs(gap)))


def ks_critical(n: int, m: int, alpha: float) -> float:
    """The distance that two samples of one population exceed with probability `alpha` at most (Smirnov 1948, asymptotic).

    With ties the true probability is smaller: the bound is safe for discrete columns.
    """
    return math.sqrt(-math.log(alpha / 2) / 2 * (n + m) / (n * m)) if n and m else 1.0


def proportion_z(k_first: float, n_first: int, k_second: float, n_second: int) -> float:
    """The pooled two-proportion z of `k_first` of `n_first` against `k_second` of `n_second`; 0 where either is empty."""
    if not n_first or not n_second:
        return 0.0
    pooled = (k_first + k_second) / (n_first + n_second)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    return (k_first / n_first - k_second / n_second) / spread if spread else 0.0


def detection_power(effect: float, critical: float, n: int, m: int) -> float:
    """The chance that a difference of `effect` in a proportion (or a distribution function) exceeds `critical`.

    Normal approximation with the largest variance a proportion can have, 1/4 a row: a lower bound for `effect > critical`.
    """
    if not n or not m:
        return 0.0
    spread = 0.5 * math.sqrt(1 / n + 1 / m)
    return 0.5 * (1 + math.erf((effect - critical) / spread / math.sqrt(2)))
