"""Another run of the same recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, Records, RunFault, of_a_rare_class, rise


class AnotherRun(RunFault):
    """A run that converges, with another seed: noisy, on a schedule, stopped early, short or told step by step, as it comes."""

    variants = ("plain", "cosine", "step", "one-cycle", "cyclic", "warmup", "patience", "short", "small-batches", "by-step", "rare-class")

    def alone(self, after: Records) -> bool:
        """A run that does as well as ever may have been better earlier: only the one beside it says that it always was so."""
        return rise(after) < 0.08

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """The same recipe twice."""
        ways: dict[str, Recipe] = {
            "plain": recipe,
            "cosine": replace(recipe, schedule="cosine"),
            "step": replace(recipe, schedule="step"),
            "one-cycle": replace(recipe, schedule="one-cycle"),
            "cyclic": replace(recipe, schedule="cyclic"),
            "warmup": replace(recipe, schedule="warmup"),
            "patience": replace(recipe, patience=6),
            "short": replace(recipe, epochs=10),
            "small-batches": replace(recipe, batch_size=16),
            "by-step": replace(recipe, every=5, epochs=5),
        }
        if variant == "rare-class":
            ways[variant] = of_a_rare_class(recipe, 0.06)
        return Course(ways[variant], replace(ways[variant], seed=recipe.seed + 1000), ())
