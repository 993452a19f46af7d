"""Validation rows in training."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.system import SideName, System

_PLACES = ("reference.train", "reference.validation", "train", "validation", "reference")


class Overlap(Fault):
    """Validation rows, or near copies, are also in training: of the reference, which was too good, or of a side that stands alone."""

    variants = ("copies", "near-copies", "too-good", "near-too-good")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A part of the reference's validation rows added to its training rows; the current side is clean."""
        if system.estimator == "linear":
            raise Inapplicable("a linear model does not remember rows")
        part = float({"small": rng.uniform(0.3, 0.5), "medium": rng.uniform(0.5, 0.8), "large": rng.uniform(0.8, 1.0)}[severity])
        seed = int(rng.integers(2**31))
        numeric = list(system.dataset.numeric)
        near, too_good = variant.startswith("near"), variant.endswith("too-good")
        side: SideName = "current" if too_good else "reference"

        def apply(system: System) -> System:
            import pandas as pd

            generator = np.random.default_rng(seed)
            half = system.half(side)
            rows = half.validation[generator.random(len(half.validation)) < part].copy()
            if near:
                spread = half.train[numeric].std().to_numpy()
                rows[numeric] = rows[numeric].astype(float) + generator.normal(0, 1e-4, (len(rows), len(numeric))) * spread
            both = pd.concat([half.train, rows], ignore_index=True)
            # as many rows as before, or the size of the table would tell
            kept = np.sort(generator.permutation(len(half.train))[len(rows) :])
            both = both.iloc[np.r_[kept, np.arange(len(half.train), len(both))]]
            return system.with_half(side, half.with_frame("train", both.sample(frac=1, random_state=seed).reset_index(drop=True)))

        return Plan(apply, _PLACES, {"part": part}, side=side, situation="too-good" if too_good else "retraining")
