"""What was fitted on all rows is found in features, in artifacts and in code, and means of training alone are honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leaking import halves, people, problem_of
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ruleout.causes.data.label_leakage import LabelLeakage
from ruleout.causes.data.preprocessing_leakage import PreprocessingLeakage

PAGE = PreprocessingLeakage()


def encoded(*, leaking: bool, smoothing: float = 0.0, branch: bool = True, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A share of buyers by branch, over all rows or over training alone; a branch has three rows."""
    rng, frame = np.random.default_rng([seed, 2]), people(2_400, seed)
    frame["branch"] = [f"b{k}" for k in rng.integers(0, 800, len(frame))]
    train, _ = halves(frame)
    known = frame if leaking else train
    yes = (known["bought"] == "yes").astype(float)
    stats = yes.groupby(known["branch"]).agg(["sum", "count"])
    share = (stats["sum"] + smoothing * 0.5) / (stats["count"] + smoothing)
    frame["share"] = frame["branch"].map(share).fillna(0.5)
    return halves(frame if branch else frame.drop(columns="branch"))


@pytest.mark.parametrize(("smoothing", "branch"), [(0.0, True), (0.0, False), (4.0, True)])
def test_a_target_mean_over_all_rows_is_found_and_put_right(smoothing: float, branch: bool) -> None:
    problem = problem_of(*encoded(leaking=True, smoothing=smoothing, branch=branch))
    (finding,) = PAGE.suspect(problem).findings
    assert (finding.place, finding.evidence) == ("share", 3.9)
    repaired = PAGE.put_right(problem.case, finding)
    honest = problem_of(*halves(people(2_400))).current
    assert repaired is not None and honest is not None
    assert problem.laboratory.outcome(repaired, "current").value == pytest.approx(honest, abs=0.05)


@pytest.mark.parametrize("smoothing", [0.0, 4.0])
def test_a_target_mean_over_training_alone_is_not_accused(smoothing: float) -> None:
    assert not PAGE.suspect(problem_of(*encoded(leaking=False, smoothing=smoothing))).findings


def test_a_scaler_of_all_rows_is_found_in_the_artifact() -> None:
    train, validation = halves(people())
    numbers = [f"x{k}" for k in range(5)]
    problem = problem_of(train, validation, estimator=_fitted_on(pd.concat([train, validation]), numbers))
    (finding,) = PAGE.suspect(problem).findings
    assert finding.place == "model"
    assert PAGE.put_right(problem.case, finding) is not None
    assert PAGE.guard(problem, finding) is not None


def test_a_scaler_of_training_rows_is_honest() -> None:
    train, validation = halves(people())
    assert not PAGE.suspect(problem_of(train, validation, estimator=make_pipeline(StandardScaler(), LogisticRegression()))).findings


def test_code_that_chooses_features_first_is_found_by_file_and_line() -> None:
    code = "best = SelectKBest(k=5)\nX = best.fit_transform(X, y)\na, b, c, d = train_test_split(X, y)\n"
    found = PAGE.suspect(problem_of(*halves(people()), code=code)).findings
    # Five columns of one name are there, and five are what the selector keeps.
    assert [f.place for f in found] == ["code.features.py:2", *(f"x{k}" for k in range(5))]
    assert "SelectKBest" in found[0].statement


def test_a_choice_of_columns_that_are_not_known_is_told_by_the_table() -> None:
    code = "best = SelectKBest(k=3)\nX = best.fit_transform(X, y)\na, b, c, d = train_test_split(X, y)\n"
    assert [f.place for f in PAGE.suspect(problem_of(*halves(people()), code=code)).findings] == ["code.features.py:2", "train"]


def test_rows_drawn_again_before_the_split_are_kept_together() -> None:
    code = "rare = rows[rows.bought == 'yes']\nrows = pd.concat([rows, rare.sample(900, replace=True)])\na, b = train_test_split(rows)\n"
    frame = people(900)
    filled = pd.concat([frame, frame[frame["bought"] == "yes"].sample(900, replace=True, random_state=1)]).sample(frac=1, random_state=2)
    problem = problem_of(*halves(filled), code=code)
    found = PAGE.suspect(problem).findings
    assert [f.place for f in found] == ["code.features.py:2", "train", "validation"]
    repaired = PAGE.put_right(problem.case, found[1])
    assert repaired is not None and problem.current is not None
    assert problem.laboratory.outcome(repaired, "current").value < problem.current - 0.05
    assert PAGE.put_right(repaired, found[2]) is None


class _Ready:
    """Gives a pipeline that is fitted already where a model would be fitted."""

    def __init__(self, fitted: object) -> None:
        self.fitted = fitted

    def fit(self, rows: object, target: object) -> object:
        return self.fitted


def _fitted_on(frame: pd.DataFrame, columns: list[str]) -> _Ready:
    return _Ready(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[columns], frame["bought"]))


def test_answers_of_a_first_model_fitted_before_the_split_are_named_by_the_code() -> None:
    frame = people()
    rng = np.random.default_rng(11)
    for c in ("yes", "no"):
        frame[f"first_{c}"] = np.clip((frame["bought"] == c) * 0.7 + rng.uniform(0, 0.45, len(frame)), 0, 1).round(3)
    code = (
        "base = RandomForestClassifier().fit(df[columns], df['bought'])\n"
        "said = pd.DataFrame(base.predict_proba(df[columns]), columns=[f'first_{c}' for c in base.classes_])\n"
        "df = df.join(said)\ntrain, test = train_test_split(df)\n"
    )
    problem = problem_of(*halves(frame), code=code)
    assert {f.place for f in PAGE.suspect(problem).findings} == {"first_yes", "first_no"}
    assert not LabelLeakage().suspect(problem).findings
