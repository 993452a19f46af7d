"""With one artifact alone, the other side's recipe is that artifact with the settings that differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import joblib
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ruleout.case.case import Case, Side
from ruleout.errors import ModelError
from ruleout.models.artifact import Artifact
from ruleout.models.defaults import DEFAULT, default_of
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.parameters import match_parameters
from ruleout.tables.table import Table


def case(folder: Path) -> Case:
    """Today's forest sees two leaves a tree; the reference's artifact is lost, and its configuration does not name the setting."""
    frame = load_diabetes(as_frame=True).frame
    train, validation = frame[:300], frame[300:].reset_index(drop=True)
    model = make_pipeline(StandardScaler(), RandomForestRegressor(20, max_leaf_nodes=2, random_state=0))
    joblib.dump(model.fit(train.drop(columns="target"), train["target"]), folder / "model.joblib")
    tables = {n: Table(pa.Table.from_pandas(f, preserve_index=False), name=n) for n, f in (("train", train), ("validation", validation))}
    current = Side(**tables, model=Artifact(path=folder / "model.joblib", trusted=True), config={"n_estimators": 20, "max_leaf_nodes": 2})
    reference = replace(current, model=None, config={"n_estimators": 20})
    return Case(reference=reference, current=current, target="target", task="regression", metric="r2", changed="retraining", trusted=True)


def test_the_other_side_is_made_by_the_one_artifact_with_what_differs(tmp_path: Path) -> None:
    given = case(tmp_path)
    laboratory = Laboratory(given)
    made = laboratory.fit(given, "reference")
    assert made.describe().parameters["randomforestregressor__max_leaf_nodes"] is None
    assert laboratory.outcome(given, "reference").value > laboratory.outcome(given, "current").value


def test_a_default_is_that_of_the_class() -> None:
    pipe = make_pipeline(StandardScaler(), RandomForestRegressor(max_samples=0.1))
    assert default_of(pipe, "randomforestregressor__max_samples") is None
    assert default_of(pipe, "randomforestregressor__n_estimators") == 100
    with pytest.raises(ModelError, match="by default"):
        default_of(pipe, "nothing__n_estimators")
    assert isinstance(DEFAULT, str)


def test_a_rare_value_names_its_parameter_where_one_artifact_opens() -> None:
    configs = {"reference": {"weight_decay": 1e-4}, "current": {"weight_decay": 60.0}}
    held = {"model__alpha": 60.0, "model__power_t": 0.5, "model__batch_size": 64}
    assert match_parameters(configs, {"current": held}) == {"weight_decay": "model__alpha"}
    common = {"reference": {"weight_decay": 1e-4}, "current": {"weight_decay": 1}}
    assert match_parameters(common, {"current": {"model__alpha": 1}}) == {}
    assert match_parameters(configs, {"current": {**held, "model__max_iter": 60.0}}) == {}


def test_a_pipeline_made_for_columns_that_held_nothing_does_not_take_rows_in_which_they_hold_something(tmp_path: Path) -> None:
    given = case(tmp_path)
    assert given.current.train is not None and given.reference is not None and given.current.model is not None
    (tmp_path / "earlier.joblib").write_bytes((tmp_path / "model.joblib").read_bytes())
    earlier = Artifact(path=tmp_path / "earlier.joblib", trusted=True)
    emptied = given.current.train.with_column("bmi", pa.nulls(given.current.train.n_rows, pa.float64()))
    broken = replace(
        given,
        reference=replace(given.reference, model=earlier, config=given.current.config),
        current=replace(given.current, train=emptied),
    )
    recipes = Laboratory(broken).recipes
    as_it_is = recipes.template(broken.with_side("current", replace(broken.current, model=None)), "current")
    mended = recipes.template(broken.with_table("current", "train", given.current.train), "current")
    assert as_it_is == (recipes.opened("current"), {}) and mended == (recipes.opened("reference"), {})
