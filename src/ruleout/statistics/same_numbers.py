"""Which of two columns of answers are the same number, up to what logs and platforms lose."""

from __future__ import annotations

import numpy as np

__all__ = ["same_numbers"]

ROUNDING = 1e-5
"""Logged scores are often rounded to six digits, and other machines differ in the last ones."""


def same_numbers(given: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """Where two numbers are the same to within rounding, or both missing; shape (n_rows,), bool.

    Parameters
    ----------
    given, logged
        Numbers, NaN where missing, shape (n_rows,) each. A log may keep fewer digits: half a unit of its last one is no difference.
    """
    spread = float(np.nanstd(logged)) if np.isfinite(logged).any() else 1.0
    digits = next((k for k in range(2, 7) if np.allclose(logged, np.round(logged, k), rtol=0, atol=1e-12, equal_nan=True)), None)
    last = 0.501 * 10.0**-digits if digits is not None and spread > 10.0 ** (1 - digits) else 0.0
    near = np.abs(given - logged) <= ROUNDING * max(spread, 1e-12) + ROUNDING * np.abs(logged) + last
    return np.asarray(near | (np.isnan(given) & np.isnan(logged)), dtype=bool)
