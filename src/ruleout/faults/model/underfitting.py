"""A training score that is poor itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import Half, System

_ANCHOR = '    model = Pipeline([("prepare"'


class Underfitting(Fault):
    """The training job cuts capacity below what the recorded configuration says, and the training score itself is poor."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A `quick` profile of the job overrules several settings; the configuration on record is that of before."""
        k = {"small": 0, "medium": 1, "large": 2}[severity]
        profiles: dict[str, dict[str, Any]] = {
            "logistic": {"C": (1e-3, 1e-4, 1e-5)[k], "max_iter": (5, 2, 1)[k]},
            "ridge": {"alpha": (1e3, 1e4, 1e5)[k]},
            "boosting": {"n_estimators": (5, 3, 1)[k], "max_leaf_nodes": (6, 4, 2)[k]},
            "forest": {"n_estimators": (5, 3, 2)[k], "max_depth": (4, 3, 1)[k]},
            "mlp": {"epochs": (2, 1, 1)[k], "hidden": ([4], [2], [1])[k]},
        }
        quick = profiles[system.current.config["algorithm"]]
        line = f"    config = {{**config, **{quick!r}}}\n"

        def change(half: Half) -> Half:
            return replace(half, code=half.code.replace(_ANCHOR, line + _ANCHOR), shown_code=None)

        def setup(system: System) -> System:
            hidden = [replace(half, shown_code=None) for half in (system.reference, system.current)]
            return replace(system, reference=hidden[0], current=hidden[1])

        accept = ("model.hyperparameter", "model.regularization", "pipeline.code")
        return Plan(on_current(change), ("model", *[f"config.{key}" for key in quick]), {"settings": quick}, setup=setup, accept=accept)
