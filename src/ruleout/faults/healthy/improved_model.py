"""A better model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import System


class ImprovedModel(Fault):
    """A setting was changed on purpose, and the model is as good as before or better."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """More trees, more units, a milder regularisation than the reference had."""
        worse, better = settings(system)
        plan = Plan(on_current(lambda half: half.with_config(**better)), tuple(f"config.{k}" for k in better), {"was": worse, "is": better})
        return Plan(
            plan.apply,
            plan.places,
            plan.parameters,
            setup=lambda s: s.with_half("reference", s.reference.with_config(**worse)).with_half("current", s.current.with_config(**worse)),
        )


def settings(system: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """A meagre setting and a good one, by algorithm."""
    table: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "logistic": ({"C": 0.003}, {"C": 1.0}),
        "ridge": ({"alpha": 1000.0}, {"alpha": 1.0}),
        "boosting": ({"n_estimators": 10}, {"n_estimators": 60}),
        "forest": ({"n_estimators": 4}, {"n_estimators": 40}),
        "mlp": ({"epochs": 3}, {"epochs": 15}),
    }
    return table[system.current.config["algorithm"]]
