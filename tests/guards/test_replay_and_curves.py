"""Checks on a log and its artifact, on curves, on weights, and on columns that tell too much."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ruleout.guards import Guard, check
from ruleout.models.model import Description, Prediction
from ruleout.tables.table import Table

X = np.arange(200.0)


@dataclass
class Halving:
    """Scores a row by a half of its x within 0 to 1; a class above a cut."""

    cut: float = 0.5
    classes: tuple[Any, ...] | None = ("no", "yes")
    description: Description = field(default_factory=lambda: Description("halving", "Halving"))
    fingerprint: str = "halving"

    def describe(self) -> Description:
        return self.description

    def predict(self, table: Table) -> Prediction:
        score = table.numbers("x") / 200
        if self.classes is None:
            return Prediction(score, None, None)
        return Prediction(np.where(score > self.cut, "yes", "no").astype(object), np.column_stack([1 - score, score]), self.classes)


def log(**columns: Any) -> Table:
    return Table(pa.table({"x": X, **columns}), name="serving")


def run(check_name: str, side: dict[str, Any], opened: Any = None, **parameters: Any):
    fields = dict.fromkeys(("train", "validation", "serving", "model", "config", "metrics", "environment", "code", "history"))
    return check(Guard("data.drift", "serving", check_name, "serving", parameters), SimpleNamespace(**{**fields, **side}), opened=opened)


SCORE, CLASS = np.round(X / 200, 4), np.where(X > 100, "yes", "no")


@pytest.mark.parametrize(
    ("columns", "green"),
    [
        ({"score": SCORE}, True),
        ({"score": SCORE, "prediction": CLASS}, True),
        ({"prediction": CLASS}, True),
        ({"score": SCORE, "prediction": np.where(X > 60, "yes", "no")}, False),
        ({"score": SCORE[::-1].copy()}, False),
        ({"score": np.where(X < 190, SCORE, 0.5)}, False),
        ({}, False),
    ],
    ids=["scores", "both", "classes", "another cut", "other rows' scores", "one in twenty stored", "no answers"],
)
def test_a_log_follows_from_its_artifact(columns, green):
    verdict = run("log_follows", {"serving": log(**columns)}, Halving(), positive="yes")
    assert verdict.green == green, verdict.statement
    assert "n = 200" in verdict.statement


def test_numbers_and_whole_labels_are_the_same_answer_however_written():
    regression = Halving(classes=None)
    assert run("log_follows", {"serving": log(prediction=X / 200)}, regression).green
    assert not run("log_follows", {"serving": log(prediction=X / 100)}, regression).green


def test_a_gate_without_a_log_does_not_let_through():
    verdict = run("log_follows", {}, Halving())
    assert not verdict.green
    assert "absent" in verdict.statement


@pytest.mark.parametrize(
    ("values", "parameters", "green"),
    [
        ([1.0, 0.5, 0.2], {}, True),
        ([1.0, 0.5, float("nan"), 0.2], {}, False),
        ([1.0, 0.5, float("nan"), float("nan")], {}, False),
        ([1.0, None, 0.5, None, 0.2, None], {}, True),
        ([1.0, None, 0.5, None, None, None], {}, False),
        ([1.0, float("inf"), 0.2], {"high": 10}, False),
        ([1.0, 50.0, 0.2], {"high": 10}, False),
        ([50.0, 1.0, 0.2], {"high": 10, "from_record": 2}, True),
        ([1.0, 1e-9], {"low": 1e-4}, False),
        ([0.5, 0.5, 0.7, 0.8], {"low": 0.6, "from_share": 0.5}, True),
        ([0.5, 0.7, 0.5, 0.8], {"low": 0.6, "from_share": 0.5}, False),
        (["1.0", "diverged"], {}, False),
        ([], {}, False),
    ],
)
def test_a_curve_stays_within_bounds(values, parameters, green):
    history = Table(pa.table({"loss": pa.array(values)}), name="history")
    verdict = run("history_within", {"history": history}, column="loss", **parameters)
    assert verdict.green == green, verdict.statement


def test_weights_are_numbers():
    model = Halving()
    assert run("artifact_finite", {}, model).green
    broken = replace(model, description=replace(model.description, finite=False))
    assert not run("artifact_finite", {}, broken).green


def test_a_column_tells_no_more_than_it_may_and_one_that_is_gone_tells_nothing():
    train = Table(pa.table({"x": X, "y": np.where(X > 100, "a", "b"), "noise": X % 7}), name="train")
    guard = Guard("data.label-leakage", "x", "max_association", "train", {"column": "x", "target": "y", "at_most": 0.5})
    side = SimpleNamespace(train=train)
    assert not check(guard, side).green  # type: ignore[arg-type]
    assert check(replace(guard, parameters={**guard.parameters, "column": "noise"}), side).green  # type: ignore[arg-type]
    gone = check(guard, SimpleNamespace(train=train.without(["x"])))  # type: ignore[arg-type]
    assert gone.green
    assert "is not among the columns" in gone.statement
