"""A wrong strength of regularisation."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity
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
