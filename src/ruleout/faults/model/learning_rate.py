"""A wrong learning rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, RunFault, drawn
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


class LearningRateTraining(RunFault):
    """The rate, or its schedule, lets the run diverge or shake, or hardly moves it."""

    variants = ("too-high", "too-small", "adaptive-too-high", "early-drop", "climbing")

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """A factor on the rate, Adam with a rate for plain descent, or a schedule that drops or climbs."""
        places = ("config.learning_rate", "history.lr", "lr", "learning_rate")
        scheduled = ("config.lr_schedule", *places)
        usual = frozenset({"usual"})
        if variant == "too-high":
            factor = drawn(rng, *{"small": (30, 60), "medium": (60, 150), "large": (150, 600)}[severity])
            rate = float(f"{recipe.learning_rate * factor:.3g}")
            return Course(recipe, replace(recipe, learning_rate=rate), places, ("model.non-finite",), needs=frozenset({"config"}))
        if variant == "too-small":
            factor = drawn(rng, *{"small": (100, 300), "medium": (300, 1000), "large": (1000, 10_000)}[severity])
            rate = float(f"{recipe.learning_rate / factor:.3g}")
            return Course(recipe, replace(recipe, learning_rate=rate), places, ("model.underfitting",), needs=frozenset({"config"}))
        if variant == "adaptive-too-high":
            before = replace(recipe, optimizer="adam", learning_rate=float(rng.choice([0.001, 0.002, 0.003])))
            rate = drawn(rng, *{"small": (0.1, 0.2), "medium": (0.2, 0.5), "large": (0.5, 3.0)}[severity])
            return Course(before, replace(before, learning_rate=rate), places, needs=frozenset({"config"}))
        if variant == "early-drop":
            return Course(recipe, replace(recipe, schedule="early-drop"), scheduled, ("model.underfitting",), needs=usual)
        return Course(recipe, replace(recipe, schedule="climbing"), scheduled, ("model.non-finite",), needs=usual)
