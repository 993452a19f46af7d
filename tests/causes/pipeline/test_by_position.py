"""A metric of an artifact without names that was computed with the columns in another order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from ruleout.case.case import Case, Side
from ruleout.causes.pipeline.feature_order import FeatureOrder
from ruleout.models.artifact import Artifact
from ruleout.problem import state_problem
from ruleout.tables.table import Table

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def case_of(order: list[str], *, by_position: bool) -> Case:
    data = load_iris()
    rows = np.random.default_rng(0).permutation(150)
    label = np.array(data.target_names)[data.target]
    model = SVC(random_state=0).fit(data.data[rows[:90]], label[rows[:90]])

    def table(name: str, part: np.ndarray, columns: list[str]) -> Table:
        held = {c: data.data[part][:, COLUMNS.index(c)] for c in columns}
        return Table(pa.table({**held, "species": label[part]}), name=name)

    def side(part: np.ndarray, columns: list[str]) -> Side:
        read = data.data[part][:, [COLUMNS.index(c) for c in (columns if by_position else COLUMNS)]]
        said = float(np.mean(model.predict(read) == label[part]))
        artifact = Artifact(estimator=model)
        tables = {"train": table("train", rows[:90], COLUMNS), "validation": table("validation", part, columns)}
        return Side(**tables, model=artifact, metrics={"accuracy": round(said, 4)})

    return Case(
        current=side(rows[120:], order),
        reference=side(rows[90:120], COLUMNS),
        target="species",
        task="classification",
        metric="accuracy",
        trusted=True,
    )


@pytest.fixture
def reordered():
    return case_of(COLUMNS[::-1], by_position=True)


def test_the_order_that_gives_the_reported_number_is_named(reordered):
    page, problem = FeatureOrder(), state_problem(reordered)
    found = page.suspect(problem).findings
    assert found[0].place == "validation" and {f.place for f in found} >= {"validation.sepal_length", "validation.petal_width"}
    right = page.put_right(reordered, found[0])
    assert right.current.metrics["accuracy"] > 0.9


def test_a_report_of_columns_by_name_is_not_accused():
    given = case_of(COLUMNS[::-1], by_position=False)
    assert not FeatureOrder().suspect(state_problem(given)).findings


def test_a_list_of_features_in_another_order_is_told_as_well():
    given = case_of(COLUMNS[::-1], by_position=True)
    plain = replace(given.current, validation=given.current.validation.select([*COLUMNS, "species"]), config={"features": COLUMNS[::-1]})
    found = FeatureOrder().suspect(state_problem(replace(given, current=plain))).findings
    assert found and found[0].place == "config.features"
