from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from retrained import healthy, healthy_cases, problem, retrained, with_frame

from ruleout.causes.data.missing_partition import MissingPartition
from ruleout.causes.page import HEADINGS

PARTS = [
    ("diamonds", "clarity", lambda frame: frame["clarity"].isin(["VS1", "VS2"]).to_numpy()),
    ("diamonds", "carat", lambda frame: (frame["carat"] > 1.0).to_numpy()),
    ("flights", "late", lambda frame: (frame["late"] == "yes").to_numpy()),
    ("flights", "carrier", lambda frame: (frame["carrier"] == "UA").to_numpy()),
    ("flights", "weekday", lambda frame: frame["weekday"].isin([5, 6]).to_numpy()),
    ("flights", "sched_dep_time", lambda frame: frame["sched_dep_time"].between(1200, 1700).to_numpy()),
    ("digits", "target", lambda frame: (frame["target"] == "digit 3").to_numpy()),
]


def lose(inside):
    return lambda frame, rng: frame[~inside(frame)]


def test_page_has_every_heading():
    assert tuple(MissingPartition.sections()) == HEADINGS


@pytest.mark.parametrize("table", ["train", "validation"])
@pytest.mark.parametrize(("name", "column", "inside"), PARTS, ids=[f"{n}-{c}" for n, c, _ in PARTS])
def test_finds_what_is_absent_and_puts_it_back(name, column, inside, table):
    page, good = MissingPartition(), healthy(name, 1)
    broken = with_frame(good, table, lose(inside))
    finding = page.suspect(problem(broken)).findings[0]
    assert finding.place == f"{table}.{column}"
    assert finding.evidence > 3
    frame = page.put_right(broken, finding).current.table(table).to_pandas()
    assert inside(frame).mean() == pytest.approx(inside(good.reference.table(table).to_pandas()).mean(), abs=0.01)


@pytest.mark.parametrize(("name", "inside"), [(PARTS[1][0], PARTS[1][2]), (PARTS[2][0], PARTS[2][2]), (PARTS[6][0], PARTS[6][2])])
def test_the_metric_comes_back(name, inside):
    page, good = MissingPartition(), healthy(name, 1)
    broken = (
        with_frame(good, "train", lose(inside))
        if name != "flights"
        else with_frame(good, "train", lose(lambda f: inside(f) & (f.index > 9)))
    )
    repaired = page.put_right(broken, page.suspect(problem(broken)).findings[0])
    lost, left = retrained(good) - retrained(broken), retrained(good) - retrained(repaired)
    assert lost > 0.03
    assert left < 0.3 * lost


def test_a_day_lost_from_a_time_column():
    rng = np.random.default_rng(0)
    good = healthy("flights", 1)

    def dated(frame, _):
        return frame.assign(at=pd.Timestamp("2025-03-03") + pd.to_timedelta(np.sort(rng.integers(0, 28 * 1440, len(frame))), unit="min"))

    reference = with_frame(replace(good, current=good.reference), "train", dated).current
    broken = with_frame(replace(good, reference=reference, time="at"), "train", dated)
    assert not MissingPartition().suspect(problem(broken)).findings
    broken = with_frame(broken, "train", lambda frame, _: frame[frame["at"].dt.day_of_week != 2])
    finding = MissingPartition().suspect(problem(broken)).findings[0]
    assert finding.place == "train.at"
    assert "Wednesday" in finding.statement


def test_the_stage_that_lost_the_rows_is_named():
    good = healthy("flights", 1)
    log = [{"stage": "extract", "rows_in": 5000, "rows_out": 5000}, {"stage": "join", "rows_in": 5000, "rows_out": 4000}]
    short = [log[0], {"stage": "join", "rows_in": 5000, "rows_out": 2600}]
    broken = with_frame(good, "train", lose(PARTS[4][2]))
    broken = replace(broken, current=replace(broken.current, runlog=tuple(short)), reference=replace(broken.reference, runlog=tuple(log)))
    places = [f.place for f in MissingPartition().suspect(problem(broken)).findings]
    assert places == ["train.weekday", "runlog.join"]


def test_putting_wrong_and_guard():
    from ruleout.guards.checks import check

    page, good = MissingPartition(), healthy("flights", 1)
    broken = with_frame(good, "train", lose(PARTS[3][2]))
    finding = page.suspect(problem(broken)).findings[0]
    assert "UA" not in set(page.put_wrong(good, finding).reference.train.texts("carrier"))
    guard = page.guard(problem(broken), finding)
    assert check(guard, good.reference).green
    assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in MissingPartition().suspect(problem(case)).findings] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"] * 60, distance=frame["distance"] * 1.609),
        lambda frame, rng: frame.assign(temp=(frame["temp"] - 32) / 1.8),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].str.lower()),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].replace({"UA": "AA"})),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].mask(frame["carrier"] == "UA")),
        lambda frame, rng: frame[(frame["late"] == "yes") | (rng.random(len(frame)) < 0.3)],
        lambda frame, rng: frame[rng.random(len(frame)) < np.exp((frame["temp"] - 100) / 25)],
        lambda frame, rng: frame.assign(distance=frame["distance"].clip(upper=1000)),
    ],
    ids=["unit", "Celsius", "respelled", "merged", "nulls", "class mix", "drift", "clipped"],
)
def test_silent_under_other_faults(change):
    assert not MissingPartition().suspect(problem(with_frame(healthy("flights", 1), "train", change))).findings
