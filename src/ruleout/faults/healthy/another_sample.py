"""Another week of the same world."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity
from ruleout.faults.system import System


class AnotherSample(Fault):
    """Nothing changed but the rows."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The system as it is."""
        return Plan(lambda system: system, (), {})
