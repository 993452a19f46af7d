"""How many rows a question needs."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["effect_seen", "rows_needed"]


def rows_needed(effect: float, variance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Rows by which a mean's change of `effect` is seen: n = (z_(1 - alpha/2) + z_power)^2 variance / effect^2 (Cohen, 1988).

    Parameters
    ----------
    effect
        The smallest change that matters, above 0.
    variance
        Of a row's term, or of the difference of its two terms where rows are paired.
    alpha, power
        Chance of a false alarm, and of seeing what is there: 7.85 variance / effect^2 by default.

    Raises
    ------
    ValueError
        The effect is not above 0.
    """
    if not effect > 0:
        raise ValueError(f"effect = {effect}, expected above 0.")
    return math.ceil(_reach(alpha, power) ** 2 * variance / effect**2)


def effect_seen(n_rows: int, variance: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest change that so many rows show, as `rows_needed` has it; infinite without rows."""
    return _reach(alpha, power) * math.sqrt(variance / n_rows) if n_rows else math.inf


def _reach(alpha: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
