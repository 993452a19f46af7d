"""Metrics that are no numbers."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.night import Night, NightFault, Spoilt, reported
from ruleout.faults.system import System


class SilentMetrics(NightFault):
    """Tables and artifact are sound, and the report holds no number where the metric should be."""

    variants = ("null", "nan", "absent", "renamed", "empty", "skipped")

    def spoil(self, system: System, night: Night, rng: np.random.Generator, severity: Severity, variant: str) -> Spoilt:
        """The evaluation was left out, divided by nothing, or wrote under another name."""
        after, places = reported(night, system.metric, variant, rng)
        return Spoilt(after, (self.id(),), (places,), {"report": {k: repr(v) for k, v in after.metrics.items()}})
