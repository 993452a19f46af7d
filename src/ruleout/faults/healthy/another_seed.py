"""Another seed."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import System


class AnotherSeed(Fault):
    """The seed changed, to no effect beyond noise."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Another number under `seed`."""
        seed = int(rng.integers(1000, 9999))
        return Plan(on_current(lambda half: half.with_config(seed=seed)), (), {"seed": seed})
