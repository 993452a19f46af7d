"""What trainings on a sample confirm is measured once more on all rows, and what these contradict is no cause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import ruleout
from ruleout.examination import in_full
from ruleout.problem import fits
from tests.models.diamonds import CATEGORIES, FEATURES, NUMBERS, diamonds

SAMPLE = 500


class Honest(LogisticRegression):
    """Learns alike from few rows and from many, and notes how many there were."""

    seen: list[int] = []  # noqa: RUF012 - shared on purpose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Honest:
        self.seen.append(len(y))
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


class Blunted(Honest):
    """Of many rows it learns only how frequent the labels are: no repair of rows can help."""

    blunt = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Blunted:
        super().fit(X, y, sample_weight)
        if self.blunt and len(y) > 2 * SAMPLE:
            self.coef_ = np.zeros_like(self.coef_)
        return self


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(fits, "SAMPLE_ROWS", SAMPLE)

    def make(last: Any) -> ruleout.Case:
        def fitted(rows: pd.DataFrame) -> Any:
            columns = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)))
            return make_pipeline(columns, last).fit(rows[list(FEATURES)], rows["dear"])

        wrong = diamonds(1).assign(carat=diamonds(1)["carat"] * 200)
        reference = ruleout.Side(train=diamonds(0), validation=diamonds(3), model=fitted(diamonds(0)))
        made = ruleout.Case(
            reference=reference,
            current=ruleout.Side(train=wrong, validation=diamonds(2)[:1000], model=fitted(wrong)),
            target="dear",
        )
        Honest.seen.clear()
        return made

    return make


def test_what_survives_the_sample_is_measured_on_all_rows_and_the_conclusion_says_so(case: Any) -> None:
    found = ruleout.investigate(case(Honest(max_iter=300)), cache=False)
    assert [c.cause for c in found.causes] == ["data.unit-change"]
    assert Honest.seen.count(2000) == 2, "as it is, and put right"
    assert all(n == 2000 or n <= 1.3 * SAMPLE for n in Honest.seen)
    said = found.to_dict()["conclusion"]["causes"][0]
    assert (said["rows"]["fitted"], said["rows"]["of"], said["rows"]["sample"]["fitted"]) == (2000, 2000, SAMPLE)
    assert "sample of 500 rows" in found.summary and "once more on all 2,000" in found.summary
    last = found.examination.steps[-1]
    assert last.kind == "intervention" and last.evidence["rows"] == 2000
    assert said["share"] == pytest.approx(min(last.evidence["gain"] / found.examination.problem.harm, 1.0), abs=0.1)


def test_what_all_rows_contradict_is_no_cause(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = case(Blunted(max_iter=300))
    monkeypatch.setattr(Blunted, "blunt", True)
    found = ruleout.investigate(given, cache=False)
    assert found.verdict == "inconclusive" and not found.causes
    assert "seemed to be the cause; on all 2,000 putting it right gains" in found.summary
    assert "data.unit-change" in found.ruled_out


@pytest.mark.parametrize(("budget", "why"), [(True, "for which the budget does not last"), (False, "grant them with --budget")])
def test_what_cannot_be_afforded_rests_on_the_sample_and_this_is_said(
    case: Any, monkeypatch: pytest.MonkeyPatch, budget: bool, why: str
) -> None:
    made = case(Honest(max_iter=300))
    n = len([n for n in _trained(made) if n != 2000])
    monkeypatch.setattr(in_full, "FREE_SECONDS", 0.0)
    found = ruleout.investigate(made, cache=False, budget=f"{n + 1} runs" if budget else None)
    assert [c.cause for c in found.causes] == ["data.unit-change"]
    assert found.causes[0].rows == {"fitted": SAMPLE, "of": 2000}
    assert why in found.summary and 2000 not in Honest.seen


def test_where_all_rows_were_trained_on_nothing_is_said_of_rows(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "SAMPLE_ROWS", 20_000)
    found = ruleout.investigate(case(Honest(max_iter=300)), cache=False)
    assert found.causes[0].rows is None and "rows" not in found.to_dict()["conclusion"]["causes"][0]
    assert "sample" not in found.summary


def _trained(case: ruleout.Case) -> list[int]:
    """The sizes of the trainings of an investigation."""
    ruleout.investigate(replace(case), cache=False)
    sizes = list(Honest.seen)
    Honest.seen.clear()
    return sizes
