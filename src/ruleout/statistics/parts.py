"""Which part of a column's rows was changed: from a point on, or those whose values only the change explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.statistics.arithmetic import Arithmetic

__all__ = ["Mixture", "change_point", "mixture", "strangers"]


def change_point(values: np.ndarray) -> tuple[int, float]:
    """The row at which a sequence changes its level, with its approximate p-value (Pettitt 1979, equations 2.1 to 2.3).

    Parameters
    ----------
    values
        Finite numbers in the order of rows or time, shape (n,).
    """
    n = len(values)
    if n < 10:
        return 0, 1.0
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    walk = 2 * np.cumsum(ranks) - np.arange(1, n + 1) * (n + 1)
    at = int(np.argmax(np.abs(walk)))
    return at + 1, float(min(1.0, 2 * np.exp(-6 * float(walk[at]) ** 2 / (n**3 + n**2))))


@dataclass(frozen=True)
class Mixture:
    """A column of which a share of the rows went through some arithmetic.

    Parameters
    ----------
    share
        Changed rows, in [0, 1].
    gain
        Log likelihood ratio of the mixture against no change.
    overlap
        Share of rows that lie where both explanations could be true: those cannot be put right one by one.
    edges, changed
        Bins of the values, shape (n_bins + 1,), and whether a value in each is taken as changed, shape (n_bins,).
    """

    share: float
    gain: float
    overlap: float
    edges: np.ndarray
    changed: np.ndarray

    def rows(self, values: np.ndarray) -> np.ndarray:
        """Which of `values` are taken as changed, shape (n,), bool; NaN is not."""
        at = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, len(self.changed) - 1)
        out: np.ndarray = self.changed[at] & np.isfinite(values)
        return out


def mixture(values: np.ndarray, healthy: np.ndarray, arithmetic: Arithmetic, *, n_bins: int = 200) -> Mixture | None:
    """Fit `values` as healthy values of which a share went through `arithmetic`, by expectation maximisation over bins.

    The share is the one unknown (Dempster, Laird and Rubin 1977, section 4.3, with both components known). Values that the formula
    leaves as they are (the zeros, of a factor) tell nothing and are left out. None where the formula has no value for some healthy number.
    """
    values, healthy = (v[np.abs(arithmetic.apply(v) - v) > 1e-9 * np.maximum(np.abs(v), 1e-9)] for v in (values, healthy))
    changed = arithmetic.apply(healthy)
    if not np.all(np.isfinite(changed)) or min(len(values), len(healthy)) < 50:
        return None
    return strangers(values, healthy, changed, n_bins=n_bins)


def strangers(values: np.ndarray, healthy: np.ndarray, others: np.ndarray, *, n_bins: int = 200) -> Mixture | None:
    """Fit `values` as healthy values of which a share was drawn from `others`, by expectation maximisation over bins.

    All three are finite, shapes (n,), (m,) and (k,). None where the two components hold too few values to tell apart.
    """
    quantiles = np.linspace(0, 1, n_bins // 2 + 1)
    edges = np.unique(np.concatenate([np.quantile(healthy, quantiles), np.quantile(others, quantiles)]))
    if len(edges) < 3:
        return None
    # Edges stand a hair below their value, so that a value that many rows share lies inside one bin.
    edges = edges - 1e-9 * np.maximum(np.abs(edges), 1e-9)
    edges[0], edges = -np.inf, np.append(edges, np.inf)

    def shares(column: np.ndarray) -> np.ndarray:
        return np.bincount(np.clip(np.searchsorted(edges, column, side="right") - 1, 0, len(edges) - 2), minlength=len(edges) - 1)

    seen, before, after = shares(values), (shares(healthy) + 0.01) / len(healthy), (shares(others) + 0.01) / len(others)
    share = 0.1
    for _ in range(60):
        posterior = share * after / (share * after + (1 - share) * before)
        new = float(np.sum(seen * posterior) / np.sum(seen))
        if abs(new - share) < 1e-5:
            break
        share = min(max(new, 1e-6), 1 - 1e-6)
    gain = float(np.sum(seen * (np.log(share * after + (1 - share) * before) - np.log(before))))
    overlap = float(np.minimum(share * after, (1 - share) * before).sum())
    changed = share * after > (1 - share) * before
    return Mixture(share, gain, overlap, edges, _between(changed, shares(healthy) + shares(others) > 0))


def _between(changed: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Bins in which neither component holds a value are changed where the nearest ones on both sides are: rounding puts values there."""
    held = np.flatnonzero(known)
    at = np.searchsorted(held, np.arange(len(known)))
    inside = (at > 0) & (at < len(held))
    before, after = held[np.maximum(at - 1, 0)], held[np.minimum(at, len(held) - 1)]
    return np.asarray(np.where(known, changed, inside & changed[before] & changed[after]))
