"""A key called otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import Half, System


class RenamedKey(Fault):
    """A configuration key that training does not read was renamed, and a new one came in."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """`run_name` becomes another key; a note or a log level is added."""
        name = str(rng.choice(["experiment", "job", "run"]))
        extra = {"log_level": "debug"} if rng.random() < 0.5 else {"owner": "forecasting"}

        def change(half: Half) -> Half:
            config = {name if key == "run_name" else key: value for key, value in half.config.items()}
            return replace(half, config={**config, **extra})

        return Plan(on_current(change), (), {"renamed": name, **extra})
