"""A model that answers nearly one class only."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
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
