from __future__ import annotations

import numpy as np
import pytest
from retrained import healthy, healthy_cases, problem, retrained, with_frame

from ruleout.causes.data.label_errors import LabelErrors
from ruleout.causes.page import HEADINGS

TARGET = {"diamonds": "price", "flights": "late", "digits": "target"}


def roll(name):
    return lambda frame, rng: frame.assign(**{TARGET[name]: np.roll(frame[TARGET[name]].to_numpy(), 3)})


def scatter(name, share=0.3):
    def change(frame, rng):
        labels = frame[TARGET[name]].to_numpy(copy=True)
        out = np.flatnonzero(rng.random(len(labels)) < share)
        labels[out] = labels[rng.permutation(out)]
        return frame.assign(**{TARGET[name]: labels})

    return change


def exchange(name, back=True):
    def change(frame, rng):
        first, second = sorted(frame[TARGET[name]].unique())[:2]
        there = {first: second, second: first} if back else {second: first}
        return frame.assign(**{TARGET[name]: [there.get(v, v) for v in frame[TARGET[name]]]})

    return change


BROKEN = [
    ("diamonds", roll, "shifted"),
    ("diamonds", scatter, "scattered"),
    ("flights", roll, "shifted"),
    ("flights", scatter, "mixed"),
    ("flights", exchange, "exchanged"),
    ("digits", scatter, "scattered"),
    ("digits", exchange, "exchanged"),
]


def test_page_has_every_heading():
    assert tuple(LabelErrors.sections()) == HEADINGS


@pytest.mark.parametrize("table", ["train", "validation"])
@pytest.mark.parametrize(("name", "fault", "pattern"), BROKEN)
def test_finds_wrong_labels_and_puts_them_right(name, fault, pattern, table):
    page, good = LabelErrors(), healthy(name, 1)
    broken = with_frame(good, table, fault(name))
    findings = page.suspect(problem(broken)).findings
    assert [f.place for f in findings] == [f"{table}.{TARGET[name]}"]
    assert findings[0].figures["pattern"] == pattern or {findings[0].figures["pattern"], pattern} == {"mixed", "one-sided"}
    assert findings[0].evidence > 3
    repaired = page.put_right(broken, findings[0])
    lost, left = retrained(good) - retrained(broken), retrained(good) - retrained(repaired)
    assert abs(left) < max(0.3 * lost, 0.012)
    if pattern in ("shifted", "exchanged"):
        assert repaired.current.table(table).to_pandas().equals(good.current.table(table).to_pandas())


def test_a_class_labelled_as_another_is_named():
    page = LabelErrors()
    finding = page.suspect(problem(with_frame(healthy("digits", 1), "train", exchange("digits", back=False)))).findings[0]
    assert finding.figures["pattern"] == "one-sided"
    assert finding.figures["classes"] == ["digit 1", "digit 0"]


def test_rate_is_estimated():
    finding = LabelErrors().suspect(problem(with_frame(healthy("flights", 2), "train", exchange("flights")))).findings[0]
    assert finding.figures["rate"] == pytest.approx(1.0, abs=0.05)


def test_the_same_change_in_both_tables_is_left_to_concept_drift():
    broken = with_frame(with_frame(healthy("flights", 1), "train", scatter("flights")), "validation", scatter("flights"))
    assert not LabelErrors().suspect(problem(broken)).findings


def test_putting_wrong_breaks_the_healthy_side_alike():
    page, good = LabelErrors(), healthy("flights", 1)
    finding = page.suspect(problem(with_frame(good, "train", exchange("flights")))).findings[0]
    was, now = good.reference.train.texts("late"), page.put_wrong(good, finding).reference.train.texts("late")
    assert np.mean(was != now) > 0.95


def test_guard_is_red_on_the_broken_table_only():
    from ruleout.guards.checks import check

    page, good = LabelErrors(), healthy("flights", 1)
    broken = with_frame(good, "train", scatter("flights"))
    guard = page.guard(problem(broken), page.suspect(problem(broken)).findings[0])
    assert check(guard, good.reference).green
    assert not check(guard, broken.current).green


def test_silent_on_healthy_systems():
    assert [f.statement for case in healthy_cases() for f in LabelErrors().suspect(problem(case)).findings] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"] * 60),
        lambda frame, rng: frame.assign(dep_delay=rng.permutation(frame["dep_delay"].to_numpy())),
        lambda frame, rng: frame.assign(carrier=frame["carrier"].str.lower(), dest=frame["dest"].str.lower()),
        lambda frame, rng: frame.assign(dep_delay=frame["dep_delay"].mask(rng.random(len(frame)) < 0.5)),
        lambda frame, rng: frame[(frame["late"] == "yes") | (rng.random(len(frame)) < 0.4)],
        lambda frame, rng: frame.sample(frac=1.0, replace=True, weights=np.exp(frame["temp"] / 20), random_state=0),
    ],
    ids=["unit", "misplaced", "respelled", "nulls", "class mix", "drift"],
)
@pytest.mark.parametrize("table", ["train", "validation"])
def test_silent_under_other_faults(change, table):
    assert not LabelErrors().suspect(problem(with_frame(healthy("flights", 1), table, change))).findings


def hurried(frame, rng, share=0.35):
    """A coder who gives the commonest answer to nearly everything."""
    return frame.assign(cut=frame["cut"].where(rng.random(len(frame)) > share, "Ideal"))


def test_a_mix_that_the_features_do_not_follow_is_labels_and_not_the_world():
    from ruleout.causes.data.label_shift import LabelShift
    from ruleout.causes.judgement import judge
    from ruleout.causes.page import pairs

    good = healthy("cuts", 2)
    few = [c for c in good.current.train.columns if c not in ("x", "y", "z")]
    weak = good.with_table("current", "train", good.current.train.select(few)).with_table(
        "reference", "train", good.reference.train.select(few)
    )
    labels, world = (with_frame(weak, "train", change) for change in (hurried, commoner))
    found = {
        name: judge(problem(case), next(p for p in pairs(case) if p.name == "train"))
        for name, case in (("labels", labels), ("world", world))
    }
    assert found["labels"].labels_alone and not found["world"].labels_alone
    assert [f.place for f in LabelErrors().suspect(problem(labels)).findings] == ["train.cut"]
    assert LabelShift().suspect(problem(labels)).findings == ()
    assert LabelErrors().suspect(problem(world)).findings == ()


def commoner(frame, rng):
    return frame[(frame["cut"] == "Ideal") | (rng.random(len(frame)) < 0.5)]


def test_a_target_that_was_cut_off_is_told_and_mended():
    page, good = LabelErrors(), healthy("diamonds", 3)
    cut = float(np.median(good.current.train.numbers("price")))
    broken = with_frame(good, "train", lambda frame, _: frame.assign(price=frame["price"].clip(upper=cut)))
    (finding,) = page.suspect(problem(broken)).findings
    assert finding.figures["pattern"] == "piled" and "cut off at" in finding.statement
    repaired = page.put_right(broken, finding)
    lost, left = retrained(good) - retrained(broken), retrained(good) - retrained(repaired)
    assert lost > 0.1 and left < 0.4 * lost
