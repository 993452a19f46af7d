from __future__ import annotations

import numpy as np
import pytest

from ruleout.statistics.by_itself import absent_steps, detached, repeated, stand_in, two_scales, unwatched

RNG = np.random.default_rng(0)
INCOME = np.exp(RNG.normal(11, 0.6, 4000)).round(-2)


@pytest.mark.parametrize("factor", [100.0, 1000.0, 1e6])
@pytest.mark.parametrize("share", [0.03, 0.4, 0.8])
def test_a_part_in_another_unit_is_seen(factor: float, share: float) -> None:
    low = np.random.default_rng(1).random(len(INCOME)) < share
    found = two_scales(np.where(low, INCOME / factor, INCOME))
    assert found is not None
    assert found.factor == factor
    assert found.n_low == pytest.approx(low.sum(), abs=5)


@pytest.mark.parametrize("apart", [3.3, 40.0, 250.0])
def test_two_crowds_that_no_unit_separates_are_two_crowds(apart: float) -> None:
    low = np.random.default_rng(1).random(len(INCOME)) < 0.3
    assert two_scales(np.where(low, INCOME / apart, INCOME)) is None


def test_a_few_values_of_the_night_are_no_second_unit() -> None:
    day, night = np.random.default_rng(3).uniform(500, 1439, 1300), np.random.default_rng(4).uniform(20, 45, 34)
    assert two_scales(np.concatenate([day, night])) is None


def test_crowds_of_another_shape_are_not_one_population() -> None:
    flat = RNG.uniform(50, 90, 1500)
    assert two_scales(np.concatenate([INCOME, flat])) is None
    assert two_scales(INCOME) is None


def test_a_few_absurd_values_stand_out_and_a_heavy_tail_does_not() -> None:
    values = INCOME.copy()
    values[:6] = 9.9e9
    low, high, p = detached(values)
    assert (low, high) == (-np.inf, 9.9e9)
    assert p < 1e-7
    for tail in (RNG.pareto(0.9, 5000), RNG.pareto(1.5, 500), np.exp(RNG.normal(0, 2.5, 5000))):
        assert not np.isfinite(detached(tail)[:2]).any()


def test_stand_ins_lie_outside_the_range_of_all_else() -> None:
    age = RNG.integers(18, 90, 3000).astype(float)
    for value in (-999.0, -99.0, 9999.0):
        assert stand_in(np.where(np.arange(3000) % 4 == 0, value, age)) == (value, 0.25)
    assert stand_in(np.where(np.arange(3000) % 4 == 0, 0.0, age)) is None
    assert stand_in(np.where(np.arange(3000) % 4 == 0, -1.0, age)) is None
    # A cap of a few rows is no stand-in, and neither is a value among others.
    assert stand_in(np.where(np.arange(3000) < 15, 99_999.0, age * 500)) is None
    assert stand_in(RNG.integers(900, 1100, 3000).astype(float)) is None


def test_repeats_are_told_from_coarse_columns() -> None:
    columns = [RNG.normal(size=1000), RNG.integers(0, 3, 1000).astype(float)]
    twice = [np.concatenate([c, c[:80]]) for c in columns]
    found = repeated(twice)
    assert found.n_again == 80
    assert found.n_pairs > 100 * found.chance
    coarse = repeated([RNG.integers(0, 4, 1000).astype(float) for _ in range(3)])
    assert coarse.n_again > 900
    assert coarse.n_pairs < 5 * coarse.chance
    wide = repeated([RNG.integers(0, 5, 3000).astype(float) for _ in range(5)])
    assert wide.n_again > 1000
    assert wide.n_pairs == pytest.approx(wide.chance, rel=0.5)


def test_a_stretch_without_rows_is_seen_and_waves_are_not() -> None:
    day = 86_400.0
    times = np.sort(RNG.uniform(0, 400, 4000)) * day
    gone = times[(times < 200 * day) | (times > 230 * day)]
    found = unwatched(gone)
    assert found is not None
    assert found[0] == pytest.approx(200 * day, abs=2 * day)
    assert found[2] == pytest.approx(300, rel=0.2)
    assert unwatched(times) is None
    waves = np.concatenate([RNG.uniform(0, 20, 500) + start for start in (0, 365, 730)]) * day
    assert unwatched(waves) is None


def test_months_that_are_gone_leave_a_hole() -> None:
    month = RNG.integers(1, 13, 5000).astype(float)
    assert absent_steps(month) is None
    assert absent_steps(month[(month < 6) | (month > 8)]) == pytest.approx((5.0, 9.0, 3 * 5000 / 12), rel=0.1)
    assert absent_steps(np.round(RNG.normal(0, 4, 5000))) is None
