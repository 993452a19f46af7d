"""A formula is found with the columns that carry it and no others, and strong honest columns make none."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from ruleout.statistics.exact_formulas import distribution_mean, exact_formula, follows_exactly
from ruleout.statistics.target_means import levels_told

N = 600


def honest(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(5, 1, N), rng.integers(1, 40, N).astype(float), rng.gamma(2.0, 30.0, N)]


@pytest.mark.parametrize("what", ["copy", "sum", "difference with ties", "product", "power"])
def test_the_columns_that_carry_a_formula(what: str) -> None:
    rng = np.random.default_rng(3)
    others, y = honest(rng), rng.gamma(3.0, 20.0, N).round(2) + 1
    part, count = (y * rng.uniform(0.1, 0.9, N)).round(2), rng.integers(2, 90, N).astype(float)
    ties = np.where(rng.random(N) < 0.3, rng.integers(1, 4, N), 0)
    made = {
        "copy": [(0.004 * y).round(3)],
        "sum": [part, y - part],
        "difference with ties": [y + count + ties, count],
        "product": [(y / count).round(4), count],
        "power": [np.sqrt(y)],
    }[what]
    found = exact_formula([*others, *made], y)
    assert found is not None
    assert found.columns == tuple(range(3, 3 + len(made)))
    assert found.product == (what in ("product", "power"))


@pytest.mark.parametrize("error", [0.05, 0.2])
def test_an_honest_sum_with_an_error_is_no_formula(error: float) -> None:
    rng = np.random.default_rng(4)
    columns = honest(rng)
    y = columns[0] + 0.1 * columns[1] + 0.02 * columns[2]
    assert exact_formula(columns, y + rng.normal(0, error * y.std(), N)) is None


@pytest.mark.parametrize("name", ["load_diabetes", "load_linnerud"])
def test_real_measurements_are_no_formula_of_each_other(name: str) -> None:
    data = getattr(datasets, name)()
    y = data.target[:, 0] if data.target.ndim > 1 else data.target
    columns = [data.data[:, k] for k in range(data.data.shape[1])]
    assert exact_formula(columns, y) is None
    assert not any(follows_exactly(x, y) for x in columns)


@pytest.mark.parametrize("k", range(4))
def test_the_length_and_breadth_of_flowers_are_no_formula(k: int) -> None:
    x = datasets.load_iris().data
    others = [x[:, j] for j in range(4) if j != k]
    assert exact_formula(others, x[:, k]) is None
    assert not any(follows_exactly(o, x[:, k]) for o in others)


def test_a_band_of_the_outcome_follows_it_and_a_band_of_something_near_it_does_not() -> None:
    rng = np.random.default_rng(5)
    y = rng.gamma(2.0, 10.0, N)
    assert follows_exactly(np.floor(y / 5), y)
    assert follows_exactly(-np.floor(y / 5), y)
    assert not follows_exactly(np.floor((y + rng.normal(0, 0.5, N)) / 5), y)


def test_the_mean_of_a_distribution_is_told_by_its_shares_and_a_family_of_readings_is_none() -> None:
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.full(7, 0.5), N)
    y = shares @ np.arange(1, 8)
    names = [f"mark_{k}" for k in range(1, 8)]
    found = distribution_mean(names, [np.round(100 * s, -1) for s in shares.T], y)
    assert found is not None and found[0] == tuple(range(7))
    digits = datasets.load_digits()
    pixels = [digits.data[:, k] for k in range(10, 20)]
    assert distribution_mean([f"pixel_{k}" for k in range(10)], pixels, digits.target.astype(float)) is None
    assert distribution_mean(names, list(rng.dirichlet(np.full(7, 0.5), N).T), y) is None


@pytest.mark.parametrize(("over", "weighs_alike"), [("all", True), ("past", False)])
def test_a_mean_over_all_years_weighs_later_rows_like_earlier_ones(over: str, weighs_alike: bool) -> None:
    rng, schools, years = np.random.default_rng(7), 300, 8
    y = rng.normal(60, 12, (schools, 1)) + rng.normal(0, 8, (schools, years))
    level = y.mean(axis=1) if over == "all" else y[:, :6].mean(axis=1)
    shown = range(2, 7)  # the first two years are not in the tables, nor is the last
    cells = np.repeat(np.arange(schools), len(shown))
    training = np.tile(np.array([year < 6 for year in shown]), schools)
    told = levels_told(level[cells], cells, y[:, list(shown)].ravel(), training)
    assert told is not None and told.together > 0.8
    assert (told.held_out > 0.7) == weighs_alike


@pytest.mark.parametrize("n_years", [4, 6, 20])
def test_what_drives_an_outcome_is_told_from_its_mean(n_years: int) -> None:
    """Means over more rows tell more of a level that drives them, and by just so much; of a column made of them they tell all."""
    rng, schools = np.random.default_rng(8), 600
    driver = rng.normal(60, 12, schools)
    y = driver[:, None] + rng.normal(0, 15, (schools, n_years))
    cells, training = np.repeat(np.arange(schools), n_years), np.tile(np.arange(n_years) < 0.67 * n_years, schools)
    drives, made = (levels_told(column[cells], cells, y.ravel(), training) for column in (driver, y.mean(axis=1)))
    assert drives is not None and made is not None
    assert drives.beyond_a_driver == pytest.approx(1.0, abs=0.35)
    assert made.beyond_a_driver > 20
