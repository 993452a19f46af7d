from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ruleout.guards import NAMES, Guard, check
from ruleout.guards.subject import GuardError
from ruleout.guards.systems import code_fingerprint
from ruleout.guards.tables import association
from ruleout.models.model import Description, Prediction
from ruleout.tables.table import Table


@dataclass
class Subject:
    train: Any = None
    validation: Any = None
    serving: Any = None
    model: Any = None
    config: Any = None
    metrics: Any = None
    environment: Any = None
    code: Any = None
    history: Any = None


@dataclass
class Versions:
    packages: dict[str, str]


@dataclass
class Files:
    files: dict[str, str]


@dataclass
class Model:
    answers: list[str]
    description: Description = field(default_factory=lambda: Description("given", "Given"))
    fingerprint: str = "given"

    def describe(self) -> Description:
        return self.description

    def predict(self, table: Table) -> Prediction:
        return Prediction(np.array(self.answers, dtype=object))


def rows(name: str = "train", **columns: Any) -> Table:
    return Table(pa.table({k: pa.array(v) for k, v in columns.items()}), name=name)


HEALTHY = rows(
    x=[float(i % 50) for i in range(200)],
    colour=["red", "blue"] * 100,
    day=[f"2026-01-{i % 28 + 1:02d}" for i in range(200)],
    key=list(range(200)),
    y=["no" if i % 50 < 25 else "yes" for i in range(200)],
)
BROKEN = rows(
    x=[100.0 * (i % 50) if i % 3 else None for i in range(200)],
    colour=["RED"] * 200,
    day=["2025-06-01"] * 200,
    key=[i % 100 for i in range(200)],
    y=[["no", "yes"][(i * 7) % 2] for i in range(200)],
)
CASES = [
    ("quantile_range", {"column": "x", "low": 20, "high": 30}),
    ("mean_range", {"column": "x", "low": 20, "high": 30}),
    ("max_outside_share", {"column": "x", "low": 0, "high": 60, "max_rate": 0.01}),
    ("allowed_categories", {"column": "colour", "values": ["red", "blue"], "max_new_rate": 0.01}),
    ("max_null_rate", {"column": "x", "max_rate": 0.05}),
    ("max_duplicate_rate", {"columns": ["key"], "max_rate": 0.05}),
    ("required_values", {"column": "colour", "shares": {"red": 0.2, "blue": 0.2}}),
    ("value_share", {"column": "colour", "value": "red", "low": 0.4, "high": 0.6}),
    ("newest_time", {"column": "day", "at_least": "2026-01-20"}),
    ("min_association", {"column": "x", "target": "y", "at_least": 0.5}),
    ("neighbour_disagreement", {"target": "y", "columns": ["x"], "max_rate": 0.2}),
]


def guard(name: str, subject: str, given: dict[str, Any]) -> Guard:
    return Guard("data.drift", "train.x", name, subject, given, "It broke.")


@pytest.mark.parametrize(("name", "given"), CASES)
def test_table_checks_are_green_on_health_and_red_on_the_fault(name: str, given: dict[str, Any]) -> None:
    green, red = (check(guard(name, "train", given), Subject(train=table)) for table in (HEALTHY, BROKEN))
    assert green.green, green.statement
    assert not red.green, red.statement
    for verdict in (green, red):
        assert verdict.statement.endswith(".") and "n = " in verdict.statement and any(c.isdigit() for c in verdict.statement)


def test_required_columns_say_which_is_wrong() -> None:
    wanted = {"columns": {"x": "numeric", "colour": "category", "gone": "any", "y": "numeric"}}
    verdict = check(guard("required_columns", "train", wanted), Subject(train=HEALTHY))
    assert not verdict.green
    assert "gone (absent)" in verdict.statement and "y (category, not numeric)" in verdict.statement


def test_overlap_and_number_of_rows() -> None:
    both = Subject(train=HEALTHY, validation=HEALTHY.filter(np.arange(200) < 20).named("validation"))
    assert not check(guard("max_overlap", "validation", {"table": "train", "max_rate": 0.01}), both).green
    assert check(guard("max_overlap", "validation", {"table": "train", "max_rate": 1.0}), both).green
    assert check(guard("min_rows", "train", {"at_least": 200}), both).green
    assert not check(guard("min_rows", "validation", {"at_least": 200}), both).green


def test_configuration_environment_and_code() -> None:
    side = Subject(
        config={"model": {"depth": 6}, "C": 1},
        environment=Versions({"pandas": "3.1.1"}),
        code=Files({"f.py": "def f(x):\n    '''Say.'''\n    return x  # why"}),
    )
    assert check(guard("config_equals", "config", {"key": "model.depth", "value": 6.0}), side).green
    assert not check(guard("config_equals", "config", {"key": "C", "value": 2}), side).green
    assert check(guard("config_equals", "config", {"key": "lr", "absent": True}), side).green
    assert not check(guard("config_equals", "config", {"key": "C", "absent": True}), side).green
    assert check(guard("package_equals", "environment", {"package": "pandas", "version": "3.1.1"}), side).green
    assert not check(guard("package_equals", "environment", {"package": "pandas", "version": "2.2.3"}), side).green
    same, other = (code_fingerprint({"f.py": text}) for text in ("def f(x):\n    return x", "def f(x):\n    return -x"))
    assert check(guard("code_equals", "code", {"fingerprint": same}), side).green
    assert not check(guard("code_equals", "code", {"fingerprint": other}), side).green


def test_reported_and_recomputed_metrics() -> None:
    side, model = Subject(metrics={"accuracy": 0.9, "auc": None}, validation=HEALTHY, model="held"), Model(["no"] * 200)
    assert check(guard("metric_between", "metrics", {"metric": "accuracy", "low": 0.8}), side).green
    assert not check(guard("metric_between", "metrics", {"metric": "auc", "low": 0.0}), side).green
    given = {"metric": "accuracy", "table": "validation", "tolerance": 0.001}
    assert check(guard("metric_reproduced", "metrics", given), side, measure=lambda m, t: 0.9004, opened=model).green
    assert not check(guard("metric_reproduced", "metrics", given), side, measure=lambda m, t: 0.7, opened=model).green
    assert check(guard("model_metric", "model", {"low": 0.8}), side, measure=lambda m, t: 0.9, opened=model).green
    with pytest.raises(GuardError, match="needs a metric to measure with"):
        check(guard("model_metric", "model", {"low": 0.8}), side, opened=model)


def test_what_an_artifact_says_of_itself() -> None:
    scalers = [{"columns": ["x"], "mean": [24.5], "scale": [14.43], "samples": 200}]
    said = Description("given", "Given", parameters={"m__depth": 6}, features=("x", "colour"), fitted={"scalers": scalers, "used": ["x"]})
    side, model = Subject(train=HEALTHY, validation=HEALTHY), Model(["no", "yes"] * 100, said)
    red = Subject(train=BROKEN.filter(np.arange(200) < 90), validation=HEALTHY)
    assert check(guard("scaler_matches", "model", {}), side, opened=model).green
    assert not check(guard("scaler_matches", "model", {}), red, opened=model).green
    assert check(guard("artifact_rows", "model", {}), side, opened=model).green
    assert not check(guard("artifact_rows", "model", {}), red, opened=model).green
    assert check(guard("artifact_parameters", "model", {"parameters": {"m__depth": 6}}), side, opened=model).green
    assert not check(guard("artifact_parameters", "model", {"parameters": {"m__depth": 3}}), side, opened=model).green
    assert check(guard("artifact_uses", "model", {"columns": ["x"]}), side, opened=model).green
    assert not check(guard("artifact_uses", "model", {"columns": ["x", "colour"]}), side, opened=model).green
    assert check(guard("model_answers", "model", {"max_share": 0.9}), side, opened=model).green
    assert not check(guard("model_answers", "model", {"max_share": 0.9}), side, opened=Model(["no"] * 200)).green


@pytest.mark.parametrize("name", NAMES)
def test_a_side_without_the_evidence_is_red_and_says_so(name: str) -> None:
    subject = "model" if name.startswith(("model", "artifact", "scaler")) else "train"
    given = {
        "column": "x",
        "table": "train",
        "fingerprint": "f",
        "parameters": {},
        "columns": {},
        "shares": {},
        "values": [],
        "max_rate": 0,
        "key": "C",
    }
    verdict = check(guard(name, subject, given), Subject(), measure=lambda m, t: 1.0)
    assert not verdict.green and "absent" in verdict.statement


def test_a_guard_that_cannot_be_run_says_what_to_do() -> None:
    with pytest.raises(GuardError, match='Did you mean "max_null_rate"'):
        check(guard("max_nul_rate", "train", {}), Subject(train=HEALTHY))
    with pytest.raises(GuardError, match="needs the parameter 'max_rate'"):
        check(guard("max_null_rate", "train", {"column": "x"}), Subject(train=HEALTHY))
    with pytest.raises(GuardError, match="no table of a side"):
        check(guard("min_rows", "test", {"at_least": 1}), Subject(train=HEALTHY))
    verdict = check(guard("max_null_rate", "train", {"column": "colours", "max_rate": 0}), Subject(train=HEALTHY))
    assert not verdict.green and "Did you mean" in verdict.statement


def test_association_is_none_by_chance_and_one_for_a_copy() -> None:
    rng = np.random.default_rng(0)
    table = rows(a=rng.normal(size=2000), b=rng.choice(list("abcdefgh"), 2000), y=rng.choice(["no", "yes"], 2000))
    assert association(table, "a", "y") < 0.12
    assert association(table, "b", "y") < 0.12
    copied = table.with_column("copy", table.texts("y"))
    assert association(copied, "copy", "y") == pytest.approx(1.0, abs=1e-3)
    assert association(table.filter(np.zeros(2000, dtype=bool)), "a", "y") == 0.0
