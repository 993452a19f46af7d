"""Values that are no numbers, in a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, RunFault


class NonFinite(RunFault):
    """One value of one batch is no number, and from then on nothing is."""

    variants = ("nan", "infinite")

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """At some epoch after the second, when the run had gone well."""
        at = int(rng.integers(3, max(4, recipe.epochs - 2)))
        value = float("nan") if variant == "nan" else float("inf")
        places = ("history.train_loss", "history.val_loss", "train_loss", "val_loss", "loss", "model")
        return Course(recipe, replace(recipe, poison=at, poison_value=value), places)
