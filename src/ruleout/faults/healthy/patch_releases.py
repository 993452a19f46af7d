"""Patch releases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import System


class PatchReleases(Fault):
    """Packages were upgraded without effect."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The last part of one to three versions goes up."""
        packages = [str(p) for p in rng.choice(sorted(system.current.environment), int(rng.integers(1, 4)), replace=False)]
        newer = {}
        for package in packages:
            *front, last = system.current.environment[package].split(".")
            newer[package] = ".".join([*front, str(int(last) + 1) if last.isdigit() else f"{last}1"])
        return Plan(on_current(lambda half: replace(half, environment={**half.environment, **newer})), (), {"packages": newer})
