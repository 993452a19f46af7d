"""Sides and cases from what one has in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ruleout
from ruleout.case import Case, Code, Environment, Side, settle
from ruleout.case.memory import make_case, make_side
from ruleout.errors import FieldError, RuleoutError
from ruleout.models.artifact import Artifact
from ruleout.tables.table import Table


def frame(n_rows: int = 100) -> Any:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"x": rng.normal(size=n_rows), "colour": rng.choice(["red", "blue"], n_rows), "y": rng.choice(["yes", "no"], n_rows)}
    )


class Estimator:
    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


def test_frames_of_every_library_are_tables() -> None:
    rows = frame()
    frames: list[Any] = [rows, pl.from_pandas(rows), pa.Table.from_pandas(rows, preserve_index=False)]
    for given in frames:
        side = Side(train=given)
        assert isinstance(side.train, Table)
        assert side.train.name == "train"
        assert side.train.columns == ("x", "colour", "y")
        assert side.train.n_rows == 100


def test_the_public_way_to_build_a_case() -> None:
    estimator = Estimator()
    case = settle(
        ruleout.Case(
            reference=ruleout.Side(train=frame(), model=estimator, config={"C": 1.0}),  # type: ignore[arg-type]  # coerced on the way in
            current=ruleout.Side(train=frame(50), model=estimator, metrics={"accuracy": 0.6}),  # type: ignore[arg-type]  # as above
            target="y",
        )
    )
    assert (case.task, case.metric) == ("classification", "accuracy")
    assert case.current.model is not None
    assert case.current.model.estimator is estimator
    assert not case.trusted


def test_make_case_is_settled() -> None:
    case = make_case({"train": frame()}, make_side(train=frame()), metric="f1", ignore=["colour"])
    assert (case.target, case.task, case.positive, case.ignore) == ("y", "classification", "yes", ("colour",))
    assert len(case.assumptions) == 3


def test_what_is_right_already_is_left_as_it_is() -> None:
    side = Side(
        train=Table(pa.table({"a": [1]}), name="train"),
        model=Artifact(path=Path("model.joblib")),
        environment=Environment({"numpy": "2.4.0"}),
        code=Code({"a.py": "x"}),
        runlog=({"stage": "a"},),
        config={"a": 1},
    )
    again = Side(**{name: getattr(side, name) for name in ("train", "model", "environment", "code", "runlog", "config")})
    for name in ("train", "model", "environment", "code", "runlog", "config"):
        assert getattr(again, name) is getattr(side, name)


def test_the_other_fields_in_memory() -> None:
    side = make_side(
        environment={"python": "3.12", "packages": {"NumPy": "2.4.0"}},
        history={"epoch": [1, 2], "loss": [0.5, float("nan")]},
        runlog=[{"stage": "join"}],
        code="def f():\n    return 1\n",
        validation=Table(pa.table({"a": [1]}), name="anything"),
    )
    assert side.environment is not None
    assert dict(side.environment.packages) == {"numpy": "2.4.0"}
    assert side.history is not None
    assert side.history.n_rows == 2
    assert side.runlog == ({"stage": "join"},)
    assert side.code is not None
    assert list(side.code.files) == ["code.py"]
    assert side.validation is not None
    assert side.validation.name == "validation"
    lines = make_side(environment="numpy==2.4.0\npandas==3.1.0").environment
    assert lines is not None
    assert set(lines.packages) == {"numpy", "pandas"}


def test_paths_are_read(case_folder: Path) -> None:
    current = case_folder / "current"
    side = make_side(
        train=current / "train.parquet", config=str(current / "config.json"), model=current / "model.joblib", code=current / "code"
    )
    assert side.train is not None
    assert side.train.n_rows == 400
    assert side.config == {"learning_rate": 1.1, "layers": [8, 8]}
    assert side.model is not None
    assert not side.model.trusted
    case = make_case(side, trust=True)
    assert case.current.model is not None
    assert case.current.model.trusted


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"train": 3}, ("Side(train=…)", "int")),
        ({"train": "no.parquet"}, ("Side(train='no.parquet')", "no such file")),
        ({"model": 3}, ("Side(model=…): int given, which has no predict", "a fitted estimator")),
        ({"model": Table(pa.table({"a": [1]}))}, ("Side(model=…): Table given", "a fitted estimator")),
        ({"train": Environment()}, ("Side(train=…): Environment given", "a data frame")),
        ({"config": [1]}, ("Side(config=…): list given", "a mapping")),
        ({"config": Environment()}, ("Side(config=…): Environment given", "a mapping")),
        ({"metrics": 0.8}, ("Side(metrics=…): float given", '{"accuracy": 0.88}')),
        ({"environment": 3}, ("Side(environment=…): int given", '{"numpy": "2.4.0"}')),
        ({"environment": {"packages": 3}}, ("Side(environment=…)", "packages = 3")),
        ({"runlog": {"stage": "a"}}, ("Side(runlog=…): dict given", "a list of mappings")),
        ({"runlog": [3]}, ("Side(runlog=…) entry 1: 3 given",)),
        ({"history": {"a": [1], "b": []}}, ("Side(history=…): columns of unequal length",)),
        ({"code": 3}, ("Side(code=…): int given", "source text")),
    ],
)
def test_what_a_side_cannot_hold(fields: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(RuleoutError) as caught:
        make_side(**fields)
    for part in parts:
        assert part in str(caught.value)


def test_a_case_needs_sides() -> None:
    with pytest.raises(FieldError, match=r"Case\(current=…\): DataFrame given, expected a Side"):
        Case(current=frame())
    with pytest.raises(RuleoutError, match="holds no evidence"):
        settle(Case(current=Side()))


def test_a_frozen_case_stays_as_it_was() -> None:
    rows = frame()
    was = rows.copy()
    case = make_case(make_side(train=rows), target="y")
    assert case.current.train is not None
    rows["x"] = 0.0
    assert case.current.train.numbers("x").std() > 0.5
    assert was["x"].std() > 0.5
