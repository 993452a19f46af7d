"""A few requests that err beyond all measure are a fall, however wide the interval of a mean becomes through them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from ruleout import Case, Side
from ruleout.problem import Problem, state_problem


def stated(typed: list[float], healthy_errors: np.ndarray | None = None, errors: np.ndarray | None = None) -> Problem:
    frame = load_diabetes(as_frame=True).frame
    features = ["bmi", "bp", "s1", "s5"]
    model = LinearRegression().fit(frame[features][:150], frame["target"][:150])
    validation, log = frame[150:300].reset_index(drop=True), frame[300:].reset_index(drop=True)
    log = log.assign(prediction=model.predict(log[features]))
    if healthy_errors is not None and errors is not None:
        validation = validation.assign(target=model.predict(validation[features]) + healthy_errors)
        log = log.assign(target=log["prediction"] + errors)
    log.loc[[11 * k for k in range(len(typed))], "target"] = typed
    return state_problem(
        Case(
            reference=Side(train=frame[:150], validation=validation, model=model),
            current=Side(serving=log),
            target="target",
            task="regression",
            metric="neg_mean_absolute_error",
            changed="deployment",
        )
    )


@pytest.mark.parametrize("typed", [[2.1e5, 1.9e5, 2.2e5], [2.1e6] * 4])
def test_three_absurd_requests_are_beyond_noise(typed: list[float]) -> None:
    assert stated(typed).kind == "degradation"


@pytest.mark.parametrize("typed", [[], [2.1e5], [900.0, 800.0, 1_000.0]])
def test_one_absurd_request_or_some_that_err_much_are_none(typed: list[float]) -> None:
    assert stated(typed).figures.get("wild_rows", 0) == 0


def test_errors_of_the_heaviest_tail_seldom_alarm() -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        alarms += stated([], rng.standard_cauchy(150), rng.standard_cauchy(142)).figures.get("wild_rows", 0) > 0
    assert alarms <= 1


@pytest.mark.parametrize(("typed", "kind"), [([2.1e5, 1.9e5, 2.2e5], "degradation"), ([900.0], "none")])
def test_after_a_retraining_a_few_absurd_rows_of_validation_are_as_real(typed: list[float], kind: str) -> None:
    frame = load_diabetes(as_frame=True).frame
    features = ["bmi", "bp", "s1", "s5"]
    model = LinearRegression().fit(frame[features][:150], frame["target"][:150])
    later = frame[300:].reset_index(drop=True)
    later.loc[[11 * k for k in range(len(typed))], "target"] = typed
    sides = (Side(train=frame[:150], validation=rows, model=model) for rows in (frame[150:300], later))
    reference, current = sides
    case = Case(reference=reference, current=current, target="target", task="regression", metric="neg_mean_absolute_error")
    assert state_problem(case).kind == kind
