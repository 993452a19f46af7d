"""Scaling that differs between training and inference."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.system import Half, System


class Scaling(Fault):
    """The scaler in use is not the one that training used: of another data set, not applied, or applied twice."""

    variants = ("other-data", "not-applied", "twice")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The artifact's scaler is exchanged, or the validation table comes scaled already, in all its numbers."""
        numeric = list(system.dataset.numeric)
        size = {"small": 0.5, "medium": 1.0, "large": 2.0}[severity]
        shifts = rng.normal(0, size, len(numeric))
        stretches = np.exp(rng.normal(0, size / 2, len(numeric)))
        if variant == "twice":
            train = system.current.train[numeric]
            centre, spread = train.mean(), train.std().replace(0, 1)

            def scale(half: Half) -> Half:
                frame = half.validation.copy()
                frame[numeric] = (frame[numeric] - centre) / spread
                return half.with_frame("validation", frame)

            places = ("validation", *[f"validation.{c}" for c in numeric])
            return Plan(on_current(scale), places, {"columns": numeric}, accept=("data.unit-change", "pipeline.preprocessing"))
        if system.estimator not in ("linear", "mlp"):
            raise Inapplicable("trees have no scaler")

        def tamper(model: Any, half: Half) -> Any:
            changed = copy.deepcopy(model)
            scaler = changed.named_steps["prepare"].named_transformers_["numbers"].named_steps["scale"]
            if variant == "not-applied":
                scaler.mean_, scaler.scale_, scaler.var_ = (
                    np.zeros_like(scaler.mean_),
                    np.ones_like(scaler.scale_),
                    np.ones_like(scaler.var_),
                )
            else:
                scaler.mean_ = scaler.mean_ + shifts * scaler.scale_
                scaler.scale_ = scaler.scale_ * stretches
                scaler.var_ = scaler.scale_**2
            return changed

        places = ("model", *numeric)
        return Plan(on_current(lambda half: replace(half, tamper=tamper)), places, {"shifts": list(shifts)}, accept=("model.checkpoint",))
