"""Gradients that vanish or explode."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, Records, RunFault


class Gradients(RunFault):
    """Gradients die away, or grow, from layer to layer, as depth, activation and first weights make them."""

    variants = ("sigmoid", "small-weights", "large-weights")

    def holds(self, before: Records, after: Records) -> bool:
        """The norms were written down at least once before they were no numbers any more."""
        return math.isfinite(after[0]["grad_norm"]) and math.isfinite(before[-1]["grad_norm"])

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """A deep network whose first weights were right, and now are not; the rate is the same."""
        depth = {"small": 6, "medium": 8, "large": 10}[severity]
        places = ("history.grad_norm", "grad_norm", "model", *[f"history.grad_norm_{k}" for k in range(1, depth + 2)])
        needs = frozenset({"all"})
        if variant == "sigmoid":
            before = replace(recipe, hidden=(32,) * depth, activation="sigmoid", gain=3.0)
            return Course(before, replace(before, gain=float(rng.uniform(0.5, 1.0))), places, needs=needs)
        before = replace(recipe, hidden=(32,) * depth, learning_rate=min(recipe.learning_rate, 0.01), clip=None)
        if variant == "small-weights":
            return Course(before, replace(before, gain=float(rng.uniform(0.02, 0.15))), places, ("model.dead-units",), needs=needs)
        return Course(before, replace(before, gain=float(rng.uniform(2, 5))), places, ("model.non-finite",), needs=needs)
