"""A retraining's score that fell to what is honest: the leak is found in the reference, and only where it was one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from leaking import halves, people
from sklearn.tree import DecisionTreeClassifier

from ruleout.case.case import Case, Side
from ruleout.case.code import Code
from ruleout.causes.data.group_leakage import GroupLeakage
from ruleout.causes.data.label_leakage import LabelLeakage
from ruleout.causes.data.overlap import Overlap
from ruleout.causes.data.preprocessing_leakage import PreprocessingLeakage
from ruleout.causes.data.temporal_leakage import TemporalLeakage
from ruleout.causes.page import Cause
from ruleout.conclusion import investigate
from ruleout.models.artifact import Artifact
from ruleout.problem.problem import Problem
from ruleout.problem.state import state_problem
from ruleout.tables.table import Table

Halves = tuple[pd.DataFrame, pd.DataFrame]


def side(tables: Halves, without: tuple[str, ...] = (), code: str | None = None) -> Side:
    train, validation = tables
    features = [c for c in train.columns if c not in ("bought", *without) and train[c].dtype.kind in "fiub"]
    model = DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(train[features], train["bought"])
    made = {
        name: Table(pa.Table.from_pandas(frame, preserve_index=False), name=name)
        for name, frame in (("train", train), ("validation", validation))
    }
    return Side(**made, model=Artifact(estimator=model), code=None if code is None else Code({"features.py": code}))  # type: ignore[arg-type]  # two tables


def retrained(reference: Side, current: Side, **fields: Any) -> Case:
    given: dict[str, Any] = {"target": "bought", "task": "classification", "metric": "accuracy", "changed": "retraining"}
    return Case(current=current, reference=reference, **(given | fields))


def units(seed: int = 0) -> pd.DataFrame:
    """Each unit is measured several times: its numbers hardly move, and its label stays."""
    rng, base = np.random.default_rng([seed, 9]), people(1_000, seed)
    frame = base.iloc[np.repeat(np.arange(1_000), 4)].reset_index(drop=True)
    numbers = [c for c in frame if frame[c].dtype.kind == "f"]
    frame[numbers] += rng.normal(0, 0.03, (len(frame), len(numbers)))
    frame["unit_id"] = np.repeat(rng.permutation(9_000)[:1_000], 4)
    return frame


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def encoded(tables: Halves, *, together: bool) -> Halves:
    """A mean of the target by cell, over all rows or over training alone."""
    train, validation = (t.copy() for t in tables)
    source = pd.concat([train, validation]) if together else train
    rate = (source["bought"] == "yes").groupby(source["cell"]).mean()
    for table in (train, validation):
        table["rate"] = table["cell"].map(rate).fillna(0.5)
    if not together:
        train["rate"] = np.random.default_rng(0).permutation(train["rate"].to_numpy())
    return train, validation


def cells(seed: int) -> pd.DataFrame:
    frame = people(2_000, seed)
    frame["cell"] = np.random.default_rng(seed).integers(0, 900, len(frame)).astype(str)
    return frame


def leak(kind: str) -> tuple[Cause, str, Case]:
    """The page that must speak, its place, and a retraining whose reference had the leak."""
    if kind == "entities":
        case = retrained(side(halves(shuffled(units())), ("unit_id",)), side(halves(units(1)), ("unit_id",)), entity="unit_id")
        return GroupLeakage(), "reference.unit_id", case
    if kind == "means":
        case = retrained(side(encoded(halves(cells(0)), together=True)), side(encoded(halves(cells(1)), together=False)))
        return PreprocessingLeakage(), "reference.rate", case
    if kind == "rows":
        frame, other = people(1_500), people(1_500, 1)
        train, validation = halves(frame)
        with_copies = pd.concat([train, *[validation] * 2], ignore_index=True)
        return Overlap(), "reference.train", retrained(side((with_copies, validation)), side(halves(other)))
    was, now = people(2_000), people(2_000, 1)
    was["answer"] = np.where(was["bought"] == "yes", 4.0, np.random.default_rng(0).integers(0, 4, len(was)))
    now["answer"] = np.random.default_rng(1).integers(0, 4, len(now)).astype(float)
    return LabelLeakage(), "reference.answer", retrained(side(halves(was)), side(halves(now)))


@pytest.mark.parametrize("kind", ["entities", "means", "rows", "answer"])
def test_a_leak_of_the_reference_explains_the_fall(kind: str) -> None:
    page, place, case = leak(kind)
    problem = state_problem(case)
    assert problem.kind == "degradation"
    look = page.suspect(problem)
    assert [f.place for f in look.findings][:1] == [place]
    finding = look.findings[0]
    assert finding.side == "reference"
    mended = page.put_right(case, finding)
    assert mended is not None and mended.current is case.current and mended.reference is not None
    assert problem.reference is not None and problem.current is not None
    honest = problem.laboratory.outcome(mended, "reference").value
    assert honest < problem.reference - 0.5 * (problem.reference - problem.current)


def test_the_conclusion_tells_the_honest_figure() -> None:
    page, place, case = leak("entities")
    told = investigate(case)
    assert told.causes[0].cause == page.id()
    assert told.causes[0].where == (place,)
    assert "With the reference put right alone its accuracy is" in told.causes[0].summary


def test_what_both_sides_do_alike_explains_no_fall() -> None:
    rows = shuffled(units(1))
    rows.loc[:, "bought"] = np.random.default_rng(3).permutation(rows["bought"].to_numpy())
    case = retrained(side(halves(shuffled(units())), ("unit_id",)), side(halves(rows), ("unit_id",)), entity="unit_id")
    for page in (GroupLeakage(), TemporalLeakage(), LabelLeakage(), PreprocessingLeakage()):
        look = page.suspect(state_problem(case))
        assert not look.findings, page.id()


def test_a_reference_of_times_mixed_is_told_from_a_split_by_time() -> None:
    rng = np.random.default_rng(0)

    def days(first: str) -> pd.DataFrame:
        frame = people(2_400, 3)
        frame["day"] = pd.date_range(first, periods=len(frame), freq="h")
        # What is bought changes slowly, and a number that rises with time tells when.
        frame["hours"] = np.arange(len(frame), dtype=float)
        turns = np.sin(np.arange(len(frame)) / 35.0) + rng.normal(0, 0.3, len(frame)) > 0
        frame["bought"] = np.where(turns, "yes", "no")
        return frame

    was, now = days("2023-01-01"), days("2023-06-01")
    case = retrained(side(halves(shuffled(was))), side(halves(now)), time="day")
    problem = state_problem(case)
    finding = TemporalLeakage().suspect(problem).findings[0]
    assert finding.place == "reference.train.day"
    mended = TemporalLeakage().put_right(case, finding)
    assert mended is not None and problem.reference is not None
    assert problem.laboratory.outcome(mended, "reference").value < problem.reference - 0.2


def test_a_line_that_steps_back_in_time_is_found_in_the_code_of_the_reference() -> None:
    was, now = people(2_000), people(2_000, 1)
    for frame, tells in ((was, True), (now, False)):
        frame["day"] = pd.date_range("2023-01-01", periods=len(frame), freq="h")
        coming = (frame["bought"] == "yes").astype(float) if tells else np.random.default_rng(5).normal(0, 1, len(frame))
        frame["recent"] = coming + np.random.default_rng(6).normal(0, 0.2, len(frame))
    lines = 'def made(frame):\n    frame["recent"] = frame["bought"].shift({})\n    return frame\n'
    sides = [side(halves(f), code=lines.format(step)) for f, step in ((was, -1), (now, 24))]
    look = TemporalLeakage().suspect(state_problem(retrained(*sides, time="day")))
    assert [f.place for f in look.findings] == ["reference.recent"]


def test_a_strong_honest_feature_that_broke_is_the_current_side_s_fault() -> None:
    was, now = people(2_000), people(2_000, 1)
    for frame in (was, now):
        wanted = (frame["bought"] == "yes").astype(float)
        frame["shown"] = wanted + np.random.default_rng(2).normal(0, 0.18, len(frame))
    now["shown"] = now["shown"] * 1000
    train, validation = halves(now)
    validation = validation.assign(shown=validation["shown"] / 1000)
    told = investigate(retrained(side(halves(was)), side((train, validation))))
    assert told.causes[0].cause == "data.unit-change"


def problem_without_fall() -> Problem:
    return state_problem(retrained(side(halves(people())), side(halves(people(2_000, 1)))))


def test_no_look_is_taken_where_nothing_fell() -> None:
    for page in (GroupLeakage(), TemporalLeakage(), LabelLeakage(), PreprocessingLeakage()):
        look = page.suspect(problem_without_fall())
        assert not look.findings and look.power == 0
