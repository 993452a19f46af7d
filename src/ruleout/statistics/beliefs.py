"""Beliefs over sets of causes: priors, likelihood ratios, and the one thing that is known, that something is wrong.

P(S | evidence) is proportional to prod prior x prod ratio x [1 - 0.95 (1 - 0.9)^|S|], the noisy-OR of QMR-DT (Shwe et al., 1991),
enumerated exactly over the ten likeliest causes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["LEAK", "marginals"]

LEAK = 0.05
"""Probability that the symptom has a cause that the handbook does not know."""

STRENGTH = 0.9
"""Probability that a cause that is present shows as the symptom."""

WIDEST = 10


def marginals(priors: Mapping[str, float], log_ratios: Mapping[str, float]) -> dict[str, float]:
    """Return the probability of each cause, given the symptom and all evidence so far.

    Parameters
    ----------
    priors
        Probability that each cause is present, before anything was looked at.
    log_ratios
        Natural log of each cause's accumulated likelihood ratio; absent counts as 0.
    """
    names = list(priors)
    odds = np.array([np.log(priors[n] / (1 - priors[n])) + log_ratios.get(n, 0.0) for n in names])
    top = np.argsort(-odds, kind="stable")[:WIDEST]
    bits = (np.arange(2 ** len(top))[:, None] >> np.arange(len(top))) & 1
    weight = bits @ odds[top]
    size = bits.sum(axis=1)
    weight += np.log(1 - (1 - LEAK) * (1 - STRENGTH) ** size)
    mass = np.exp(weight - weight.max())
    mass /= mass.sum()
    found = dict(zip([names[k] for k in top], (mass @ bits).tolist(), strict=True))
    present = float(mass[size > 0].sum())
    for at in np.argsort(-odds, kind="stable")[WIDEST:]:
        # Beyond the enumeration a cause keeps its own odds, lessened by what already explains the symptom.
        own = 1 / (1 + np.exp(-odds[at]))
        found[names[at]] = float(own * (1 - 0.9 * present))
    return {name: min(max(found[name], 0.0), 1.0) for name in names}
