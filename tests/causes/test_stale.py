from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from retrained import NAMES, healthy, healthy_cases, problem, with_frame

from ruleout.case.case import Side
from ruleout.causes.data.stale import Stale
from ruleout.causes.page import HEADINGS


def dated(name, train_days_late=0.0):
    """Four weeks of training and one of validation; the current run a week later, its training rows ending too early."""
    good, rng = healthy(name, 1), np.random.default_rng(0)

    def stamp(case, which, first, days):
        def change(frame, _):
            minutes = np.sort(rng.integers(0, int(days * 1440), len(frame)))
            return frame.assign(at=pd.Timestamp("2025-03-03") + pd.to_timedelta(minutes + int(first * 1440), unit="min"))

        return with_frame(case, which, change)

    reference = stamp(stamp(replace(good, current=good.reference), "train", 0, 28), "validation", 28, 7).current
    broken = stamp(stamp(good, "train", 7 - train_days_late, 28), "validation", 35, 7)
    return replace(broken, reference=reference, time="at")


def turned(name):
    def change(frame, rng):
        if name == "diamonds":
            return frame.assign(price=np.where(frame["carat"] > 0.8, 1.5 * frame["price"] + 500, frame["price"]))
        target = "late" if name == "flights" else "target"
        column = "sched_dep_time" if name == "flights" else "pixel_4_4"
        classes = sorted(frame[target].unique())
        following = dict(zip(classes, classes[1:] + classes[:1], strict=True))
        return frame.assign(**{target: np.where(frame[column] > frame[column].median(), frame[target].map(following), frame[target])})

    return change


def test_page_has_every_heading():
    assert tuple(Stale.sections()) == HEADINGS


@pytest.mark.parametrize("name", NAMES)
def test_finds_training_rows_that_end_too_early(name):
    (finding,) = Stale().suspect(problem(dated(name, 7.0))).findings
    assert finding.place == "train.at"
    assert finding.evidence > 3
    assert not Stale().suspect(problem(dated(name))).findings


def test_older_rows_than_the_reference_are_replaced_by_newer_ones():
    from ruleout.guards.checks import check

    page, broken = Stale(), dated("flights", 14.0)
    finding = page.suspect(problem(broken)).findings[0]
    assert page.put_right(broken, finding).current.train.fingerprint == broken.reference.train.fingerprint
    guard = page.guard(problem(broken), finding)
    assert check(guard, broken.reference).green
    assert not check(guard, broken.current).green


@pytest.mark.parametrize("name", NAMES)
def test_finds_the_rows_of_last_time_in_a_world_that_moved_on(name):
    good = healthy(name, 1)
    same = replace(good, current=Side(train=good.reference.train, validation=good.current.validation))
    assert not Stale().suspect(problem(same)).findings
    (finding,) = Stale().suspect(problem(with_frame(same, "validation", turned(name)))).findings
    assert finding.place == "train"
    assert finding.figures["same"] == 1.0


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in Stale().suspect(problem(case)).findings] == []


def test_a_fixed_validation_table_is_no_fault():
    good = healthy("flights", 1)
    fixed = replace(good, current=replace(good.current, validation=good.reference.validation))
    assert not Stale().suspect(problem(fixed)).findings


def test_the_very_rows_of_the_reference_under_later_validation_rows_are_stale_however_the_reference_was_split():
    broken = dated("diamonds", 7.0)
    rows = pd.concat([broken.reference.train.to_pandas(), broken.reference.validation.to_pandas()]).sample(frac=1.0, random_state=0)
    split = {"train": rows[:4_000].reset_index(drop=True), "validation": rows[4_000:].reset_index(drop=True)}
    reference = replace(
        broken.reference, **{name: with_frame(broken, name, lambda *_, f=frame: f).current.table(name) for name, frame in split.items()}
    )
    again = replace(broken, reference=reference, current=replace(broken.current, train=reference.train))
    (finding,) = Stale().suspect(problem(again)).findings
    assert finding.place == "train.at" and "value for value" in finding.statement
    assert not Stale().suspect(problem(replace(broken, reference=reference))).findings


def test_the_same_training_rows_are_old_where_a_column_of_numbers_shows_that_the_world_moved_on():
    good = healthy("diamonds", 1)

    def numbered(case, which, first):
        return with_frame(case, which, lambda frame, _: frame.assign(serial=first + np.arange(len(frame)) % 40))

    reference = numbered(numbered(replace(good, current=good.reference), "train", 0), "validation", 0).current
    later = numbered(with_frame(good, "validation", turned("diamonds")), "validation", 100)
    broken = replace(later, reference=reference, current=replace(later.current, train=reference.train))
    (finding,) = Stale().suspect(replace(problem(broken), significant=True)).findings
    assert finding.place == "train"
    assert "validation.serial" in finding.statement
