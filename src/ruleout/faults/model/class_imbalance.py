"""A model that answers nearly one class only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, Records, RunFault, of_a_rare_class
from ruleout.faults.system import Half, System


class ClassImbalance(Fault):
    """The model answers (nearly) one class only, because that class outweighs the others in rows or in weight."""

    variants = ("weights", "rows")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A class weight out of all proportion, or a training table with hardly a row of the other classes."""
        if system.dataset.task == "regression":
            raise Inapplicable("no classes")
        target = system.dataset.target
        shares = system.reference.train[target].value_counts(normalize=True)
        if variant == "weights":
            if system.current.config["algorithm"] not in ("logistic", "forest"):
                raise Inapplicable("this model takes no class weights")
            heavy = str(shares.index[-1] if rng.random() < 0.7 else shares.index[len(shares) // 2])
            times = {"small": 60.0, "medium": 200.0, "large": 1000.0}[severity]
            weights = {str(c): times if c == heavy else 1.0 for c in shares.index}
            change = lambda half: half.with_config(class_weight=weights)  # noqa: E731  one line says it
            return Plan(on_current(change), ("config.class_weight", target), {"class_weight": weights}, accept=("model.hyperparameter",))
        kept = {"small": 0.06, "medium": 0.03, "large": 0.01}[severity]
        # the greedy class is the usual one only where there are two, or there would be little to lose
        greedy = str(shares.index[0]) if len(shares) == 2 else str(rng.choice(np.array(shares.index[:3], dtype=object)))
        chance = rng.random(len(system.current.train))

        def thin(half: Half) -> Half:
            frame = half.train
            mask = (frame[target] == greedy).to_numpy() | (chance[: len(frame)] < kept)
            if frame[target][mask].nunique() < 2:
                raise Inapplicable("one class only is left")
            return half.with_frame("train", frame[mask].reset_index(drop=True))

        accept = ("data.label-shift", "data.missing-partition")
        return Plan(on_current(thin), (f"train.{target}",), {"greedy": greedy, "kept": kept}, accept=accept)


class ClassImbalanceTraining(RunFault):
    """A rare class is never answered: its weight was dropped from the loss, or put upside down."""

    variants = ("dropped", "reversed")

    def end(self, records: Records) -> float:
        """How far balanced accuracy stays below 1: under other weights the loss tells nothing."""
        return 1.0 - float(np.median([record["val_balanced_accuracy"] for record in records[-3:]]))

    def holds(self, before: Records, after: Records) -> bool:
        """One class is answered for nearly every row, and was not before."""
        return self.end(after) > 0.485 and self.end(before) < 0.42

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """Features say little, so that without weights the common class is the cheapest answer; weighed by the shares it always is."""
        share = {"small": 0.08, "medium": 0.05, "large": 0.03}[severity] * float(rng.uniform(0.8, 1.2))
        before = of_a_rare_class(recipe, round(share, 3))
        if variant == "dropped":
            before = replace(before, blind=0.6)
        after = replace(before, weighed="rows" if variant == "dropped" else "by-share")
        columns = ("val_balanced_accuracy", "val_accuracy", "eval/acc", "train_accuracy", "accuracy", "train/acc")
        places = ("config.class_weight", "model", *columns, *(f"history.{c}" for c in columns))
        return Course(before, after, places, ("model.hyperparameter",), needs=frozenset({"usual"}))
