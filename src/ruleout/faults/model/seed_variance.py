"""Another seed, another number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.system import Half, System

_UNSTABLE: Mapping[str, dict[str, Any]] = {
    "mlp": {"hidden": [4], "epochs": 6},
    "forest": {"n_estimators": 1, "max_features": 1},
    "boosting": {"early_stopping": True, "n_estimators": 200, "learning_rate": 0.6, "max_leaf_nodes": 31},
}


class SeedVariance(Fault):
    """The difference between the sides is what another seed gives: the system is unstable, nothing else has changed.

    The rows are the same on both sides, so the fall need not exceed two standard errors between independent samples: one is enough.
    """

    floor_errors: ClassVar[float] = 1.0
    floor: ClassVar[float] = 0.01

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Both sides hold the same rows and an unstable configuration; the reference's seed was lucky, the current one's is not."""
        unstable = _UNSTABLE.get(system.current.config["algorithm"])
        if unstable is None:
            raise Inapplicable("no seed changes this model")
        n_rows = {"small": 600, "medium": 400, "large": 250}[severity]

        def settled(half: Half, seed: int) -> Half:
            return replace(half, train=system.reference.train.head(n_rows), validation=system.reference.validation).with_config(
                **unstable, seed=seed
            )

        seeds = [int(s) for s in rng.integers(0, 10_000, 14)]
        worth = {seed: replace(system, reference=settled(system.reference, seed)).fit("reference").metric for seed in seeds}
        lucky, unlucky = max(worth, key=lambda s: worth[s]), min(worth, key=lambda s: worth[s])

        def setup(system: System) -> System:
            return replace(system, reference=settled(system.reference, lucky), current=settled(system.current, lucky))

        def apply(system: System) -> System:
            return replace(system, current=system.current.with_config(seed=unlucky))

        spread = float(np.std(list(worth.values()), ddof=1))
        parameters = {"lucky": lucky, "unlucky": unlucky, "spread": spread}
        return Plan(apply, ("config.seed", "model"), parameters, setup=setup, accept_verdicts=("no-problem",))
