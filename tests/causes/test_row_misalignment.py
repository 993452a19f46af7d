from __future__ import annotations

import numpy as np
import pytest
from retrained import healthy, healthy_cases, problem, retrained, with_frame

from ruleout.causes.data.row_misalignment import RowMisalignment
from ruleout.causes.page import HEADINGS

COLUMNS = {"diamonds": ["carat", "x", "y", "z"], "flights": ["dep_delay"], "digits": ["pixel_3_4", "pixel_2_5", "pixel_4_2"]}


def place_wrongly(columns, how):
    def change(frame, rng):
        rows = np.arange(len(frame))
        if how == "all rows":
            rows = (rows - 7) % len(frame)
        elif how == "a block":
            rows[len(frame) // 3 :] -= 1
        else:
            rows = rng.permutation(rows)
        frame[columns] = frame[columns].to_numpy()[rows]
        return frame

    return change


def test_page_has_every_heading():
    assert tuple(RowMisalignment.sections()) == HEADINGS


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("how", ["all rows", "a block", "a shuffle"])
def test_names_the_columns_on_wrong_rows(name, how):
    look = RowMisalignment().suspect(problem(with_frame(healthy(name, 1), "train", place_wrongly(COLUMNS[name], how))))
    assert [set(f.figures["columns"]) for f in look.findings] == [set(COLUMNS[name])]
    assert look.findings[0].place.split(".")[1] in COLUMNS[name]
    assert look.findings[0].evidence > 3
    assert (look.findings[0].repair["undo"] is not None) == (how != "a shuffle")


@pytest.mark.parametrize("name", ["diamonds", "flights"])
@pytest.mark.parametrize("how", ["all rows", "a block", "a shuffle"])
def test_putting_right_brings_the_metric_back(name, how):
    page, good = RowMisalignment(), healthy(name, 1)
    broken = with_frame(good, "train", place_wrongly(COLUMNS[name], how))
    repaired = page.put_right(broken, page.suspect(problem(broken)).findings[0])
    lost, left = retrained(good) - retrained(broken), retrained(good) - retrained(repaired)
    assert lost > 0.03
    assert left < 0.25 * lost
    if how == "all rows":
        assert repaired.current.train.to_pandas().equals(good.current.train.to_pandas())


def test_putting_wrong_breaks_the_healthy_side_alike():
    page, good = RowMisalignment(), healthy("diamonds", 1)
    finding = page.suspect(problem(with_frame(good, "train", place_wrongly(COLUMNS["diamonds"], "all rows")))).findings[0]
    spoiled = page.put_wrong(good, finding).reference.train
    assert np.array_equal(spoiled.numbers("carat"), np.roll(good.reference.train.numbers("carat"), 7))


def test_guard_is_red_on_the_broken_table_only():
    from ruleout.guards.checks import check

    page, good = RowMisalignment(), healthy("flights", 1)
    broken = with_frame(good, "train", place_wrongly(["dep_delay"], "a shuffle"))
    guard = page.guard(problem(broken), page.suspect(problem(broken)).findings[0])
    assert check(guard, good.reference).green
    assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in RowMisalignment().suspect(problem(case)).findings] == []


def test_silent_where_labels_or_units_are_wrong():
    good = healthy("flights", 1)

    def flip(frame, rng):
        frame["late"] = np.where(rng.random(len(frame)) < 0.3, rng.permutation(frame["late"]), frame["late"])
        return frame

    def scale(frame, rng):
        frame["dep_delay"] = frame["dep_delay"] * 60
        return frame

    for change in (flip, scale):
        assert not RowMisalignment().suspect(problem(with_frame(good, "train", change))).findings


def test_a_column_that_told_of_the_target_alone_goes_with_the_others():
    good = healthy("flights", 1)
    columns = ["carrier", "origin", "dep_delay"]
    broken = with_frame(good, "validation", place_wrongly(columns, "a shuffle"))
    look = RowMisalignment().suspect(problem(broken))
    assert set(look.findings[0].figures["columns"]) >= {"dep_delay"}
