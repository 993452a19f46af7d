from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from samples import frames, guarded, healthy_pairs, only, problem, repaired, texts

from ruleout.causes.data.schema_mismatch import SchemaMismatch

PAGE = SchemaMismatch()


@pytest.mark.parametrize(
    ("column", "write"),
    [
        ("carat", str),
        ("carat", lambda v: str(v).replace(".", ",")),
        ("price", lambda v: f"{v:,}"),
        ("price", lambda v: f"{v:,}".replace(",", ".")),
        ("price", lambda v: f"${v}.00"),
    ],
    ids=["text", "comma", "thousands", "thousands-point", "currency"],
)
def test_numbers_that_came_as_text_are_read(column: str, write: Callable[[float], str]) -> None:
    tables = {place: frame.rename(columns={"price": "x", "x": "price"}) for place, frame in frames("diamonds").items()}
    tables = {place: frame.assign(amount=frame["x"]) for place, frame in tables.items()}
    column = {"price": "amount"}.get(column, column)
    train = tables["current.train"]
    was = texts(train, column)
    train[column] = [write(v) for v in train[column]]
    given = problem("diamonds", tables)
    finding = only(PAGE, given, f"train.{column}")
    assert np.all(repaired(PAGE, given, finding, column) == was)
    assert guarded(PAGE, given, finding)


def test_truth_values_that_came_as_text_are_read() -> None:
    tables = {place: frame.assign(big=frame["carat"] > 1) for place, frame in frames("diamonds").items()}
    train = tables["current.train"]
    was = texts(train, "big")
    train["big"] = np.where(train["big"], "yes", "no")
    given = problem("diamonds", tables)
    assert np.all(repaired(PAGE, given, only(PAGE, given, "train.big"), "big") == was)


def test_a_new_name_is_matched_by_distribution() -> None:
    tables = frames("flights")
    was = texts(tables["current.train"], "distance")
    tables["current.train"] = tables["current.train"].rename(columns={"distance": "q17"})
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.distance")
    assert finding.figures["now"] == "q17"
    assert np.all(repaired(PAGE, given, finding, "distance") == was)


def test_a_column_that_is_gone_is_borrowed() -> None:
    tables = frames("diamonds")
    was = tables["current.train"]["carat"].to_numpy()
    tables["current.train"] = tables["current.train"].drop(columns="carat")
    given = problem("diamonds", tables)
    now = repaired(PAGE, given, only(PAGE, given, "train.carat"), "carat").astype(float)
    assert np.corrcoef(now, was)[0, 1] > 0.95


@pytest.mark.parametrize(("one", "other"), [("depth", "table"), ("x", "z"), ("cut", "color")])
def test_columns_that_changed_places_change_back(one: str, other: str) -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    was = texts(train, one)
    train[[one, other]] = train[[other, one]].to_numpy()
    given = problem("diamonds", tables)
    findings = PAGE.suspect(given).findings
    assert sorted(f.place for f in findings) == sorted([f"train.{one}", f"train.{other}"])
    case = PAGE.put_right(given.case, findings[0])
    assert case is not None
    again = PAGE.put_right(case, findings[1])
    assert again is not None
    assert again.current.train is not None
    assert np.all(again.current.train.texts(one) == was)
    assert all(guarded(PAGE, given, f) for f in findings)


def test_dates_that_came_as_text_are_read() -> None:
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(3000) % 300, unit="D")
    tables = {place: frame.assign(day_of=days[: len(frame)]) for place, frame in frames("diamonds").items()}
    train = tables["current.train"]
    was = texts(train, "day_of")
    train["day_of"] = train["day_of"].dt.strftime("%Y-%m-%d")
    given = problem("diamonds", tables)
    assert np.all(repaired(PAGE, given, only(PAGE, given, "train.day_of"), "day_of") == was)


def test_whole_numbers_as_floats_do_no_harm() -> None:
    tables = frames("flights")
    tables["current.train"]["distance"] = tables["current.train"]["distance"].astype(float)
    assert not PAGE.suspect(problem("flights", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        assert not PAGE.suspect(given).findings, name


@pytest.mark.parametrize("place", ["train", "validation"])
def test_values_that_strayed_in_a_part_of_the_rows_are_brought_home(place: str) -> None:
    tables = frames("diamonds")
    frame = tables[f"current.{place}"]
    was = frame.copy()
    rows = np.random.default_rng(0).random(len(frame)) < 0.4
    frame.loc[rows, ["depth", "table"]] = was.loc[rows, ["table", "depth"]].to_numpy()
    given = problem("diamonds", tables)
    findings = [f for f in PAGE.suspect(given).findings if f.repair["what"] == "strayed"]
    assert {f.place for f in findings} == {f"{place}.depth", f"{place}.table"}
    right = PAGE.put_right(given.case, findings[0])
    assert right is not None
    back = getattr(right.current, place).numbers("depth")
    assert np.mean(np.isclose(back, was["depth"])) > 0.9
    assert PAGE.put_right(right, findings[1]) is right
    assert guarded(PAGE, given, findings[0])


def test_cells_one_to_the_right_are_told_and_the_rows_of_which_some_are_lost_are_left_out() -> None:
    tables = frames("diamonds")
    frame = tables["current.validation"]
    was, columns = frame.copy(), ["carat", "depth", "table", "x"]
    rows = np.random.default_rng(1).random(len(frame)) < 0.3
    frame[columns] = frame[columns].astype(float)
    frame.loc[rows, columns[1:]] = was.loc[rows, columns[:-1]].to_numpy()
    frame.loc[rows, "carat"] = np.nan
    given = problem("diamonds", tables)
    findings = [f for f in PAGE.suspect(given).findings if f.repair["what"] == "strayed"]
    assert {f.place.split(".")[1] for f in findings} >= {"depth", "table"}
    right = PAGE.put_right(given.case, findings[0])
    assert right is not None and right.current.validation is not None
    kept = right.current.validation
    assert abs(kept.n_rows / len(was) - 0.7) < 0.05 and np.isfinite(kept.numbers("carat")).all()
    assert kept.numbers("depth").min() > 40
