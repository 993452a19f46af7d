"""Several things changed at once in a training that nobody can look into, and one of them does the harm."""

from __future__ import annotations

import numpy as np

from ruleout.faults.black_box import BlackBoxRun, write_box
from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Truth
from ruleout.faults.system import System


class Factor(Fault):
    """A training command with six differences between its sides: five harmless ones, and one that harms."""

    situation = "factors"
    variants = ("unit", "labels", "columns")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A black box is no change of a system: `inject` makes the whole of it."""
        raise Inapplicable(f"{self.id()}: a black box has no parts that could be changed")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Broken:
        """Write the command and its rows, measure both sides with a few seeds, and draw again where the metric did not move."""
        if system.dataset.task != "classification":
            raise Inapplicable(f"{self.id()}: the command learns classes, and {system.dataset.name} holds numbers to predict")
        first = int(rng.integers(len(self.variants)))
        best: Broken | None = None
        for attempt in range(min(tries, len(self.variants))):
            chosen = variant or self.variants[(first + attempt) % len(self.variants)]
            broken = self._made(system, rng, severity, chosen)
            if broken.validated:
                return broken
            best = best or broken
        if best is None:
            raise Inapplicable(f"{self.id()} on {system.name}: nothing was tried")
        return best

    def _made(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Broken:
        box = write_box(system, rng, variant, severity)
        reference, current = (box.metrics(side) for side in ("reference", "current"))
        repaired = box.metrics("current", put_right=variant)
        error = float(np.sqrt((np.var(reference, ddof=1) + np.var(current, ddof=1)) / len(reference)))
        measured = {
            "reference": float(np.mean(reference)),
            "current": float(np.mean(current)),
            "repaired": float(np.mean(repaired)),
            "standard_error": error,
        }
        needed = max(3 * error, 2 * box.min_effect)
        moved = min(measured["reference"], measured["repaired"]) - measured["current"] >= needed
        truth = Truth(
            (self.id(),), ((f"factor.{variant}",),), {"fault": self.id(), "variant": variant, "severity": severity, **box.factors}, measured
        )
        why = f"accuracy {measured['reference']:.4f} to {measured['current']:.4f}, repaired {measured['repaired']:.4f}, floor {needed:.4f}"
        fitted = system.fit("reference")
        return BlackBoxRun(system, fitted, fitted, truth, moved, why, severity, "factors", box=box)
