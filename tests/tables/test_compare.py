"""A comparison is silent on samples of one population and right about those of two."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from ruleout.tables import as_table, compare, read_table
from ruleout.tables.distances import benjamini_hochberg, shares_p, unseen


def population(rng, n):
    return as_table(
        {
            "normal": rng.normal(size=n),
            "skewed": rng.lognormal(sigma=1.5, size=n),
            "inflated": np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
            "code": rng.integers(0, 12, n),
            "flag": rng.random(n) < 0.1,
            "when": rng.integers(0, 10**8, n).astype("datetime64[s]"),
            "half": np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
            "few": rng.choice(["a", "b", "c"], n, p=[0.7, 0.2, 0.1]).tolist(),
            "zipf": [f"v{value}" for value in np.minimum(rng.zipf(1.5, n), 10**6)],
            "unique": [f"id{value}" for value in rng.integers(0, 2**60, n)],
        }
    )


@pytest.mark.parametrize(("n", "m", "pairs", "most"), [(200, 200, 60, 3), (200, 5_000, 20, 2), (50_000, 50_000, 3, 0)])
def test_nothing_moved_between_samples_of_one_population(n, m, pairs, most):
    rng = np.random.default_rng(7)
    alarms = [compare(population(rng, n), population(rng, m)).moved for _ in range(pairs)]
    assert sum(bool(moved) for moved in alarms) <= most, [change.statement() for moved in alarms for change in moved]


@pytest.mark.parametrize("shape", ["normal", "ties", "inflated"])
def test_distances_are_those_of_all_the_values(shape):
    rng = np.random.default_rng(11)
    draw = {
        "normal": lambda shift: rng.normal(shift, size=100_000),
        "ties": lambda shift: rng.poisson(3 + shift, 100_000).astype(float),
        "inflated": lambda shift: np.where(rng.random(100_000) < 0.5 + shift / 10, 0.0, rng.exponential(1 + shift, 100_000)),
    }[shape]
    first, second = draw(0.0), draw(0.6)
    change = compare(as_table({"x": first}), as_table({"x": second}))["x"]
    assert change.ks == pytest.approx(stats.ks_2samp(first, second).statistic, abs=1e-3)
    assert change.wasserstein == pytest.approx(stats.wasserstein_distance(first, second) / first.std(), rel=0.01)
    assert change.moved


def test_wasserstein_counts_a_few_absurd_values():
    values = np.random.default_rng(0).normal(size=20_000)
    absurd = values.copy()
    absurd[:5] = 1e9
    change = compare(as_table({"x": values}), as_table({"x": absurd}))["x"]
    assert change.wasserstein == pytest.approx(5e9 / 20_000 / values.std(), rel=1e-3)


def test_psi_of_a_shift_is_the_fields():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=200_000), rng.normal(0.5, size=200_000)
    assert compare(as_table({"x": first}), as_table({"x": second}))["x"].psi == pytest.approx(0.25, abs=0.02)  # two normals: shift squared


def test_what_happened_is_named():
    rng = np.random.default_rng(2)
    reference = population(rng, 4_000)
    values = reference.numbers("normal")
    nulled = reference.with_column("normal", np.where(rng.random(4_000) < 0.06, np.nan, values))
    assert compare(reference, nulled)["normal"].moved_by == ("nulls",)
    spiked = reference.with_column("normal", np.where(rng.random(4_000) < 0.05, -999.0, values))
    change = compare(reference, spiked)["normal"]
    assert (change.moved_by, change.top_value) == (("top",), -999.0)
    assert change.top_share_change == pytest.approx(0.05, abs=0.015)
    texts = np.array(["A" if text == "a" else text for text in reference.texts("few")], dtype=object)
    change = compare(reference, reference.with_column("few", texts))["few"]
    assert {"tvd", "new"} <= set(change.moved_by)
    assert [value for value, _ in change.new_categories] == ["A"]
    assert [value for value, _ in change.missing_categories] == ["a"]
    assert change.new_share == pytest.approx((reference.texts("few") == "a").mean())
    assert change.statement("train").startswith("train.few: moved: total variation distance 0.")
    assert change.statement("train").endswith("n = 4,000 and 4,000.")


def test_columns_of_one_table_and_other_kinds_are_listed():
    reference = as_table({"x": [1, 2], "gone": [1, 2], "kind": [1.0, 2.0], "type": [1, 2], "text": ["a", "b"]})
    current = as_table(
        {"x": [1, 2], "new": [1, 2], "kind": ["1", "2"], "type": [1.0, 2.5], "text": pa.array(["a", "b"]).dictionary_encode()}
    )
    found = compare(reference, current)
    assert (found.only_reference, found.only_current) == (("gone",), ("new",))
    assert found.kind_changes == {"kind": ("double", "string")}
    assert found.type_changes == {"type": ("int64", "double")}
    assert set(found) == {"x", "type", "text"}


def test_a_column_that_turned_null_is_a_null_surge_of_its_old_kind():
    reference = as_table({"x": np.arange(100.0), "c": ["a", "b"] * 50})
    current = as_table({"x": pa.nulls(100), "c": pa.nulls(100)})
    for change in (*compare(reference, current).values(), *compare(current, reference).values()):
        assert change.moved_by == ("nulls",)
        assert abs(change.null_rate_change) == 1.0
        assert change.psi is None


def test_large_integers_do_not_collapse():
    base = 2**60
    change = compare(as_table({"x": base + np.arange(500)}), as_table({"x": base + 250 + np.arange(500)}))["x"]
    assert change.ks == pytest.approx(0.5)


def test_an_answer_is_kept_while_its_tables_live():
    first, second = as_table({"x": [1.0]}), as_table({"x": [2.0]})
    assert compare(first, second) is compare(first, second)


def test_the_probabilities_are_those_of_chance():
    rng = np.random.default_rng(3)
    for share, n, m in ((0.5, 40, 60), (0.02, 200, 900), (0.99, 300, 300)):
        p = [shares_p(int(rng.binomial(n, share)), n, int(rng.binomial(m, share)), m) for _ in range(2_000)]
        assert np.mean(np.array(p) <= 0.05) <= 0.06
    p = []
    for _ in range(500):
        first, second = (np.bincount(np.minimum(rng.zipf(1.4, size), 5_000), minlength=5_001) for size in (300, 200))
        p.append(unseen(first + second, int(second[first == 0].sum()), 300, 200)[1])
    assert np.mean(np.array(p) <= 0.05) <= 0.06
    assert unseen(np.array([200]), 200, 1_000, 1_000)[1] < 1e-50


def test_benjamini_hochberg_is_the_step_up_procedure():
    p = np.array([0.01, 0.04, 0.03, 0.9, 0.012])
    assert (benjamini_hochberg(p, 0.05) == (stats.false_discovery_control(p) <= 0.05)).all()
    assert not benjamini_hochberg(np.array([0.5, 0.6]), 0.05).any()


def test_parquet_compares_within_a_thousandth_of_exact(tmp_path):
    rng = np.random.default_rng(13)
    values = rng.normal(size=600_000), np.sort(rng.normal(0.1, 1.1, 600_000))
    tables = []
    for at, x in enumerate(values):
        pq.write_table(pa.table({"x": x}), tmp_path / f"{at}.parquet", row_group_size=50_000)
        tables.append(read_table(tmp_path / f"{at}.parquet"))
    change = compare(*tables)["x"]
    assert change.ks == pytest.approx(stats.ks_2samp(*values).statistic, abs=1e-3)
    assert change.wasserstein == pytest.approx(stats.wasserstein_distance(*values) / values[0].std(), rel=0.01)
    assert not any("arrow" in vars(table) for table in tables)
