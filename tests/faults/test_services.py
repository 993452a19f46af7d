"""Services that stand alone, whose customers come again, or whose model takes an array: each hands over what such a team has."""

import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ruleout.case.read import read_case
from ruleout.causes.data.row_misalignment import RowMisalignment
from ruleout.causes.pipeline.caching import Caching
from ruleout.faults import as_case, fault, healthy_system, write_case
from ruleout.models.by_dummies import ByDummies
from ruleout.problem.state import state_problem

LONE = ("pipeline.threshold", "pipeline.scaling@serving", "pipeline.feature-order", "pipeline.caching", "healthy.another-log")


def serve(name, variant, *system, seed=4):
    made = healthy_system(*(system or ("customers", "linear")), seed, 1500)
    return fault(name).inject(made, np.random.default_rng(2), "large", variant=variant)


@pytest.mark.parametrize("name", LONE)
def test_a_log_that_stands_alone_has_its_model_and_nothing_else(name, tmp_path):
    served = serve(name, "alone")
    assert served.validated
    case = as_case(served)
    assert case.reference is None
    assert case.current.serving is not None and case.current.model is not None
    assert case.current.train is None and case.current.validation is None
    path = write_case(served, tmp_path)
    assert "reference" not in tomllib.loads(path.read_text(encoding="utf-8"))
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["case.toml", "model.joblib", "serving.parquet"]
    again = read_case(path, trust=True)
    assert again.reference is None and again.current.serving is not None
    assert again.current.serving.n_rows == case.current.serving.n_rows


def test_old_features_are_those_of_the_customers_newest_older_record_and_no_wrong_join():
    served = serve("pipeline.caching", "entity")
    case = replace(as_case(served), trusted=True)
    assert (case.entity, case.time) == ("customer_no", "seen_at")
    known = pd.concat([t.to_pandas() for t in (case.reference.train, case.reference.validation)])
    log = case.current.serving.to_pandas()
    assert known["seen_at"].max() < log["seen_at"].min()
    newest = known.drop_duplicates("customer_no", keep="last").set_index("customer_no")
    there = log["customer_no"].isin(newest.index)
    for column in served.truth.parameters["columns"]:
        old = newest[column].reindex(log.loc[there, "customer_no"]).to_numpy()
        assert np.array_equal(log.loc[there, column].to_numpy(float), old.astype(float), equal_nan=True)
    problem = state_problem(case, seed=0)
    found = Caching().suspect(problem).findings
    places = {f"serving.{c}" for c in served.truth.parameters["columns"]}
    assert found and found[0].place in places
    assert not RowMisalignment().suspect(problem).findings
    repaired = Caching().put_right(case, found[0])
    assert repaired is not None
    worth = problem.laboratory.outcome(repaired, "current").value
    assert worth > served.truth.measured["current"] + 0.6 * (served.truth.measured["repaired"] - served.truth.measured["current"])


def test_customers_that_come_again_are_no_old_records():
    problem = state_problem(replace(as_case(serve("healthy.another-log", "owners")), trusted=True), seed=0)
    assert not Caching().suspect(problem).findings


def test_a_model_that_takes_an_array_is_opened_by_its_columns_and_their_order_in_the_service_is_another():
    served = serve("pipeline.encoding@serving", "indicators", "computers", "linear")
    problem = state_problem(replace(as_case(served), trusted=True), seed=0)
    model = problem.laboratory.model("reference")
    assert isinstance(model, ByDummies)
    features = list(served.system.dataset.features)
    right = served.service.asked.predict(served.service.requests[features])
    log = problem.case.current.serving
    assert log is not None
    assert np.allclose(np.asarray(model.predict(log.without(["prediction"])).prediction, dtype=float), np.asarray(right, dtype=float))
    assert not np.allclose(log.numbers("prediction"), np.asarray(right, dtype=float), rtol=1e-4)
