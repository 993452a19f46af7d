"""The difference of two means of influence values, paired where the rows are the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Z95", "Difference", "difference", "normal_sf", "standard_error"]

Z95 = 1.959964


@dataclass(frozen=True)
class Difference:
    """An estimate with its standard error; `low` and `high` bound it at 95 %."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z95 * self.error

    def __neg__(self) -> Difference:
        return Difference(-self.value, self.error)

    def widened(self, error: float) -> Difference:
        """The same estimate with another independent source of error added (seeds, say)."""
        return Difference(self.value, math.hypot(self.error, error))

    def __str__(self) -> str:
        return f"{self.value:+.4f}, 95 % interval {self.low:+.4f} to {self.high:+.4f}"

    def z(self) -> float:
        """The estimate in standard errors; 0 where both are 0."""
        if self.error == 0.0:
            return 0.0 if self.value == 0.0 else math.copysign(99.0, self.value)
        return self.value / self.error


def standard_error(psi: np.ndarray) -> float:
    """Standard error of the mean of `psi`, shape (n_rows,)."""
    return float(np.std(psi, ddof=1) / math.sqrt(len(psi))) if len(psi) > 1 else 0.0


def difference(first: np.ndarray, second: np.ndarray, *, paired: bool) -> Difference:
    """mean(first) - mean(second) with its standard error.

    Parameters
    ----------
    first, second
        Influence values, shapes (n_first,) and (n_second,); equal lengths where `paired`.
    paired
        The rows are the same, one by one: SE = sd(first - second) / sqrt(n), else the root of the summed squares.
    """
    value = float(np.mean(first) - np.mean(second))
    if paired:
        return Difference(value, standard_error(first - second))
    return Difference(value, math.hypot(standard_error(first), standard_error(second)))


def normal_sf(z: float) -> float:
    """P(Z > z) of the standard normal."""
    return 0.5 * math.erfc(z / math.sqrt(2))
