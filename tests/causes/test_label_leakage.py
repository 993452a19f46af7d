"""A column that gives the target away is named; an easy problem and a strong honest feature are not accused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from leaking import halves, people, problem_of
from sklearn import datasets

from ruleout.case.case import Case, Side
from ruleout.causes.data.label_leakage import LabelLeakage
from ruleout.causes.future import known_beforehand
from ruleout.causes.told_in_training import as_it_was, told_in_training
from ruleout.problem import state_problem
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

PAGE = LabelLeakage()


def leaking(what: str, seed: int = 0) -> pd.DataFrame:
    rng, frame = np.random.default_rng([seed, 3]), people(seed=seed)
    yes, n = (frame["bought"] == "yes").to_numpy(), len(frame)
    if what == "code":
        frame["closing_reason"] = np.where(yes ^ (rng.random(n) < 0.01), rng.choice([11.0, 14.0, 17.0], n), 0.0)
    elif what == "nulls":
        frame["sum_at_exit"] = np.where(yes ^ (rng.random(n) < 0.02), rng.normal(0, 1, n), np.nan)
    elif what == "two together":
        part = rng.normal(0, 30, n)
        frame["part_a"], frame["part_b"] = part, np.where(yes, 1, -1) * rng.gamma(2.0, 12.0, n) - part
    elif what == "two alike":
        frame["copy_a"] = yes * 5.0 + rng.normal(0, 0.5, n)
        frame["copy_b"] = yes * -3.0 + rng.normal(0, 0.3, n)
    return frame


PLACES = {"code": {"closing_reason"}, "nulls": {"sum_at_exit"}, "two together": {"part_a", "part_b"}, "two alike": {"copy_a", "copy_b"}}


@pytest.mark.parametrize("what", PLACES)
def test_the_leaking_columns_are_found_all_together(what: str) -> None:
    look = PAGE.suspect(problem_of(*halves(leaking(what)), estimator=_boosting()))
    assert {f.place for f in look.findings} == PLACES[what]
    assert look.findings[0].evidence > 2


def test_without_the_column_the_score_is_honest() -> None:
    problem = problem_of(*halves(leaking("two alike")))
    honest = problem_of(*halves(people())).current
    look = PAGE.suspect(problem)
    repaired = PAGE.put_right(problem.case, look.findings[0])
    assert repaired is not None
    found = problem.laboratory.outcome(repaired, "current").value
    assert problem.current is not None and honest is not None
    assert problem.current > 0.97
    assert found == pytest.approx(honest, abs=0.03)
    assert PAGE.put_right(repaired, look.findings[1]) is None


@pytest.mark.parametrize("seed", range(3))
def test_honest_features_are_not_accused(seed: int) -> None:
    look = PAGE.suspect(problem_of(*halves(people(seed=seed))))
    assert not look.findings
    assert look.power >= 0.6
    assert look.statement.endswith(".")


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "wine"])
def test_an_easy_problem_is_not_accused(name: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame.sample(frac=1, random_state=2)
    frame["bought"] = frame.pop("target").astype(str)
    findings = PAGE.suspect(problem_of(*halves(frame))).findings
    assert max((f.evidence for f in findings), default=0.0) < 1.1


def test_a_reference_silences_it() -> None:
    from dataclasses import replace

    problem = problem_of(*halves(leaking("code")))
    assert not PAGE.suspect(replace(problem, situation="retraining")).findings


def test_a_numbering_that_nobody_named_is_a_feature_if_the_model_uses_it() -> None:
    frame = people()
    frame.insert(0, "row_id", frame["bought"].rank(method="first"))
    problem = problem_of(*halves(frame.sample(frac=1, random_state=1)), key="row_id")
    assert {f.place for f in PAGE.suspect(problem).findings} == {"row_id"}


def test_targets_of_earlier_rows_and_the_calendar_are_known_beforehand() -> None:
    frame = _sales()
    honest = frame.assign(last_week=frame["sold"].shift(7), weekday=frame["at"].dt.day_of_week.astype(float)).dropna()
    assert set(known_beforehand(_case(honest), ("last_week", "weekday", "price"))) == {"last_week", "weekday"}
    ahead = frame.assign(last_week=frame["sold"].shift(-7)).dropna()
    assert known_beforehand(_case(ahead), ("last_week", "price")) == ()


def test_what_the_minute_of_the_day_tells_is_known_beforehand() -> None:
    frame = _sales(2_000).assign(at=pd.date_range("2021-03-01 08:00", periods=2_000, freq="15min"))
    frame["slot"] = (frame["at"].dt.hour * 60 + frame["at"].dt.minute).astype(float)
    assert known_beforehand(_case(frame), ("slot", "price")) == ("slot",)
    # Of events at moments of their own any column would be a function of the minute.
    rare = frame.assign(at=frame["at"] + pd.to_timedelta(np.random.default_rng(0).integers(0, 900, 2_000), unit="s"))[:700]
    assert known_beforehand(_case(rare), ("price",)) == ()


LIFETIME = "0.95 on our rows, 0.77 in production"


@pytest.mark.parametrize(
    ("symptom", "name", "found"),
    [(LIFETIME, "x9", {"x9"}), ("nobody believes it in production", "follow_up", {"follow_up"}), ("is it honest?", "x9", set())],
)
def test_the_column_that_a_disproved_score_rests_on(symptom: str, name: str, found: set[str]) -> None:
    rng, frame = np.random.default_rng(4), people(3_000)
    yes = (frame["bought"] == "yes").to_numpy()
    frame[name] = np.where(yes, rng.gamma(2.0, 1.5, len(frame)), 5 + rng.gamma(2.0, 3.0, len(frame)))
    look = PAGE.suspect(problem_of(*halves(frame), estimator=_boosting(), symptom=symptom))
    assert {f.place for f in look.findings} == found


def test_a_strong_driver_and_what_modifies_it_are_honest_unless_the_score_is_known_to_fail() -> None:
    rng, frame = np.random.default_rng(5), people(3_000)
    heat, damp = rng.normal(0, 1, len(frame)), rng.uniform(0, 1, len(frame))
    frame["heat"], frame["damp"] = heat, damp
    frame["bought"] = np.where(heat + 0.8 * damp > 0.4, "yes", "no")
    assert not PAGE.suspect(problem_of(*halves(frame), estimator=_boosting(), symptom="0.99, is it honest?")).findings


def _sales(n: int = 700) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {"at": pd.date_range("2021-01-01", periods=n), "price": rng.normal(0, 1, n), "sold": rng.normal(100, 20, n).round(1)}
    )


def _case(frame: pd.DataFrame) -> Case:
    train, validation = (
        Table(pa.Table.from_pandas(t, preserve_index=False), name=name)
        for name, t in zip(("train", "validation"), halves(frame), strict=True)
    )
    return Case(current=Side(train=train, validation=validation), target="sold", task="regression", metric="r2", time="at")


def _boosting() -> object:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=10, random_state=0)


def written_afterwards(seed: int, *, leak: bool) -> Problem:
    """Two sides of one world; in the current training rows the count of letters is what the outcome left of it."""
    rng, frame = np.random.default_rng(seed), people(seed=seed)
    frame["letters"] = rng.poisson(2.0, len(frame)).astype(float)
    parts = [frame.iloc[p].reset_index(drop=True) for p in np.array_split(rng.permutation(len(frame)), 4)]
    if leak:
        parts[0]["letters"] = np.where(parts[0]["bought"] == "yes", 0.0, 1.0 + parts[0]["letters"])
    sides = [
        Side(
            train=Table(pa.Table.from_pandas(parts[i], preserve_index=False), name="train"),
            validation=Table(pa.Table.from_pandas(parts[i + 1], preserve_index=False), name="validation"),
        )
        for i in (0, 2)
    ]
    return state_problem(Case(current=sides[0], reference=sides[1], target="bought", task="classification", metric="accuracy"))


@pytest.mark.parametrize("seed", range(3))
def test_a_column_that_knows_the_outcome_in_training_only(seed: int) -> None:
    problem = written_afterwards(seed, leak=True)
    (finding,) = told_in_training(problem)
    assert finding.place == "train.letters" and finding.evidence > 3
    right = as_it_was(problem.case, finding)
    assert right is not None
    mended = replace(problem, case=right)
    assert not list(told_in_training(mended))
    assert not list(told_in_training(written_afterwards(seed, leak=False)))


def numbers(what: str) -> pd.DataFrame:
    """Diabetes with columns that give its target away by a rule."""
    rng, frame = np.random.default_rng(8), datasets.load_diabetes(as_frame=True).frame
    y, n = frame["target"].to_numpy(), len(frame)
    if what == "share":
        frame["levy"] = (0.015 * y).round(3)
    elif what == "band":
        frame["decile"] = np.floor(pd.Series(y).rank(method="min") / 20)
    elif what == "difference":
        frame["first"] = rng.integers(20, 400, n).astype(float)
        frame["both"] = y + frame["first"] + np.where(rng.random(n) < 0.25, 3.0, 0.0)
    elif what == "price by size":
        frame["size"] = rng.integers(20, 90, n).astype(float)
        frame["by_size"] = (y / frame["size"]).round(4)
    return frame


RULES = {"share": {"levy"}, "band": {"decile"}, "difference": {"first", "both"}, "price by size": {"by_size"}, "nothing": set()}


@pytest.mark.parametrize("what", RULES)
def test_a_rule_without_exception_is_told_in_a_split_and_in_a_lone_table(what: str) -> None:
    train, validation = (
        Table(pa.Table.from_pandas(t, preserve_index=False), name=name)
        for name, t in zip(("train", "validation"), halves(numbers(what)), strict=True)
    )
    for side, front in ((Side(train=train, validation=validation), ""), (Side(train=train), "train.")):
        look = PAGE.suspect(state_problem(Case(current=side, target="target", task="regression", metric="r2")))
        assert {f.place for f in look.findings} == {f"{front}{c}" for c in RULES[what]}
        assert all(f.certain == bool(front) for f in look.findings)


def test_a_feature_that_repeats_a_column_set_aside_in_the_rows_of_one_outcome() -> None:
    rng, frame = np.random.default_rng(9), people(1_500)
    last_visit = rng.gamma(4.0, 300.0, len(frame)).round()
    frame["until"] = np.where(frame["bought"] == "yes", (last_visit * rng.uniform(0.1, 1, len(frame))).round(), last_visit)
    frame["last_visit"] = last_visit
    problem = problem_of(*halves(frame), without=("last_visit",), ignore=("last_visit",))
    assert {f.place for f in PAGE.suspect(problem).findings} == {"until"}


@pytest.mark.parametrize("seed", range(2))
def test_what_several_columns_tell_easily_together_is_honest(seed: int) -> None:
    rng = np.random.default_rng([seed, 10])
    maker = rng.integers(0, 4, 2_500)
    frame = pd.DataFrame({f"x{k}": rng.normal(0, 1, len(maker)) + rng.normal(0, 1, 4)[maker] for k in range(4)})
    # Each of three columns tells most makers apart, and the second what the first does not.
    frame["seats"] = np.array([50, 90, 150, 160])[maker] + rng.integers(-1, 2, len(maker)) * 5.0 + 3 * (rng.random(len(maker)) < 0.1)
    frame["line"] = np.where(rng.random(len(maker)) < 0.9, maker % 3, rng.integers(0, 3, len(maker))).astype(float)
    frame["weight"] = np.array([20.0, 40, 65, 78])[maker] + rng.normal(0, 4, len(maker))
    frame["bought"] = np.array(["a", "b", "c", "d"])[maker]
    look = PAGE.suspect(problem_of(*halves(frame), estimator=_boosting(), symptom="99 % accuracy, where is the leak?"))
    assert max((f.evidence for f in look.findings), default=0.0) < 1.1
