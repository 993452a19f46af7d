"""Posterior: how probable each explanation is after some runs, and what it predicts for settings that were not run.

Each explanation is a normal linear model with a conjugate prior (normal, inverse gamma), so its marginal likelihood has a closed form
(Raftery, Madigan and Hoeting, 1997, "Bayesian model averaging for linear regression models"; O'Hagan, 1994, section 9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Posterior", "posterior", "repeat_sd"]

PAIRINGS = (0.0, 0.5, 0.9)
"""Correlations of runs with the same seed that are weighed against each other: 0 where the command does not honour its seed."""

NOISE_SHAPE = 1.0
"""Shape of the inverse gamma prior of the noise variance: worth two runs."""


@dataclass(frozen=True)
class Posterior:
    """What is believed of n explanations.

    Parameters
    ----------
    weights
        (n,) probabilities.
    effects
        (n, 1 + MOST_TERMS) posterior means, the intercept first, in units of the metric.
    covariances
        (n, 1 + MOST_TERMS, 1 + MOST_TERMS) of the effects.
    noise
        (n,) sd of one run under each explanation.
    pairing
        Correlation of runs with the same seed, averaged.
    """

    weights: np.ndarray
    effects: np.ndarray
    covariances: np.ndarray
    noise: np.ndarray
    pairing: float

    @property
    def sd(self) -> float:
        """Noise sd of one run, averaged over the explanations."""
        return float(np.sqrt(self.weights @ self.noise**2))


def posterior(
    columns: np.ndarray, priors: np.ndarray, runs: np.ndarray, seeds: np.ndarray, values: np.ndarray, *, slab: float, noise: float
) -> Posterior:
    """Weigh every explanation by the runs.

    Parameters
    ----------
    columns
        (n_explanations, n_settings, p), as `features` makes them.
    priors
        (n_explanations,) probabilities.
    runs
        (n_runs,) number of the setting of each run.
    seeds
        (n_runs,) seed of each run.
    values
        (n_runs,) metric.
    slab
        Prior sd of an effect, in units of the metric.
    noise
        A first guess of the noise sd, for the scale of the priors; above 0.
    """
    middle = float(values.mean())
    y = values - middle
    X = columns[:, runs, :]
    prior_precision = np.full(columns.shape[2], (noise / slab) ** 2)
    prior_precision[0] /= 100.0
    P0 = np.diag(prior_precision)
    shape = NOISE_SHAPE + len(y) / 2
    same = seeds[:, None] == seeds[None, :]
    paired = bool((same.sum(axis=1) > 1).any())
    fits = []
    for pairing in PAIRINGS if paired else PAIRINGS[:1]:
        R = np.where(same, pairing, 0.0)
        np.fill_diagonal(R, 1.0)
        W = np.linalg.inv(R)
        WX = W @ X
        P = P0 + np.swapaxes(X, 1, 2) @ WX
        right = np.einsum("hnq,n->hq", WX, y)
        mean = np.linalg.solve(P, right[..., None])[..., 0]
        scale = NOISE_SHAPE * noise**2 + 0.5 * np.maximum(y @ W @ y - np.einsum("hq,hq->h", mean, right), 0.0)
        logged = 0.5 * (np.log(prior_precision).sum() - np.linalg.slogdet(P)[1] - np.linalg.slogdet(R)[1]) - shape * np.log(scale)
        fits.append((pairing, logged, mean, P, scale / (shape - 0.5)))
    logs = np.array([fit[1] for fit in fits]) + np.log(priors)
    joint = np.exp(logs - logs.max())
    joint /= joint.sum()
    # What the explanations predict is taken from the likeliest correlation: the three differ little once one of them leads.
    best = int(joint.sum(axis=1).argmax())
    _, _, mean, P, variance = fits[best]
    effects = mean.copy()
    effects[:, 0] += middle
    return Posterior(
        weights=joint.sum(axis=0),
        effects=effects,
        covariances=np.linalg.inv(P) * variance[:, None, None],
        noise=np.sqrt(variance),
        pairing=float(joint.sum(axis=1) @ np.array([fit[0] for fit in fits])),
    )


def repeat_sd(runs: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """Pooled sd of runs of the same setting, and its degrees of freedom; (0, 0) where nothing was repeated."""
    squares, freedom = 0.0, 0
    for setting in np.unique(runs):
        held = values[runs == setting]
        squares += float(((held - held.mean()) ** 2).sum())
        freedom += len(held) - 1
    return (float(np.sqrt(squares / freedom)), freedom) if freedom else (0.0, 0)
