"""Two machines answer the same requests otherwise: what stands between them is told by how it can be made again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ruleout import Case, Side
from ruleout.case.code import Code
from ruleout.conclusion import Conclusion, investigate

NUMBERS = ["bmi", "bp", "s1", "s5", "s6"]
KINDS = ["east", "north", "south", "west"]


@cache
def rows() -> pd.DataFrame:
    """Diabetes in clinical units, drawn again with a little noise; a clinic that goes with the blood pressure."""
    data = load_diabetes(as_frame=True, scaled=False).frame
    rng = np.random.default_rng(0)
    frame = data.iloc[rng.integers(0, len(data), 1700)].reset_index(drop=True)[[*NUMBERS, "target"]]
    frame[NUMBERS] = (frame[NUMBERS] * np.exp(rng.normal(0, 0.05, (len(frame), len(NUMBERS))))).round(3)
    place = np.digitize(frame["bp"] + rng.normal(0, 3, len(frame)), np.quantile(frame["bp"], [0.1, 0.4, 0.85]))
    frame["target"] += 60.0 * (place == 2) - 60.0 * (place == 1)
    return frame.assign(clinic=np.array(KINDS)[place], request=np.arange(len(frame)))


def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows().iloc[:900], rows().iloc[900:].reset_index(drop=True)


def array(frame: pd.DataFrame, order: Any = KINDS) -> np.ndarray:
    indicators = [(frame["clinic"] == kind).to_numpy(dtype=float) for kind in order]
    return np.column_stack([frame[NUMBERS].to_numpy(dtype=float), *indicators])


def two(theirs: pd.DataFrame, ours: pd.DataFrame, model: Any, codes: tuple[str, str] | None = None) -> Case:
    train, _ = parts()
    written = [Code({"features.py": text}) for text in codes] if codes else [None, None]
    return Case(
        reference=Side(train=train, serving=theirs, model=model, code=written[0]),
        current=Side(serving=ours, model=model, code=written[1]),
        target="target",
        metric="r2",
        task="regression",
        key="request",
        changed="deployment",
    )


def main(case: Case) -> tuple[str, tuple[str, ...], Conclusion]:
    found = investigate(case)
    assert found.verdict == "cause-found", found.summary
    return found.causes[0].cause, found.causes[0].where, found


@cache
def forest() -> Any:
    train, _ = parts()
    return RandomForestRegressor(12, min_samples_leaf=3, random_state=0).fit(array(train), train["target"])


def test_indicators_in_another_order_are_other_codes_of_their_column() -> None:
    _, log = parts()
    other = list(log["clinic"].value_counts().index)
    theirs, ours = (log.assign(prediction=forest().predict(array(log, order))) for order in (KINDS, other))
    cause, where, found = main(two(theirs, ours, forest()))
    assert cause == "pipeline.encoding" and where == ("serving.clinic",)
    assert found.causes[0].share is not None and found.causes[0].share > 0.9


def test_an_array_of_indicators_that_both_machines_make_alike_is_no_problem() -> None:
    _, log = parts()
    log = log.assign(prediction=forest().predict(array(log)))
    assert investigate(two(log, log, forest())).verdict == "no-problem"


@cache
def ridge() -> Any:
    train, _ = parts()
    return make_pipeline(StandardScaler(), Ridge()).fit(train[NUMBERS], np.log(train["target"] + 80))


ANSWER = "import numpy as np\n\ndef answer(model, rows):\n    return {}(model.predict(rows)){} - 80\n"


@pytest.mark.parametrize("known", [True, False])
def test_another_transform_after_the_artifact_is_code_where_it_is_known_and_a_step_after_the_model_else(known: bool) -> None:
    _, log = parts()
    raw = ridge().predict(log[NUMBERS])
    theirs, ours = (log.assign(prediction=(values - 80).round(6)) for values in (np.exp(raw), np.exp2(raw / 0.72)))
    codes = (ANSWER.format("np.exp", ""), ANSWER.format("np.exp2", " / 0.72")) if known else None
    cause, where, _ = main(two(theirs, ours, ridge(), codes))
    assert cause == ("pipeline.code" if known else "pipeline.threshold") and "serving.prediction" in where


def test_nulls_that_arrive_as_zero_differ_in_just_those_rows() -> None:
    train, log = parts()
    rng = np.random.default_rng(1)
    log = log.assign(**{c: log[c].mask(rng.random(len(log)) < 0.3) for c in NUMBERS[:4]})
    from sklearn.impute import SimpleImputer

    model = make_pipeline(SimpleImputer(strategy="median"), Ridge()).fit(train[NUMBERS], train["target"])
    zeros = log.fillna(dict.fromkeys(NUMBERS[:4], 0.0))
    theirs, ours = (frame.assign(prediction=model.predict(frame[NUMBERS])) for frame in (log, zeros))
    cause, where, found = main(two(theirs, ours, model))
    assert cause == "pipeline.preprocessing" and set(where) <= {f"serving.{c}" for c in NUMBERS[:4]}
    assert "null" in found.causes[0].summary


def test_some_columns_that_lose_their_low_bits_are_found_among_many() -> None:
    train, log = parts()
    model = RandomForestRegressor(12, min_samples_leaf=5, random_state=0).fit(train[NUMBERS], train["target"])
    cut = log.assign(**{c: np.floor(log[c] / 16) * 16 for c in ("bp", "s6")})
    theirs, ours = (log.assign(prediction=model.predict(frame[NUMBERS])) for frame in (log, cut))
    cause, where, _ = main(two(theirs, ours, model))
    assert cause == "pipeline.numerics" and set(where) <= {"serving.bp", "serving.s6"}


def test_rows_that_both_machines_were_asked_lack_no_part_whatever_stands_in_them() -> None:
    train, requests = parts()
    model = make_pipeline(StandardScaler(), Ridge()).fit(train[NUMBERS], train["target"])
    clipped = requests.assign(bmi=requests["bmi"].clip(upper=requests["bmi"].quantile(0.3)))
    logs = [log.assign(prediction=model.predict(log[NUMBERS])) for log in (requests, clipped)]
    case = two(logs[0].drop(columns="clinic"), logs[1].drop(columns="clinic"), model)
    cause, _, found = main(replace(case, reference=replace(case.reference, train=None)))
    assert cause == "pipeline.preprocessing"
    assert "data.missing-partition" not in {c.cause for c in found.causes}
