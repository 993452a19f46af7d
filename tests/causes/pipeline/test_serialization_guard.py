"""The guard of a model that does not survive saving is red where it does not open, and green where it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ruleout.case.read import read_case
from ruleout.conclusion.investigate import investigate
from ruleout.faults import fault, healthy_system, write_case
from ruleout.guards import check, read_guards, write_guards


@pytest.mark.parametrize("variant", fault("pipeline.serialization").variants)
def test_the_guard_is_red_on_the_broken_side_and_green_on_the_sound_one(variant: str, tmp_path: Path) -> None:
    made = fault("pipeline.serialization").inject(healthy_system("rodents", "boosted", 2, 800), np.random.default_rng(4), variant=variant)
    case = read_case(write_case(made, tmp_path / "case"), trust=True)
    conclusion = investigate(case)
    assert conclusion.causes[0].cause == "pipeline.serialization"
    guards = [g for g in conclusion.guards if g.cause == "pipeline.serialization"]
    assert guards and case.reference is not None
    for guard in read_guards(write_guards(guards, tmp_path / "guards")[0].parent):
        red, green = check(guard, case.current), check(guard, case.reference)
        assert not red.green, red.statement
        assert green.green, green.statement
