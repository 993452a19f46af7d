from __future__ import annotations

import numpy as np
import pytest

from ruleout.statistics.curves import constant_run, fall, find_break, find_turn, late_fall, orders, shaking, steadiness

EPOCHS = np.arange(40.0)
HEALTHY = 0.2 + np.exp(-EPOCHS / 6)


def test_a_curve_that_ends_in_a_number_did_not_break() -> None:
    assert find_break(HEALTHY) is None
    assert find_break(np.array([1.0, np.nan, 0.5])) is None


def test_growth_before_a_break_tells_divergence_from_a_sudden_one() -> None:
    grown = find_break(np.array([1.0, 50.0, 4e4, np.nan, np.nan]))
    sudden = find_break(np.array([1.0, 0.7, 0.5, np.nan, np.nan]))
    assert grown is not None and grown.at == 3 and grown.growth == pytest.approx(4.6, abs=0.1)
    assert sudden is not None and sudden.growth < 0.4
    assert find_break(np.array([np.nan, np.nan])) is not None


def test_orders_counts_powers_of_ten_above_the_start() -> None:
    assert orders(HEALTHY) == 0.0
    assert orders(np.array([1.0, 10.0, 1e3, 1e6])) > 5


def test_a_straight_fall_has_a_third_of_it_in_its_last_third_and_a_plateau_none() -> None:
    assert late_fall(3.0 - 0.01 * EPOCHS) == pytest.approx(1 / 3, abs=0.05)
    assert late_fall(HEALTHY) < 0.05
    assert fall(HEALTHY) == pytest.approx(0.83, abs=0.01)


def test_steady_and_shaking_curves() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 40)
    assert steadiness(HEALTHY) == 1.0 and shaking(HEALTHY) == 0.0
    assert shaking(np.abs(1 + 0.8 * noise)) > 0.3
    assert shaking(HEALTHY + 0.002 * noise) < 0.05


def test_the_turn_is_where_validation_was_best() -> None:
    turn = find_turn(0.3 + 0.0005 * (EPOCHS - 12) ** 2)
    assert turn is not None and abs(turn.at - 12) <= 1 and turn.rise > 0.8
    settled = find_turn(HEALTHY)
    assert settled is not None and settled.rise < 0.01


def test_a_constant_end_is_counted_back_from_the_end() -> None:
    assert constant_run(np.array([3.0, 2.0, 2.0, 2.0])) == 0.75
    assert constant_run(HEALTHY) == 0.0
