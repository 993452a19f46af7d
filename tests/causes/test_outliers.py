from __future__ import annotations

import numpy as np
from samples import frames, guarded, healthy_pairs, only, problem, repaired

from ruleout.causes.data.outliers import Outliers

PAGE = Outliers()


def test_absurd_cells_are_found_and_replaced() -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    was = train["carat"].to_numpy()
    absurd = np.random.default_rng(1).random(len(train)) < 0.01
    train["carat"] = np.where(absurd, was * 1000, was)
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.carat")
    assert finding.figures["n_outliers"] == absurd.sum()
    now = repaired(PAGE, given, finding, "carat").astype(float)
    assert np.array_equal(now[~absurd], was[~absurd])
    assert np.abs(now[absurd] - was[absurd]).max() < 1
    assert guarded(PAGE, given, finding)


def test_both_ends_count() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    rng = np.random.default_rng(1)
    train["distance"] = np.where(rng.random(len(train)) < 0.01, rng.normal(0, 1e6, len(train)), train["distance"])
    assert only(PAGE, problem("flights", tables), "train.distance").figures["n_outliers"] > 20


def test_three_values_are_enough_where_they_outweigh_the_rest() -> None:
    tables = frames("diamonds")
    tables["current.train"].loc[[3, 30, 300], "depth"] = [1e7, 2e7, -3e7]
    assert only(PAGE, problem("diamonds", tables), "train.depth").figures["n_outliers"] == 3


def test_rows_with_an_absurd_target_are_left_out() -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    train["price"] = np.where(np.arange(len(train)) % 100 == 0, train["price"] * 500, train["price"])
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.price")
    assert len(repaired(PAGE, given, finding, "price")) == len(train) - finding.figures["n_outliers"]


def test_one_stand_in_for_null_is_not_an_outlier() -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    train["carat"] = np.where(np.arange(len(train)) % 30 == 0, -999, train["carat"])
    assert not PAGE.suspect(problem("diamonds", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        look = PAGE.suspect(given)
        assert not look.findings, (name, look.findings[0].statement)
