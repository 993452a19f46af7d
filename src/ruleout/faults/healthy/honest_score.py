"""A score that is as good as it looks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, Situation
from ruleout.faults.system import System


class HonestScore(Fault):
    """One side stands alone, and its score is honest, high or not."""

    situation: ClassVar[Situation] = "too-good"

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The system as it is, without its reference."""
        symptom = f"{system.metric} is better than we hoped; is it honest?"
        return Plan(lambda system: system, (), {}, situation="too-good", fields={"symptom": symptom})
