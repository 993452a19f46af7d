"""A log of requests by itself and against what was validated: another clock, a class held back, old records, cases never seen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from ruleout import Case, Side
from ruleout.conclusion import Conclusion, investigate

FEATURES = ["bmi", "bp", "s1", "s5", "minute"]


@cache
def visits() -> pd.DataFrame:
    """Visits of patients in four rounds: clinical numbers move from round to round, and a target that they and the hour tell of."""
    data = load_diabetes(as_frame=True, scaled=False).frame
    rng = np.random.default_rng(0)
    rounds = []
    for number in range(4):
        frame = data[["bmi", "bp", "s1", "s5", "target"]].copy()
        frame[["bmi", "bp", "s1", "s5"]] *= np.exp(rng.normal(0, 0.12, (len(frame), 4)))
        when = pd.Timestamp("2024-01-01") + pd.to_timedelta(90 * number + np.arange(len(frame)) // 8, unit="D")
        minute = rng.integers(8 * 60, 20 * 60, len(frame))
        frame = frame.assign(patient=np.arange(len(frame)), at=when + pd.to_timedelta(minute, unit="min"), minute=minute.astype(float))
        rounds.append(frame)
    frame = pd.concat(rounds, ignore_index=True)
    frame[FEATURES] = frame[FEATURES].round(3)
    frame["target"] = 8 * frame["bmi"] + 1.5 * frame["bp"] + 0.1 * frame["minute"] + rng.normal(0, 6, len(frame))
    return frame


def parts() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    frame, n = visits(), len(visits()) // 4
    return frame.iloc[: 2 * n], frame.iloc[2 * n : 3 * n], frame.iloc[3 * n :].reset_index(drop=True)


@cache
def forest() -> Any:
    train, _, _ = parts()
    return RandomForestRegressor(20, min_samples_leaf=3, random_state=0).fit(train[FEATURES], train["target"])


def served(log: pd.DataFrame) -> Case:
    train, validation, _ = parts()
    return Case(
        reference=Side(train=train, validation=validation, model=forest()),
        current=Side(serving=log.assign(prediction=forest().predict(log[FEATURES]))),
        target="target",
        metric="r2",
        entity="patient",
        time="at",
        changed="deployment",
    )


def main(case: Case) -> tuple[str, tuple[str, ...], Conclusion]:
    found = investigate(case)
    assert found.verdict == "cause-found", found.summary
    return found.causes[0].cause, found.causes[0].where, found


def test_these_requests_are_served_well() -> None:
    assert investigate(served(parts()[2])).verdict == "no-problem"


def test_minutes_of_a_twelve_hour_clock_contradict_their_own_time() -> None:
    log = parts()[2]
    cause, where, found = main(served(log.assign(minute=log["minute"] % 720)))
    assert cause == "pipeline.preprocessing" and where == ("serving.minute",)
    assert found.causes[0].share is not None and found.causes[0].share > 0.8 and "-720" in found.causes[0].summary


def test_features_of_an_older_visit_value_for_value_come_from_a_store() -> None:
    train, _, log = parts()
    first = train.drop_duplicates("patient").set_index("patient")[["bmi", "bp", "s1", "s5"]]
    stale = np.random.default_rng(2).random(len(log)) < 0.75
    old = log.copy()
    old.loc[stale, ["bmi", "bp", "s1", "s5"]] = first.loc[log.loc[stale, "patient"]].to_numpy()
    cause, where, _ = main(served(old))
    assert cause == "pipeline.caching" and set(where) <= {f"serving.{c}" for c in ("bmi", "bp", "s1", "s5")}


def test_requests_beyond_what_training_held_are_other_cases_and_no_other_unit() -> None:
    slim, heavy = (visits()[rows].reset_index(drop=True) for rows in (visits()["bmi"] < 25, visits()["bmi"] > 29))
    train, validation = slim.iloc[:500], slim.iloc[500:]
    model = RandomForestRegressor(20, min_samples_leaf=3, random_state=0).fit(train[FEATURES], train["target"])

    def asked(log: pd.DataFrame) -> Conclusion:
        serving = log.assign(prediction=model.predict(log[FEATURES]))
        reference = Side(train=train, validation=validation, model=model)
        return investigate(replace(served(log), reference=reference, current=Side(serving=serving), entity=None, time=None))

    found = asked(heavy)
    assert (found.verdict, found.causes[0].cause, found.causes[0].share) == ("cause-found", "data.drift", None)
    assert "serving.bmi" in found.causes[0].where
    assert "data.drift" not in [c.cause for c in asked(validation.assign(bmi=validation["bmi"] * 10)).causes]


@cache
def wines() -> tuple[pd.DataFrame, list[str], Any]:
    data = load_wine(as_frame=True)
    rng = np.random.default_rng(0)
    frame = data.frame.iloc[rng.integers(0, len(data.frame), 900)].reset_index(drop=True)
    features = [str(c) for c in data.data.columns][:6]
    frame[features] = frame[features] * np.exp(rng.normal(0, 0.08, (len(frame), len(features))))
    frame["cultivar"] = np.array(["barbera", "grignolino", "barolo"])[frame.pop("target")]
    return frame, features, RandomForestClassifier(30, random_state=0).fit(frame[features][:400], frame["cultivar"][:400])


def test_a_class_that_is_not_let_out_is_a_step_after_the_model() -> None:
    frame, features, model = wines()
    log = frame.iloc[600:].reset_index(drop=True)
    probability = model.predict_proba(log[features])
    score = probability.max(axis=1)
    probability[:, list(model.classes_).index("barolo")] = -1
    log = log.assign(prediction=model.classes_[probability.argmax(axis=1)], score=score.round(6))
    case = Case(
        reference=Side(train=frame.iloc[:400], validation=frame.iloc[400:600], model=model),
        current=Side(serving=log),
        target="cultivar",
        metric="accuracy",
        changed="deployment",
    )
    cause, where, found = main(case)
    assert cause == "pipeline.threshold" and where == ("serving.prediction",) and "barolo" in found.causes[0].summary
    assert len(found.causes) == 1


@pytest.mark.parametrize(("rows", "verdict"), [(3, "cause-found"), (-4, "cause-found"), (0, "no-problem")])
def test_a_log_and_its_model_alone_tell_that_answers_slipped(rows: int, verdict: str) -> None:
    log = parts()[2]
    log = log.assign(prediction=np.roll(forest().predict(log[FEATURES]), rows))
    alone = replace(served(log), reference=None, entity=None, time=None, current=Side(serving=log, model=forest()))
    found = investigate(alone)
    assert found.verdict == verdict, found.summary
    if rows:
        assert (
            found.causes[0].cause == "data.row-misalignment"
            and f"{abs(rows)} rows {'below' if rows > 0 else 'above'}" in found.causes[0].summary
        )
