"""Guards against faults between features and answers, in time, in curves and of leaks: red on the broken side, green on the healthy one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ruleout import faults, testing
from ruleout.causes import catalog, page
from ruleout.causes.page import Cause
from ruleout.guards import check
from ruleout.problem import state_problem

SYSTEMS = (("customers", "linear"), ("storms", "forest"), ("flights", "linear"), ("rodents", "mlp"))
WATCHED = (
    "pipeline.caching",
    "pipeline.threshold",
    "pipeline.nondeterminism",
    "pipeline.numerics",
    "pipeline.preprocessing",
    "pipeline.feature-order",
    "pipeline.temporal-misalignment",
    "model.non-finite",
    "model.gradients",
    "model.dead-units",
)


def test_every_page_leaves_a_guard_where_one_is_possible() -> None:
    without = [entry.id() for entry in catalog() if type(entry).guard is Cause.guard]
    assert without == []


def problems(cause: str):
    """Problems with the cause's fault, the largest first, in systems that take it."""
    names = [entry.name() for entry in faults.catalog() if entry.id() == cause]
    for data, estimator in SYSTEMS:
        system = faults.healthy_system(data, estimator, seed=3, n_rows=900)
        for name in names:
            entry = faults.fault(name)
            for variant in entry.variants:
                try:
                    made = entry.inject(system, np.random.default_rng(5), "large", variant=variant, tries=1)
                except faults.Inapplicable:
                    continue
                if made.validated and not made.in_files:
                    yield state_problem(replace(faults.as_case(made), trusted=True))


@pytest.mark.parametrize("cause", WATCHED)
def test_its_guard_is_red_on_its_fault_and_green_on_what_is_healthy(cause: str, tmp_path: Path) -> None:
    seen = 0
    for problem in problems(cause):
        found = page(cause).suspect(problem).findings
        guarded = [f for f in found if page(cause).guard(problem, f) is not None]
        if not guarded:
            continue
        testing.guarded(page(cause), problem, guarded[0], tmp_path)
        seen += 1
        if seen == (1 if cause.startswith("model.") else 2):
            return
    assert seen, f"{cause}: no fault of it left a guard"


def test_a_leak_is_guarded_against_and_gone_once_the_column_is() -> None:
    for problem in problems("data.label-leakage"):
        entry = page("data.label-leakage")
        for finding in entry.suspect(problem).findings[:1]:
            guard, right = entry.guard(problem, finding), entry.put_right(problem.case, finding)
            if guard is None or right is None:
                continue
            assert not check(guard, problem.case.current).green
            assert check(guard, right.current).green
            return
    raise AssertionError("no leak left a guard")
