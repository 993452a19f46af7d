from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from retrained import healthy, healthy_cases, problem, retrained, with_frame

from ruleout.causes.data.label_shift import LabelShift
from ruleout.causes.page import HEADINGS

TARGET = {"flights": ("late", "yes"), "cuts": ("cut", "Good")}


def fewer_others(name, share=0.35):
    target, level = TARGET[name]
    return lambda frame, rng: frame[(frame[target] == level) | (rng.random(len(frame)) < share)]


def test_page_has_every_heading():
    assert tuple(LabelShift.sections()) == HEADINGS


@pytest.mark.parametrize("which", ["train", "validation"])
@pytest.mark.parametrize("name", TARGET)
def test_finds_the_class_that_became_commoner(name, which):
    target, level = TARGET[name]
    broken = with_frame(healthy(name, 1), which, fewer_others(name, 0.2))
    (finding,) = LabelShift().suspect(problem(broken)).findings
    assert finding.place == f"{which}.{target}"
    assert finding.figures["level"] in (level, "no", "Ideal")
    assert finding.evidence > 2


def test_putting_right_brings_the_metric_and_the_mix_back():
    page, good = LabelShift(), healthy("flights", 1)
    broken = with_frame(good, "validation", fewer_others("flights", 0.1))
    finding = page.suspect(problem(broken)).findings[0]
    repaired = page.put_right(broken, finding)
    was, now, then = (np.mean(c.current.validation.texts("late") == "yes") for c in (good, broken, repaired))
    assert abs(then - was) < 0.1 * abs(now - was)
    assert abs(retrained(good) - retrained(repaired)) < 0.4 * (retrained(good) - retrained(broken))
    spoiled = page.put_wrong(broken, finding).reference.validation
    assert np.mean(spoiled.texts("late") == "yes") == pytest.approx(now, abs=0.02)


def test_guard_is_red_on_the_broken_table_only():
    from ruleout.guards.checks import check

    page = LabelShift()
    broken = with_frame(healthy("flights", 1), "train", fewer_others("flights"))
    guard = page.guard(problem(broken), page.suspect(problem(broken)).findings[0])
    assert check(guard, broken.reference).green
    assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in LabelShift().suspect(problem(case)).findings] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda frame, rng: frame[frame["late"] == "no"],
        lambda frame, rng: pd.concat([frame, frame[frame["late"] == "yes"], frame[frame["late"] == "yes"]]),
        lambda frame, rng: frame.assign(late=np.where(rng.random(len(frame)) < 0.3, "yes", frame["late"])),
        lambda frame, rng: frame[rng.random(len(frame)) < np.exp((frame["dep_delay"].clip(-10, 40) - 40) / 20)],
    ],
    ids=["class absent", "duplicates", "labels", "drift"],
)
def test_silent_under_other_faults(change):
    assert not LabelShift().suspect(problem(with_frame(healthy("flights", 1), "train", change))).findings
