"""A training score that is poor itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, Records, RunFault, rise, trained
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

        accept = ("model.hyperparameter", "model.regularization", "model.checkpoint", "pipeline.code")
        return Plan(on_current(change), ("model", *[f"config.{key}" for key in quick]), {"settings": quick}, setup=setup, accept=accept)


class UnderfittingTraining(RunFault):
    """Training itself ends poor, no setting having changed: it was cut short, most layers do not move, or the features say too little."""

    variants = ("cut-short", "frozen", "blind-features", "too-small")

    def holds(self, before: Records, after: Records) -> bool:
        """The training loss itself is far above that of the run that worked, and validation does not turn away from it."""
        return trained(after) > 1.4 * trained(before) and rise(after) < 0.08

    def alone(self, after: Records) -> bool:
        """Hardly half of what there was to learn was learned."""
        return trained(after) > 0.5 * float(after[0]["train_loss"])

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """The job's time ran out; the hidden layers stayed as they were drawn; most features stand on other rows; one unit, all along."""
        places = ("model", "history.train_loss", "train_loss", "loss", "train/loss", "Training Loss")
        size, beside = {"small": 0, "medium": 1, "large": 2}[severity], frozenset({"reference"})
        if variant == "cut-short":
            # the plan says as many epochs as ever: the records end before
            after = replace(recipe, stopped=(4, 3, 2)[size])
            return Course(recipe, after, (*places, "history.epoch", "epoch", "config.epochs"), ("model.hyperparameter",), needs=beside)
        if variant == "frozen":
            before = replace(recipe, hidden=(12,) * 2)
            return Course(before, replace(before, frozen=True), places, ("model.gradients",), needs=beside)
        if variant == "blind-features":
            before = replace(recipe, weight_decay=0.01, n_train=1500, hidden=(16,))
            return Course(before, replace(before, blind=(0.75, 0.85, 0.95)[size]), places, needs=beside)
        after = replace(recipe, hidden=(1,))
        return Course(recipe, after, (*places, "config.hidden"), ("model.hyperparameter",), needs=frozenset({"config", "usual"}))
