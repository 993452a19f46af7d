"""Fits that others build on."""

from __future__ import annotations

import numpy as np
import pytest

from ruleout.statistics.fits import isotonic


@pytest.mark.parametrize("rising", [True, False])
def test_a_monotone_fit_has_a_value_everywhere_be_many_x_alike_to_the_last_digit(rising: bool) -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(0, 0.9, 300), np.nextafter(0.9852386283575848, rng.choice([0.0, 2.0], 95))])
    y = np.where(rising, x, -x) + rng.normal(0, 0.1, len(x))
    fitted = isotonic(x, y, rising)
    assert np.isfinite(fitted).all()
    order = np.argsort(x)
    steps = np.diff(fitted[order])
    assert (steps >= -1e-12).all() if rising else (steps <= 1e-12).all()
