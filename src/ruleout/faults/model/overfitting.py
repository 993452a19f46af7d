"""A training score far above validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, Records, RunFault, rise, trained
from ruleout.faults.system import Half, System


class Overfitting(Fault):
    """The model learns its training rows by heart, no single setting having changed: too few rows, or many columns of noise."""

    variants = ("too-few-rows", "noise-columns")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A sample that was meant for a trial run, or identifiers one-hot encoded into the features."""
        n = len(system.current.train)
        if variant == "too-few-rows":
            kept = max(25, int(n * {"small": 0.05, "medium": 0.025, "large": 0.01}[severity]))
            rows = np.sort(rng.permutation(n)[:kept])
            if system.dataset.task == "classification" and system.current.train.iloc[rows][system.dataset.target].nunique() < 2:
                raise Inapplicable("one class only is left")
            change = lambda half: half.with_frame("train", half.train.iloc[rows].reset_index(drop=True))  # noqa: E731  one line says it
            return Plan(
                on_current(change),
                ("train", "model", f"train.{system.dataset.target}"),
                {"n_rows": kept},
                accept=("data.missing-partition",),
            )
        width = {"small": 60, "medium": 120, "large": 250}[severity]
        names = [f"token_{k}" for k in range(width)]
        seed = int(rng.integers(2**31))

        def widen(half: Half) -> Half:
            import pandas as pd

            for k, table in enumerate(("train", "validation")):
                frame = half.frame(table)
                noise = np.random.default_rng([seed, k]).normal(size=(len(frame), width)).round(4)
                half = half.with_frame(table, pd.concat([frame, pd.DataFrame(noise, columns=names, index=frame.index)], axis=1))
            return half.with_config(numeric=[*half.config["numeric"], *names])

        places = ("model", "config.numeric", *[f"train.{c}" for c in names])
        return Plan(on_current(widen), places, {"n_columns": width}, accept=("data.schema-mismatch", "model.hyperparameter"))


class OverfittingTraining(RunFault):
    """The run learns its rows by heart, no setting having changed: it was given too few rows, or many whose labels are wrong."""

    variants = ("few-rows", "wrong-labels")

    def holds(self, before: Records, after: Records) -> bool:
        """Training ends far better than validation, and not much worse than in the run that worked."""
        held = float(np.median([record["val_loss"] for record in after[-3:]]))
        return held > 1.5 * trained(after) and trained(after) < 1.5 * max(trained(before), 0.05)

    def alone(self, after: Records) -> bool:
        """Validation loss has turned, and clearly so."""
        return rise(after) > 0.15

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """A wide network, trained long without weight decay; the rows are a sample, or their labels are noisy."""
        long = {"epochs": int(rng.choice([50, 70])), "hidden": (96,), "weight_decay": 0.0, "wrong": 0.0}
        before = replace(recipe, n_train=1500, **long)  # type: ignore[arg-type]  # values of the recipe's own fields
        size = {"small": 0, "medium": 1, "large": 2}[severity]
        places = ("model", "history.val_loss", "val_loss", "loss")
        if variant == "few-rows":
            after = replace(before, n_train=(180, 120, 80)[size], wrong=float(rng.choice([0.1, 0.2, 0.3])))
        else:
            after = replace(before, n_train=(500, 400, 300)[size], wrong=(0.2, 0.3, 0.4)[size])
        return Course(before, after, places)
