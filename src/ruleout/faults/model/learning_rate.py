"""A wrong learning rate."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity
from ruleout.faults.setting import Choices, draw_setting
from ruleout.faults.system import System

_CHOICES: Choices = {
    "boosting": (
        ("learning_rate", {"small": (0.01, 0.015), "medium": (0.003, 0.005), "large": (0.0005, 0.001)}),
        ("learning_rate", {"small": (1.5, 1.8), "medium": (2.0, 2.5), "large": (3.0, 10.0)}),
    ),
    "mlp": (
        ("learning_rate", {"small": (2e-4, 1e-4), "medium": (5e-5, 2e-5), "large": (1e-5, 1e-6)}),
        ("learning_rate", {"small": (0.3, 0.5), "medium": (0.8, 1.0), "large": (2.0, 5.0)}),
    ),
}


class LearningRate(Fault):
    """The learning rate is so large that training is unstable, or so small that it does not get anywhere."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The learning rate of a boosted or a neural model."""
        return draw_setting(system, rng, severity, _CHOICES)
