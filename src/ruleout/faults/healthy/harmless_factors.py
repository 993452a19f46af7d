"""Several things changed at once in a training that nobody can look into, and none of them does harm."""

from __future__ import annotations

import numpy as np

from ruleout.faults.black_box import BlackBoxRun, write_box
from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Truth
from ruleout.faults.system import System


class HarmlessFactors(Fault):
    """A training command with six differences between its sides, all of them harmless: other rows, and settings that matter little."""

    situation = "factors"

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A black box is no change of a system: `inject` makes the whole of it."""
        raise Inapplicable(f"{self.id()}: a black box has no parts that could be changed")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Broken:
        """Write the command and its rows, and measure both sides with a few seeds; other rows are drawn where these alone differ."""
        if system.dataset.task != "classification":
            raise Inapplicable(f"{self.id()}: the command learns classes, and {system.dataset.name} holds numbers to predict")
        for attempt in range(tries):
            box = write_box(system, rng, "", severity)
            reference, current = (box.metrics(side) for side in ("reference", "current"))
            error = float(np.sqrt((np.var(reference, ddof=1) + np.var(current, ddof=1)) / len(reference)))
            before, after = float(np.mean(reference)), float(np.mean(current))
            measured = {"reference": before, "current": after, "repaired": before, "standard_error": error}
            fall = before - after
            quiet = abs(fall) < min(2 * error, box.min_effect / 2)
            if quiet or attempt == tries - 1:
                break
        truth = Truth((), (), {"fault": self.id(), "severity": severity}, measured, verdict="no-problem", structure="none")
        fitted = system.fit("reference")
        why = f"accuracy {before:.4f} to {after:.4f}"
        return BlackBoxRun(system, fitted, fitted, truth, quiet, why, severity, "factors", box=box)
