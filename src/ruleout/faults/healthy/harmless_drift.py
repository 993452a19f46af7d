"""Drift where it does not matter."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import Half, System, importance


class HarmlessDrift(Fault):
    """A column that hardly matters moved."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The least weighty number is stretched about its mean, or the least weighty category's rarest level takes more rows."""
        column = list(importance(system))[-1]
        size = {"small": 0.05, "medium": 0.15, "large": 0.3}[severity]
        seed = int(rng.integers(2**31))
        numeric = column in system.dataset.numeric

        def change(half: Half) -> Half:
            for k, table in enumerate(("train", "validation")):
                frame = half.frame(table).copy()
                if numeric:
                    frame[column] = frame[column] + size * float(system.reference.train[column].std())
                else:
                    rare = system.reference.train[column].value_counts().index[-1]
                    frame[column] = frame[column].mask(np.random.default_rng([seed, k]).random(len(frame)) < size, rare)
                half = half.with_frame(table, frame)
            return half

        return Plan(on_current(change), (), {"column": column, "size": size})
