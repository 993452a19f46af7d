"""Entities on both sides of a split are found where they lift the score, and only there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leaking import halves, people, problem_of

from ruleout.causes.data.group_leakage import GroupLeakage
from ruleout.causes.strangers import as_strangers
from ruleout.guards import check

PAGE = GroupLeakage()


def units(n_units: int = 400, times: int = 6, seed: int = 0) -> pd.DataFrame:
    """Each unit is measured several times: its numbers hardly move, and its label stays."""
    rng, base = np.random.default_rng([seed, 9]), people(n_units, seed)
    frame = base.iloc[np.repeat(np.arange(n_units), times)].reset_index(drop=True)
    numbers = [c for c in frame if frame[c].dtype.kind == "f"]
    frame[numbers] += rng.normal(0, 0.03, (len(frame), len(numbers)))
    frame["unit_id"] = np.repeat(rng.permutation(9_000)[:n_units], times)
    return frame


@pytest.mark.parametrize("named", [True, False])
def test_rows_split_one_by_one_are_found(named: bool) -> None:
    frame = units().sample(frac=1, random_state=1)
    problem = problem_of(*halves(frame), without=["unit_id"], entity="unit_id" if named else None)
    (finding,) = PAGE.suspect(problem).findings
    assert finding.place == "unit_id"
    assert finding.evidence > 1.5
    repaired = PAGE.put_right(problem.case, finding)
    assert repaired is not None and problem.current is not None
    assert problem.laboratory.outcome(repaired, "current").value < problem.current - 0.05
    ours, theirs = (set(t.texts("unit_id").tolist()) for t in (repaired.current.train, repaired.current.validation) if t is not None)
    assert not ours & theirs
    guard = PAGE.guard(problem, finding)
    assert guard is not None
    assert not check(guard, problem.case.current).green
    assert check(guard, repaired.current).green


def test_a_split_by_entity_is_right() -> None:
    look = PAGE.suspect(problem_of(*halves(units()), without=["unit_id"], entity="unit_id"))
    assert not look.findings
    assert look.power >= 0.9


def test_entities_that_say_nothing_are_not_accused() -> None:
    frame = people()
    frame["shop_id"] = np.random.default_rng(4).integers(0, 400, len(frame))
    assert not PAGE.suspect(problem_of(*halves(frame), without=["shop_id"], entity="shop_id")).findings
    assert not PAGE.suspect(problem_of(*halves(frame), without=["shop_id"])).findings


def test_the_same_rows_are_predicted_worse_of_strangers_where_the_entity_tells() -> None:
    frame = units(1_500, times=3).sample(frac=1, random_state=2)
    problem = problem_of(*halves(frame), without=["unit_id"], entity="unit_id")
    found = as_strangers(problem, "unit_id")
    assert found is not None and found.fall.value > 0.02 and found.fall.z() > 4
    (finding,) = PAGE.suspect(problem).findings
    assert finding.certain
    assert f"the same {found.n:,} rows" in finding.statement


def test_entities_that_say_nothing_are_no_strangers() -> None:
    for seed in range(5):
        frame = people(seed=seed)
        frame["shop_id"] = np.random.default_rng(seed).integers(0, 400, len(frame))
        found = as_strangers(problem_of(*halves(frame), without=["shop_id"], entity="shop_id"), "shop_id")
        assert found is not None and found.fall.z() < 3, f"seed {seed}: {found}"


def test_a_key_is_no_entity() -> None:
    frame = people()
    frame["order_id"] = np.arange(len(frame))
    assert not PAGE.suspect(problem_of(*halves(frame), without=["order_id"])).findings


def test_a_number_whose_rows_are_copies_is_no_entity() -> None:
    frame = people(1_200)
    frame["unit_id"] = np.arange(len(frame))
    copies = pd.concat([frame, frame.sample(900, replace=True, random_state=1)]).sample(frac=1, random_state=2)
    assert not PAGE.suspect(problem_of(*halves(copies), without=["unit_id"])).findings
