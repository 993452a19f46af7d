"""A wrong strength of regularisation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, RunFault, drawn
from ruleout.faults.setting import Choices, draw_setting
from ruleout.faults.system import System

_LEAVES = {"small": (300, 400), "medium": (500, 700), "large": (900, 1200)}
_CHOICES: Choices = {
    "logistic": (("C", {"small": (1e-3, 3e-4), "medium": (1e-4, 5e-5), "large": (1e-5, 1e-6)}),),
    "ridge": (("alpha", {"small": (3e2, 1e3), "medium": (3e3, 1e4), "large": (1e5, 1e6)}),),
    "boosting": (
        ("max_leaf_nodes", {"small": (3, 4), "medium": (2, 3), "large": (2,)}),
        ("l2_regularization", {"small": (3e3, 1e4), "medium": (3e4, 1e5), "large": (1e6,)}),
        ("min_samples_leaf", _LEAVES),
        ("max_depth", {"small": (2,), "medium": (1,), "large": (1,)}),
    ),
    "forest": (("max_depth", {"small": (4, 5), "medium": (2, 3), "large": (1,)}), ("min_samples_leaf", _LEAVES)),
    "mlp": (("weight_decay", {"small": (3.0, 10.0), "medium": (30.0, 60.0), "large": (100.0, 1000.0)}),),
}


class Regularization(Fault):
    """The strength of regularisation is wrong by orders of magnitude, so that the model cannot follow the data."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One setting of C, alpha, weight decay, depth, leaves."""
        return draw_setting(system, rng, severity, _CHOICES, accept=("model.underfitting", "model.hyperparameter"))


class RegularizationTraining(RunFault):
    """The strength was changed so that the run learns its rows by heart, or nothing."""

    variants = ("too-weak", "too-strong", "dropout")

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """Weight decay goes to nothing on few and noisy rows, or far up; dropout takes nearly all units."""
        both = frozenset({"config", "reference"})
        if variant == "too-weak":
            before = replace(recipe, n_train=300, wrong=0.2, epochs=70, hidden=(96,), weight_decay=float(rng.choice([0.01, 0.02, 0.03])))
            weak = 0.0 if rng.random() < 0.5 else before.weight_decay / 1000
            return Course(before, replace(before, weight_decay=weak), ("config.weight_decay",), ("model.overfitting",), needs=both)
        if variant == "too-strong":
            low, high = {"small": (0.2, 0.4), "medium": (0.3, 0.6), "large": (0.5, 1.5)}[severity]
            after = replace(recipe, weight_decay=drawn(rng, low, high))
            return Course(recipe, after, ("config.weight_decay",), ("model.underfitting",), needs=both)
        share = {"small": 0.8, "medium": 0.9, "large": 0.95}[severity]
        return Course(recipe, replace(recipe, dropout=share), ("config.dropout",), ("model.underfitting",), needs=both)
