"""Units that never respond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, RunFault


class DeadUnits(RunFault):
    """Hidden units never answer, whatever the row."""

    variants = ("all", "most")

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """A bias far below zero holds all units shut, or most of them."""
        if recipe.activation != "relu":
            raise Inapplicable("units that are never wholly shut")
        share = 1.0 if variant == "all" else {"small": 0.85, "medium": 0.92, "large": 0.97}[severity]
        after = replace(recipe, bias=-float(rng.uniform(15, 60)), quiet=share)
        return Course(recipe, after, ("history.dead_fraction", "dead_fraction", "model"), ("model.gradients",), needs=frozenset({"all"}))
