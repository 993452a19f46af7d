"""A search asks as much of a fast model as of a slow one, and the same whatever stands where."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ruleout
from ruleout.case.case import Case, Side
from ruleout.causes.answers import Answers
from ruleout.causes.asking import FEWEST_ROWS, MOST_ASKED, SCANNED_ROWS, in_no_order, pace, rows_each, turns
from ruleout.causes.changes import numbers_changed
from ruleout.errors import ModelError
from ruleout.models.model import Description, Prediction
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.replay import compare_answers, logged_answers
from ruleout.tables.table import Table

ROOMS = Path(ruleout.__file__).parent


def test_no_page_looks_at_the_clock() -> None:
    rooms = [p for room in ("causes", "statistics", "guards") for p in sorted((ROOMS / room).rglob("*.py"))]
    clock = re.compile(r"^(?:import time|from time import)\b|\b(?:perf_counter|process_time|monotonic)\(", re.MULTILINE)
    assert len(rooms) > 100
    assert [str(p.relative_to(ROOMS)) for p in rooms if clock.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("n_changes", [1, 200, 700, 2_500])
def test_all_changes_of_a_round_ask_no_more_than_a_round_may(n_changes: int) -> None:
    assert FEWEST_ROWS <= rows_each(n_changes, 1.0) <= SCANNED_ROWS
    assert n_changes * rows_each(n_changes, 1.0) <= MOST_ASKED


def test_a_slow_model_is_asked_about_fewer_rows() -> None:
    forest = Description("scikit-learn", "RandomForestClassifier", parameters={"model__n_estimators": 500})
    neighbours = Description("scikit-learn", "KNeighborsRegressor", steps=("Pipeline", "StandardScaler", "KNeighborsRegressor"))
    assert pace(Description("scikit-learn", "LogisticRegression")) == 1
    assert pace(forest) == pytest.approx(5)
    assert pace(neighbours) > 1
    assert rows_each(300, pace(forest)) < rows_each(300, 1.0)
    assert turns(20, 240, pace(forest)) < turns(20, 240, 1.0)


def test_which_changes_are_tried_depends_on_their_names_and_not_on_where_they_stand() -> None:
    names = [f"column_{k} as square root" for k in range(500)]
    order = np.random.default_rng(0).permutation(500)
    first = in_no_order(names, names, 60)
    second = in_no_order([names[k] for k in order], [names[k] for k in order], 60)
    assert len(first) == 60
    assert set(first) == set(second)
    assert set(first) != set(names[:60])
    assert in_no_order(names, names, 500) == names


class Sum:
    """A model that answers a column, refuses what is not finite, and counts how often it is asked."""

    fingerprint = "sum"

    def __init__(self) -> None:
        self.n_asked = 0

    def describe(self) -> Description:
        return Description("stub", "Sum", features=("x", "z"))

    def predict(self, table: Table) -> Prediction:
        self.n_asked += 1
        if not np.isfinite(table.numbers("x")).all():
            raise ModelError("x holds what is no number")
        return Prediction(table.numbers("x") + table.numbers("z"), None, None)


def test_what_the_model_refuses_is_no_reason_to_ask_it_about_each_change_by_itself() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(5, 1, 300), rng.normal(0, 1, 300)
    log = Table(pa.table({"x": x, "z": z, "prediction": 3 * x + z}), name="serving")
    case = Case(Side(serving=log), target="y", task="regression", metric="r2")
    model, logged = Sum(), logged_answers(case, log)
    plain = Prediction(x + z, None, None)
    answers = Answers(
        case, Laboratory(case), "current", log, logged, model, "current", "current", plain, compare_answers(case, plain, logged)
    )
    changes = [numbers_changed(f"x times {k}", ["x"], lambda v, _, k=k: v * k) for k in range(1, 41)]
    changes += [numbers_changed("x past all bounds", ["x"], lambda v, _: v * 1e307)]
    changes += [numbers_changed(f"x less {k} as log", ["x"], lambda v, _, k=k: np.log(np.maximum(v - 5 - k / 100, 0))) for k in range(10)]
    with np.errstate(divide="ignore"):
        found = answers.search(changes)
    assert found is not None
    assert found.words == "x times 3"
    assert model.n_asked < 20
