"""How far beyond a sample's range another sample of the same population may reach."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["beyond", "tail_index"]


def tail_index(distances: np.ndarray) -> float:
    """The tail index of positive distances by Hill's estimator (1975) over the largest 5 %: 0 is a thin tail, 1 has no mean.

    At least 0.1, so that a sample that happens to end sharply is not taken for one that must.
    """
    ordered = np.sort(distances[distances > 0])[::-1]
    k = min(len(ordered) - 1, max(10, len(ordered) // 20))
    if k < 2:
        return 1.0
    return max(0.1, float(np.mean(np.log(ordered[:k] / ordered[k]))))


def beyond(values: np.ndarray, healthy: np.ndarray) -> tuple[float, float]:
    """The limit above which `values` lie too high for the population of `healthy`, and the p-value; infinity and 1 where none does.

    k values lie beyond a limit at c times the largest healthy distance from the median, where about (n / m) c^(-1/index) were to be
    expected (Pareto tail: Pickands 1975). The limit is the one whose Poisson tail probability is least, corrected for the choice among
    them.

    Parameters
    ----------
    values, healthy
        Finite numbers, shapes (n,) and (m,). For the low end, pass both with their signs turned.
    """
    centre, top = float(np.median(healthy)), float(np.max(healthy))
    # A bounded or lopsided column may end close to its median; its other side and its quartiles then say what far is.
    quartiles = np.quantile(healthy, [0.25, 0.75])
    reach = max(top - centre, (centre - float(np.min(healthy))) / 2, float(quartiles[1] - quartiles[0])) or 1.0
    index = tail_index(healthy - centre)
    outer = np.sort(values[values > top + 0.5 * reach])[::-1]
    best, limit = 1.0, math.inf
    for k in range(1, len(outer) + 1):
        expected = len(values) / len(healthy) * ((outer[k - 1] - centre) / reach) ** (-1 / index)
        log_p = k * math.log(expected) - math.lgamma(k + 1) if expected > 0 else -math.inf
        p = min(1.0, math.exp(min(0.0, log_p)) * 10)
        if p < best or (p == 0.0 and best == 0.0):
            best, limit = p, float(outer[k - 1])
    return limit, best
