from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from retrained import healthy, healthy_cases, population, problem, table, with_frame

from ruleout.causes.data.drift import Drift
from ruleout.causes.data.label_shift import LabelShift
from ruleout.causes.page import HEADINGS

COLUMN = {"diamonds": "clarity", "flights": "dep_delay", "digits": "pixel_4_4"}


def drifted(name, which, seed=1):
    """Real rows of the same world, drawn towards one end of a column."""
    good, (frame, _, _) = healthy(name, seed), population(name)
    rng = np.random.default_rng(seed)
    strength = 6.0 if name == "digits" else 3.0
    rank = (frame[COLUMN[name]].astype("category").cat.codes if name == "diamonds" else frame[COLUMN[name]]).rank(pct=True).to_numpy()
    n = min(good.current.table(which).n_rows, len(frame) // 4)
    rows = np.sort(np.argsort(-np.log(rng.random(len(frame))) / np.exp(strength * rank))[:n])
    return good.with_table("current", which, table(frame.iloc[rows].reset_index(drop=True), which))


def test_page_has_every_heading():
    assert tuple(Drift.sections()) == HEADINGS


@pytest.mark.parametrize("which", ["train", "validation"])
@pytest.mark.parametrize("name", COLUMN)
def test_finds_the_column_along_which_the_rows_moved(name, which):
    broken = drifted(name, which)
    (finding,) = Drift().suspect(problem(broken)).findings
    assert finding.place == f"{which}.{COLUMN[name]}"
    assert not LabelShift().suspect(problem(broken)).findings
    assert finding.evidence <= 2.5


def test_rows_that_come_again_count_once():
    good = healthy("flights", 1)
    frame = good.current.validation.to_pandas()
    late = frame[frame.dep_delay > frame.dep_delay.quantile(0.8)]
    broken = good.with_table("current", "validation", table(pd.concat([frame, *[late] * 8], ignore_index=True), "validation"))
    assert not Drift().suspect(problem(broken)).findings
    assert not LabelShift().suspect(problem(broken)).findings


def test_harmful_drift_weighs_more_than_harmless():
    harmful = Drift().suspect(problem(drifted("flights", "validation"))).findings[0]
    harmless = Drift().suspect(problem(drifted("diamonds", "validation"))).findings[0]
    assert harmful.figures["explained"] > 0.05
    assert harmful.evidence > 1.5 > harmless.evidence


@pytest.mark.parametrize("which", ["train", "validation"])
def test_putting_right_and_wrong(which):
    page, broken = Drift(), drifted("flights", which)
    finding = page.suspect(problem(broken)).findings[0]
    healthy_mean = broken.reference.table(which).numbers("dep_delay").mean()
    moved = broken.current.table(which).numbers("dep_delay").mean() - healthy_mean
    repaired = page.put_right(broken, finding).current.table(which).numbers("dep_delay").mean() - healthy_mean
    spoiled = page.put_wrong(broken, finding).reference.table(which).numbers("dep_delay").mean() - healthy_mean
    assert abs(repaired) < 0.25 * moved
    assert spoiled > 0.6 * moved


def test_guard_is_red_on_the_broken_table_only():
    from ruleout.guards.checks import check

    page = Drift()
    for name in ("flights", "diamonds"):
        broken = drifted(name, "train")
        guard = page.guard(problem(broken), page.suspect(problem(broken)).findings[0])
        assert check(guard, broken.reference).green
        assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in Drift().suspect(problem(case)).findings] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"] * 60),
        lambda frame, rng: frame.assign(dep_delay=rng.permutation(frame["dep_delay"].to_numpy())),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].str.lower()),
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"].mask(rng.random(len(frame)) < 0.5)),
        lambda frame, rng: frame.assign(late=np.where(rng.random(len(frame)) < 0.3, "yes", frame["late"])),
        lambda frame, rng: frame[(frame["late"] == "yes") | (rng.random(len(frame)) < 0.4)],
    ],
    ids=["unit", "misplaced", "respelled", "nulls", "labels", "class mix"],
)
def test_silent_under_other_faults(change):
    assert not Drift().suspect(problem(with_frame(healthy("flights", 1), "train", change))).findings
