"""Training on the future, and features made of it, are found; a split by time is not accused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leaking import halves, people, problem_of

from ruleout.causes.data.temporal_leakage import TemporalLeakage
from ruleout.guards import check

PAGE = TemporalLeakage()


def dated(seed: int = 0, *, moody: bool = True) -> pd.DataFrame:
    """Rows in order of time; on each day people buy more or less, where `moody`."""
    rng, frame = np.random.default_rng([seed, 5]), people(2_400, seed)
    day = np.sort(rng.integers(0, 40, len(frame)))
    mood = rng.normal(0, 2.5, 40)[day] if moody else np.zeros(len(frame))
    value = frame[["x0", "x1"]].sum(axis=1) + mood + rng.normal(0, 1, len(frame))
    frame["bought"] = np.where(value > 0, "yes", "no")
    frame["day"] = day.astype(float)
    frame["at"] = pd.Timestamp("2024-05-01") + pd.to_timedelta(day * 86_400 + np.arange(len(frame)), unit="s")
    return frame


def test_a_shuffled_split_is_found_where_the_future_helps() -> None:
    problem = problem_of(*halves(dated().sample(frac=1, random_state=0)), time="at")
    (finding,) = PAGE.suspect(problem).findings
    assert finding.place == "train.at"
    assert finding.evidence > 2
    repaired = PAGE.put_right(problem.case, finding)
    assert repaired is not None and problem.current is not None
    assert problem.laboratory.outcome(repaired, "current").value < problem.current - 0.05
    train, validation = repaired.current.train, repaired.current.validation
    assert train is not None and validation is not None
    assert train.numbers("at").max() <= validation.numbers("at").min()
    guard = PAGE.guard(problem, finding)
    if guard is not None:
        assert not check(guard, problem.case.current).green


def test_a_shuffled_split_that_does_not_matter_is_not_accused() -> None:
    assert not PAGE.suspect(problem_of(*halves(dated(moody=False).sample(frac=1, random_state=0)), time="at")).findings


def test_a_split_by_time_is_right() -> None:
    look = PAGE.suspect(problem_of(*halves(dated()), time="at"))
    assert not look.findings
    assert look.power >= 0.9


@pytest.mark.parametrize("how", ["centred", "shifted"])
def test_a_feature_that_looks_ahead_is_found(how: str) -> None:
    frame = dated()
    bought = pd.Series((frame["bought"] == "yes").astype(float))
    ahead = bought.rolling(5, center=True, min_periods=1).mean() if how == "centred" else bought.shift(-1)
    frame["recent"] = ahead.fillna(0.0)
    problem = problem_of(*halves(frame), time="at")
    (finding,) = PAGE.suspect(problem).findings
    assert finding.place == "recent"
    assert PAGE.put_right(problem.case, finding) is not None


def test_a_feature_that_looks_back_is_honest() -> None:
    frame = dated()
    bought = pd.Series((frame["bought"] == "yes").astype(float))
    frame["recent"] = bought.shift(1).rolling(4, min_periods=1).mean().fillna(0.0)
    assert not PAGE.suspect(problem_of(*halves(frame), time="at")).findings


def shops(*, made_of: str) -> pd.DataFrame:
    """Rows of many shops in order of time; `level` is what drives them, or the mean of their results before the cut, or over all times."""
    rng, frame = np.random.default_rng(11), dated(moody=False)
    shop = rng.integers(0, len(frame) // 8, len(frame))
    pull = rng.normal(0, 2.0, len(frame) // 8)[shop]
    value = frame["x0"] + pull + rng.normal(0, 1, len(frame))
    bought = (value > 0).astype(float)
    frame["bought"], frame["shop"] = np.where(bought > 0, "yes", "no"), [f"s{k}" for k in shop]
    used = {"all": np.ones(len(frame)), "before": (np.arange(len(frame)) < 0.6 * len(frame)).astype(float)}.get(made_of)
    if used is None:
        frame["level"] = 1 / (1 + np.exp(-1.5 * pull))
    else:
        total, n = np.bincount(shop, used * bought), np.bincount(shop, used)
        frame["level"] = np.where(n > 0, total / np.maximum(n, 1), bought.mean())[shop]
        # A part of the rows that it was made of is not in the tables.
        frame = frame[rng.random(len(frame)) > 0.05].reset_index(drop=True)
    return frame


def test_a_level_over_all_times_is_sure_and_is_put_right_as_it_was_known_then() -> None:
    problem = problem_of(*halves(shops(made_of="all")), time="at", without=("day",))
    (finding,) = PAGE.suspect(problem).findings
    assert (finding.place, finding.certain) == ("level", True)
    repaired = PAGE.put_right(problem.case, finding)
    assert repaired is not None and problem.current is not None
    train, validation = repaired.current.train, repaired.current.validation
    assert train is problem.case.current.train and repaired.current.model is problem.case.current.model
    assert validation is not None
    assert train is not None
    rows, known = train.to_pandas(), validation.to_pandas()
    means = (rows["bought"] == "yes").groupby(rows["shop"]).mean()
    known = known[known["shop"].isin(means.index)]
    assert np.allclose(known["level"], means[known["shop"]])
    assert problem.laboratory.outcome(repaired, "current").value < problem.current - 0.02


@pytest.mark.parametrize("made_of", ["before", "what drives it"])
def test_a_level_that_was_known_before_is_never_sure(made_of: str) -> None:
    look = PAGE.suspect(problem_of(*halves(shops(made_of=made_of)), time="at", without=("day",)))
    assert not [f for f in look.findings if f.certain]


def test_times_that_mean_nothing_make_no_split_wrong() -> None:
    for seed in range(4):
        frame = dated(seed, moody=False).sample(frac=1, random_state=seed)
        look = PAGE.suspect(problem_of(*halves(frame), time="at"))
        assert not [f for f in look.findings if f.certain], f"seed {seed}: {look.findings}"


def test_the_same_rows_predicted_twice_are_proof_enough() -> None:
    (finding,) = PAGE.suspect(problem_of(*halves(dated().sample(frac=1, random_state=0)), time="at")).findings
    assert finding.certain


def test_without_a_time_it_says_so() -> None:
    look = PAGE.suspect(problem_of(*halves(people())))
    assert not look.findings
    assert look.power <= 0.5


def test_the_target_of_a_row_far_ahead_is_found() -> None:
    frame = dated()
    rng = np.random.default_rng(3)
    frame["x4"] = (frame["bought"] == "yes").astype(float).shift(-9).fillna(0.0)
    frame["x3"] = (frame["bought"] == "yes").astype(float).shift(9).fillna(0.0)
    frame["x2"] = rng.integers(0, 2, len(frame)).astype(float)
    assert [f.place for f in PAGE.suspect(problem_of(*halves(frame), time="at")).findings] == ["x4"]


def test_what_code_makes_of_later_rows_is_found_without_a_time() -> None:
    problem = problem_of(*halves(people()), code="rows['x1'] = rows['price'].shift(-1)\n")
    (finding,) = PAGE.suspect(problem).findings
    assert finding.place == "x1"
    assert "features.py:1" in finding.statement
    assert PAGE.put_right(problem.case, finding) is not None
