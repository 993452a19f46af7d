"""A column that gives the target away is named; an easy problem and a strong honest feature are not accused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leaking import halves, people, problem_of
from sklearn import datasets

from ruleout.causes.data.label_leakage import LabelLeakage

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


def _boosting() -> object:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=10, random_state=0)
