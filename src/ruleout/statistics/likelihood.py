"""How much an estimate speaks for an effect, and how surely an effect would have been seen."""

from __future__ import annotations

import math

__all__ = ["log_bayes_factor", "normal_power"]


def log_bayes_factor(effect: float, standard_error: float, *, floor: float, typical: float) -> float:
    """Log likelihood ratio of an estimate under a fault of `typical` size against health.

    Under health the estimate scatters about zero by its standard error and by `floor`, the size that healthy
    systems show by themselves; under the fault by `typical` on top: z^2/2 * W/(V + W) - log((V + W)/V)/2 with
    V = standard_error^2 + floor^2 and W = typical^2 (Wakefield 2009, Genetic Epidemiology 33, equation 2).

    Parameters
    ----------
    effect
        The estimate, zero under health.
    standard_error
        Its standard error, in the same unit.
    floor
        Standard deviation of the effect among healthy systems, in the same unit.
    typical
        Standard deviation of the effect among broken ones.

    Returns
    -------
    float
        Natural log; negative where health explains the estimate better. Zero where the estimate is not finite.
    """
    if not (math.isfinite(effect) and math.isfinite(standard_error)):
        return 0.0
    health = standard_error**2 + floor**2
    fault = typical**2
    if health <= 0.0:
        return 0.0
    return 0.5 * effect**2 / health * fault / (health + fault) - 0.5 * math.log((health + fault) / health)


def normal_power(effect: float, standard_error: float, threshold: float = 0.0) -> float:
    """Probability that an effect of this true size is measured above `threshold` + 1.96 standard errors."""
    if not math.isfinite(effect) or not math.isfinite(standard_error):
        return 0.0
    if standard_error <= 0.0:
        return 1.0 if effect > threshold else 0.0
    z = (abs(effect) - threshold) / standard_error - 1.96
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
