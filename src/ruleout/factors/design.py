"""Design: which settings to run next, so that the explanations are told apart with the fewest runs.

The expected information of a run grows with how far the explanations' predictions lie apart, held against the noise
(Box and Hill, 1967, "Discrimination among mechanistic models"; Lindley, 1956, for the expected gain in information).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ruleout.factors.posterior import Posterior

__all__ = ["next_settings", "settings_for"]

ALL_SETTINGS_UP_TO = 8
"""With so many factors every setting can be chosen (256); beyond, those near a corner and a drawn set of others."""

DRAWN = 160
"""Settings that are drawn besides, each factor on in half of them."""

NEGLIGIBLE = 1e-3
"""Explanations that are less probable have no say in what is run next."""


def settings_for(n_factors: int, rng: np.random.Generator) -> np.ndarray:
    """The settings that may be run: (n, n_factors) of 0 (reference's value) and 1 (current value); reference first, current second."""
    if n_factors <= ALL_SETTINGS_UP_TO:
        bits = (np.arange(2**n_factors)[:, None] >> np.arange(n_factors)) & 1
        order = [0, len(bits) - 1, *range(1, len(bits) - 1)]
        return np.asarray(bits[order[: len(bits)]], dtype=float)
    rows: list[np.ndarray] = [np.zeros(n_factors), np.ones(n_factors)]
    for size in (1, 2):
        for chosen in combinations(range(n_factors), size):
            one = np.zeros(n_factors)
            one[list(chosen)] = 1.0
            rows += [one, 1.0 - one]
    # Each drawn setting comes with its opposite, so that every factor is on in half of them.
    for _ in range(DRAWN // 2):
        half = rng.permutation(n_factors) < n_factors / 2
        rows += [half.astype(float), 1.0 - half]
    every: np.ndarray = np.unique(np.array(rows), axis=0)
    return np.asarray(every[_corners_first(every)])


def _corners_first(rows: np.ndarray) -> np.ndarray:
    total = rows.sum(axis=1)
    rank = np.where(total == 0, 0, np.where(total == rows.shape[1], 1, 2))
    return np.asarray(np.argsort(rank, kind="stable"))


def next_settings(held: Posterior, columns: np.ndarray, n: int, *, barred: frozenset[int] = frozenset()) -> list[int]:
    """Choose settings for the next runs, the most telling first.

    Each is chosen as if those before it had been run: what they are going to say is taken out of the others (a step of Gaussian
    conditioning over the explanations).

    Parameters
    ----------
    held
        What is believed so far.
    columns
        As `features` makes them.
    n
        How many runs.
    barred
        Settings that cannot be run.
    """
    likely = held.weights > NEGLIGIBLE
    w = held.weights[likely] / held.weights[likely].sum()
    F, beta, covariances = columns[likely], held.effects[likely], held.covariances[likely]
    predicted = np.einsum("hsq,hq->hs", F, beta)
    off = predicted - w @ predicted
    # Between the explanations, and within each what its effects still leave open: a harm that a gain may hide shows in the second alone.
    weighed = (F @ covariances) * w[:, None, None]
    n_settings = F.shape[1]
    spread = weighed.transpose(1, 0, 2).reshape(n_settings, -1) @ F.transpose(1, 0, 2).reshape(n_settings, -1).T
    open_ = (off * w[:, None]).T @ off + spread
    noise = float(w @ held.noise[likely] ** 2)
    chosen: list[int] = []
    for _ in range(n):
        gain = np.diag(open_).copy()
        gain[list(barred)] = -1.0
        best = int(gain.argmax())
        chosen.append(best)
        row = open_[best]
        open_ = open_ - np.outer(row, row) / (open_[best, best] + noise)
    return chosen
