"""Healthy systems: disjoint tables, the same seed the same rows, training that stands on its own."""

import numpy as np
import pytest

from ruleout.errors import FieldError
from ruleout.faults import catalog, fault, healthy_system
from ruleout.faults.datasets import load_dataset


def rows_of(frame):
    return set(frame["flight_id"])


def test_the_four_tables_and_the_pool_share_no_row():
    system = healthy_system("flights", "linear", 4, 800)
    parts = [rows_of(f) for half in (system.reference, system.current) for f in (half.train, half.validation)] + [rows_of(system.pool)]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_flights_keep_the_order_of_time():
    system = healthy_system("flights", "linear", 4, 800)
    assert system.current.train["departs_at"].is_monotonic_increasing


def test_the_same_seed_gives_the_same_system_and_another_seed_another():
    one, two, other = (healthy_system("rodents", "boosted", seed, 500) for seed in (1, 1, 2))
    assert one.current.train.equals(two.current.train)
    assert not one.current.train.equals(other.current.train)


@pytest.mark.parametrize(("dataset", "estimator"), [("diamonds", "linear"), ("storms", "mlp"), ("wine", "forest"), ("digits", "linear")])
def test_a_healthy_system_learns_and_its_sides_differ_within_noise(dataset, estimator):
    system = healthy_system(dataset, estimator, 3, 1200)
    reference, current = system.fit("reference"), system.fit("current")
    assert min(reference.metric, current.metric) > 0.6
    error = np.hypot(reference.standard_error, current.standard_error)
    assert abs(reference.metric - current.metric) < max(4 * error, 0.06)


def test_six_data_sets_have_thousands_of_rows_and_most_have_categories():
    large = [load_dataset(name) for name in ("flights", "customers", "rodents", "storms", "diamonds", "computers")]
    assert all(len(d.frame) >= 3000 and d.categorical for d in large)


def test_an_unknown_data_set_or_estimator_is_answered_with_the_nearest():
    with pytest.raises(FieldError, match="diamonds"):
        healthy_system("diamnds", "linear")
    with pytest.raises(FieldError, match="boosted"):
        healthy_system("wine", "bosted")


def test_the_catalog_derives_ids_from_paths():
    ids = [f.name() for f in catalog()]
    assert len(ids) == len(set(ids)) > 30
    assert fault("data.unit-change").__class__.__name__ == "UnitChange"
    assert {f.id().split(".")[0] for f in catalog("healthy")} == {"healthy"}
