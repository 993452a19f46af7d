"""What stands between logged features and logged answers, told by what reproduces the log: whole investigations on real data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ruleout import Case, Side
from ruleout.conclusion import Conclusion, investigate

FEATURES = ["bmi", "bp", "s1", "s3", "s5", "s6"]


@cache
def rows() -> pd.DataFrame:
    """Diabetes in clinical units, drawn again with a little noise so that a log is long enough; visits of 40 patients."""
    data = load_diabetes(as_frame=True, scaled=False).frame
    rng = np.random.default_rng(0)
    frame = data.iloc[rng.integers(0, len(data), 1800)].reset_index(drop=True)[[*FEATURES, "target"]]
    frame[FEATURES] = (frame[FEATURES] * np.exp(rng.normal(0, 0.05, (len(frame), len(FEATURES))))).round(3)
    return frame.assign(visit=np.arange(len(frame)), patient=rng.integers(0, 40, len(frame)))


@cache
def fitted(seed: int = 0) -> Any:
    part = rows().iloc[:700].sample(500, random_state=seed)
    return make_pipeline(StandardScaler(), Ridge()).fit(part[FEATURES], part["target"])


def served(answers: Callable[[pd.DataFrame], np.ndarray] | None = None, *, model: Any = None, **changes: Any) -> Case:
    """A service whose log holds the features as received, and what `answers` made of them."""
    train, validation, log = rows().iloc[:700], rows().iloc[700:1000], rows().iloc[1000:].reset_index(drop=True)
    model = model if model is not None else fitted()
    said = answers(log) if answers is not None else model.predict(log[FEATURES])
    case = Case(
        reference=Side(train=train, validation=validation, model=model),
        current=Side(serving=log.assign(prediction=said)),
        target="target",
        metric="r2",
        key="visit",
        changed="deployment",
    )
    return replace(case, **changes)


def main(case: Case) -> tuple[str, tuple[str, ...], Conclusion]:
    found = investigate(case)
    assert found.verdict == "cause-found", found.summary
    return found.causes[0].cause, found.causes[0].where, found


def turned(frame: pd.DataFrame) -> np.ndarray:
    """What a model of the opposite sign would answer: clearly another one."""
    return np.asarray(300.0 - fitted(7).predict(frame[FEATURES]))


def test_from_one_request_on_another_artifact_answers() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        return np.where(np.arange(len(log)) < 450, fitted().predict(log[FEATURES]), turned(log))

    cause, _, found = main(served(answers))
    assert cause == "model.checkpoint"
    assert "from request 451 on" in found.causes[0].summary


def test_one_host_still_holds_an_older_artifact() -> None:
    case = served()
    log = case.current.serving.to_pandas()
    host = np.where(np.random.default_rng(1).random(len(log)) < 0.4, "web-2", "web-1")
    log = log.assign(host=host, prediction=np.where(host == "web-2", turned(log), log["prediction"]))
    cause, _, found = main(replace(case, current=Side(serving=log)))
    assert cause == "model.checkpoint"
    assert "where host is web-2" in found.causes[0].summary


def test_answers_kept_for_several_requests_of_one_patient_are_a_cache() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        own = pd.Series(fitted().predict(log[FEATURES]))
        block = log.groupby("patient").cumcount() // 5
        return own.groupby([log["patient"], block]).transform("first").to_numpy()

    assert main(served(answers))[0] == "pipeline.caching"


def test_answers_that_come_back_in_another_order_stand_on_the_wrong_rows() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        rng, own = np.random.default_rng(2), fitted().predict(log[FEATURES])
        order = np.concatenate([start + rng.permutation(16) for start in range(0, len(log), 16)])
        return own[order]

    cause, where, _ = main(served(answers))
    assert cause == "data.row-misalignment"
    assert where == ("serving.prediction",)


def test_numbers_standardised_before_the_artifact_does_so_again() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        train = rows().iloc[:700]
        return fitted().predict((log[FEATURES] - train[FEATURES].mean()) / train[FEATURES].std(ddof=0))

    assert main(served(answers))[0] == "pipeline.scaling"


def test_numbers_cut_off_at_healthy_quantiles_on_their_way() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        train = rows().iloc[:700][FEATURES]
        return fitted().predict(log[FEATURES].clip(train.quantile(0.25), train.quantile(0.75), axis=1))

    assert main(served(answers))[0] == "pipeline.preprocessing"


def test_whole_numbers_of_few_bits_come_out_at_the_other_end() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        return fitted().predict(log[FEATURES].round().astype("int64").astype("int8").astype(float))

    assert main(served(answers))[0] == "pipeline.numerics"


def test_a_model_fitted_on_an_array_is_replayed_by_the_columns_of_its_table() -> None:
    train = rows().iloc[:700]
    bare = Ridge(alpha=0.1).fit(train[FEATURES].to_numpy(), train["target"])

    def answers(log: pd.DataFrame) -> np.ndarray:
        return bare.predict(log[sorted(FEATURES, reverse=True)].to_numpy())

    assert main(served(answers, model=bare, entity="patient"))[0] == "pipeline.feature-order"


def test_a_log_without_labels_whose_answers_follow_is_no_problem() -> None:
    case = served()
    found = investigate(replace(case, current=Side(serving=case.current.serving.without(["target"]))))
    assert found.verdict == "no-problem", [c.summary for c in found.causes]
    assert "cannot be seen without labels" in found.summary


def test_two_environments_that_give_one_answer_are_no_problem_whatever_was_installed() -> None:
    case = served()
    log = case.current.serving.without(["target"])
    reference = replace(case.reference, serving=log, environment={"numpy": "1.26.4"})
    found = investigate(replace(case, reference=reference, current=Side(serving=log, model=fitted(), environment={"numpy": "2.4.0"})))
    assert found.verdict == "no-problem"


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_a_report_on_production_that_averages_otherwise(average: str) -> None:
    from sklearn.linear_model import LogisticRegression

    frame = rows().assign(target=np.where(rows()["target"] > 220, "high", np.where(rows()["target"] > 100, "middle", "low")))
    train, validation, log = frame.iloc[:700], frame.iloc[700:1000], frame.iloc[1000:].reset_index(drop=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, class_weight={"high": 0.2, "middle": 3.0, "low": 1.0}))
    model.fit(train[FEATURES], train["target"])
    said = model.predict(log[FEATURES])
    other = {"macro": "weighted", "weighted": "macro"}[average]
    scores = {name: f1_score(log["target"], said, average=name) for name in ("macro", "weighted")}
    if scores[average] > scores[other] - 0.02:
        average, other = other, average
    case = Case(
        reference=Side(train=train, validation=validation, model=model),
        current=Side(serving=log.assign(prediction=said), metrics={f"f1_{other}": round(scores[average], 4)}),
        target="target",
        metric=f"f1_{other}",
        key="visit",
        changed="deployment",
    )
    cause, where, found = main(case)
    assert cause == "pipeline.metric", found.causes[0].summary
    assert where == (f"metrics.f1_{other}",)


def test_the_rows_of_these_tests_are_learnable() -> None:
    log = rows().iloc[1000:]
    assert r2_score(log["target"], fitted().predict(log[FEATURES])) > 0.3


def own_of(log: pd.DataFrame) -> pd.Series:
    return pd.Series(fitted().predict(log[FEATURES]))


@pytest.mark.parametrize(
    "smooth",
    [
        lambda own, _: own.ewm(alpha=0.3, adjust=False).mean(),
        lambda own, _: own.rolling(5, min_periods=1).mean(),
        lambda own, patient: own.groupby(patient).transform(lambda v: v.ewm(alpha=0.2, adjust=False).mean()),
    ],
    ids=["exponential", "window", "by-patient"],
)
def test_answers_that_are_mixed_with_earlier_ones_are_a_step_after_the_model(smooth: Any) -> None:
    case = served(lambda log: np.asarray(smooth(own_of(log), log["patient"])), entity="patient")
    cause, where, found = main(case)
    assert (cause, where) == ("pipeline.threshold", ("serving.prediction",))
    assert "artifact" in found.causes[0].summary


def test_each_batch_of_requests_scaled_by_itself_is_another_scaling() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        train, batch = rows().iloc[:700][FEATURES], np.arange(len(log)) // 8
        by = log[FEATURES].groupby(batch)
        standard = (log[FEATURES] - by.transform("mean")) / by.transform("std", ddof=0)
        scaler = fitted()[0]
        return fitted().predict(pd.DataFrame(standard * scaler.scale_ + scaler.mean_, columns=train.columns))

    cause, _, found = main(served(answers))
    assert cause == "pipeline.scaling"
    assert "8 requests" in found.causes[0].summary


def test_eight_bits_with_one_step_for_all_columns_are_too_few() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        step = log[FEATURES].abs().to_numpy().max() / 127
        return fitted().predict((log[FEATURES] / step).round() * step)

    assert main(served(answers))[0] == "pipeline.numerics"


def test_a_precision_that_the_configuration_says_otherwise_is_believed_where_no_cast_reproduces_the_answers() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        train = rows().iloc[:700][FEATURES]
        low, step = train.min(), train.max() - train.min()
        return fitted().predict(low + ((log[FEATURES] - low) / step).round().clip(0, 1) * step)

    case = served(answers)
    assert case.reference is not None
    reference, current = replace(case.reference, config={"dtype": "float64"}), replace(case.current, config={"dtype": "int1"})
    cause, where, _ = main(replace(case, reference=reference, current=current))
    assert (cause, where) == ("pipeline.numerics", ("config.dtype",))


def test_classes_that_stand_some_rows_too_high_are_other_rows() -> None:
    train, log = rows().iloc[:1000], rows().iloc[1000:].reset_index(drop=True)
    model = LogisticRegression(max_iter=500).fit(train[FEATURES], train["target"] > 140)
    said = np.roll(model.predict(log[FEATURES]), -2)
    case = served(model=model)
    log = log.assign(target=log["target"] > 140, prediction=said)
    reference = Side(validation=train.assign(target=train["target"] > 140), model=model)
    case = replace(case, reference=reference, current=Side(serving=log), metric="accuracy", task="classification")
    assert main(case)[:2] == ("data.row-misalignment", ("serving.prediction",))


def test_decimal_points_that_another_locale_does_not_know_are_lost() -> None:
    def answers(log: pd.DataFrame) -> np.ndarray:
        bmi = log["bmi"].map(lambda v: float(f"{v:.12g}".replace(".", "")))
        return fitted().predict(log[FEATURES].assign(bmi=bmi))

    cause, where, found = main(served(answers))
    assert (cause, where) == ("pipeline.preprocessing", ("serving.bmi",))
    assert "decimal points" in found.causes[0].summary
