from __future__ import annotations

import numpy as np
import pytest
from samples import frames, guarded, healthy_pairs, only, problem, texts

from ruleout.causes.data.missing_values import MissingValues
from ruleout.statistics.quantiles import ks_distance

PAGE = MissingValues()


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("diamonds", "carat", None),
        ("diamonds", "carat", -999.0),
        ("diamonds", "carat", 0.7),
        ("flights", "distance", 0.0),
        ("flights", "distance", -1.0),
        ("flights", "distance", 9999.0),
    ],
)
def test_lost_numbers_are_found_and_restored(name: str, column: str, value: float | None) -> None:
    tables = frames(name)
    train = tables["current.train"]
    was = train[column].to_numpy(dtype=float)
    lost = np.random.default_rng(1).random(len(train)) < 0.2
    train[column] = np.where(lost, np.nan if value is None else value, was)
    given = problem(name, tables)
    finding = only(PAGE, given, f"train.{column}")
    assert guarded(PAGE, given, finding)
    case = PAGE.put_right(given.case, finding)
    assert case is not None
    assert case.current.train is not None
    now = case.current.train.numbers(column)
    assert np.array_equal(now[~lost & (was != value)], was[~lost & (was != value)])
    assert ks_distance(now, was) < 0.03
    # The restored values keep company with the other columns, which a mean could not.
    if name == "diamonds":
        assert np.corrcoef(now[lost & (was != value)], was[lost & (was != value)])[0, 1] > 0.95


@pytest.mark.parametrize("word", [None, "", "unknown", "N/A"])
def test_lost_texts_are_found_and_restored(word: str | None) -> None:
    tables = frames("flights")
    train = tables["current.train"]
    was = texts(train, "origin")
    lost = np.random.default_rng(1).random(len(train)) < 0.2
    train["origin"] = np.where(lost, word, was)
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.origin")
    assert guarded(PAGE, given, finding)
    case = PAGE.put_right(given.case, finding)
    assert case is not None
    assert case.current.train is not None
    assert np.mean(case.current.train.texts("origin") == was) > 0.9


def test_the_segment_is_named_and_the_reference_can_be_put_wrong_there() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    train.loc[train["origin"] == "JFK", "dep_delay"] = np.nan
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.dep_delay")
    assert "origin is JFK" in finding.statement
    case = PAGE.put_wrong(given.case, finding)
    assert case is not None
    assert case.reference is not None
    assert case.reference.train is not None
    empty = np.isnan(case.reference.train.numbers("dep_delay"))
    assert np.array_equal(empty, case.reference.train.texts("origin") == "JFK")


def test_a_column_without_any_value_is_found() -> None:
    tables = frames("flights")
    tables["current.train"]["dep_delay"] = None
    only(PAGE, problem("flights", tables), "train.dep_delay")


def test_a_new_mix_of_classes_is_not_missingness() -> None:
    tables = frames("flights")
    for tab in tables.values():
        gaps = (tab["late"] == "yes") & (np.random.default_rng(4).random(len(tab)) < 0.3)
        tab.loc[gaps, "distance"] = np.nan
    train = tables["current.train"]
    tables["current.train"] = train[(train["late"] == "yes") | (np.arange(len(train)) % 4 == 0)].reset_index(drop=True)
    assert not PAGE.suspect(problem("flights", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        assert not PAGE.suspect(given).findings, name
