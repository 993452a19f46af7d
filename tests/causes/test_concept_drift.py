from __future__ import annotations

import numpy as np
import pytest
from retrained import healthy, healthy_cases, problem, retrained, with_frame

from ruleout.causes.data.concept_drift import ConceptDrift
from ruleout.causes.data.label_errors import LabelErrors
from ruleout.causes.page import HEADINGS

SEGMENT = {"diamonds": ("price", "carat"), "flights": ("late", "sched_dep_time"), "digits": ("target", "pixel_4_4")}


def new_world(name, from_row=0.0):
    target, column = SEGMENT[name]

    def change(frame, rng):
        low, high = healthy(name, 1).reference.train.to_pandas()[column].quantile([0.3, 0.7])
        inside = (frame[column] > low) & (frame[column] <= high) & (np.arange(len(frame)) >= from_row * len(frame))
        if name == "diamonds":
            return frame.assign(price=np.where(inside, 1.4 * frame[target] + 300, frame[target]))
        classes = sorted(frame[target].unique())
        following = dict(zip(classes, classes[1:] + classes[:1], strict=True))
        return frame.assign(**{target: np.where(inside, frame[target].map(following), frame[target])})

    return change


def changed(name, from_row=0.0):
    return with_frame(with_frame(healthy(name, 1), "train", new_world(name, from_row)), "validation", new_world(name))


def test_page_has_every_heading():
    assert tuple(ConceptDrift.sections()) == HEADINGS


@pytest.mark.parametrize("name", SEGMENT)
@pytest.mark.parametrize("from_row", [0.0, 0.7])
def test_finds_a_world_that_changed_where_it_changed(name, from_row):
    broken = changed(name, from_row)
    (finding,) = ConceptDrift().suspect(problem(broken)).findings
    assert finding.place == SEGMENT[name][0]
    assert finding.figures["column"] == SEGMENT[name][1]
    assert finding.evidence > 2
    assert not LabelErrors().suspect(problem(broken)).findings


@pytest.mark.parametrize("name", SEGMENT)
def test_rows_of_before_bring_the_metric_back(name):
    page, broken = ConceptDrift(), changed(name, 0.7)
    repaired = page.put_right(broken, page.suspect(problem(broken)).findings[0])
    lost, left = retrained(healthy(name, 1)) - retrained(broken), retrained(healthy(name, 1)) - retrained(repaired)
    assert lost > 0.03
    assert left < 0.4 * lost


def test_guard_is_red_on_the_broken_table_only():
    from ruleout.guards.checks import check

    page, broken = ConceptDrift(), changed("flights")
    guard = page.guard(problem(broken), page.suspect(problem(broken)).findings[0])
    assert check(guard, broken.reference).green
    assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in ConceptDrift().suspect(problem(case)).findings] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"] * 60),
        lambda frame, rng: frame.assign(dep_delay=rng.permutation(frame["dep_delay"].to_numpy())),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].str.lower(), dest=frame["dest"].str.lower()),
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"].mask(rng.random(len(frame)) < 0.5)),
        lambda frame, rng: frame[(frame["late"] == "yes") | (rng.random(len(frame)) < 0.4)],
        lambda frame, rng: frame[rng.random(len(frame)) < np.exp((frame["dep_delay"].clip(-10, 40) - 40) / 20)],
    ],
    ids=["unit", "misplaced", "respelled", "nulls", "class mix", "drift"],
)
def test_silent_under_other_faults(change):
    broken = with_frame(with_frame(healthy("flights", 1), "train", change), "validation", change)
    assert not ConceptDrift().suspect(problem(broken)).findings
    assert not LabelErrors().suspect(problem(broken)).findings
