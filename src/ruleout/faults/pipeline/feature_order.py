"""Columns in each other's places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving, on_the_way
from ruleout.faults.system import weighty


class FeatureOrder(ServiceFault):
    """The model reads one column under the name of another."""

    variants = ("log", "on-the-way", "alone")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """One or two pairs of numeric columns are exchanged, before the log is written or after; alone: only log and model are left."""
        if variant == "alone":
            return replace(self.serve(service, rng, severity, "on-the-way"), alone=True)
        n_pairs = {"small": 1, "medium": 1, "large": 2}[severity]
        first = weighty(service.system, "numeric", rng, n_pairs)
        rest = [c for c in service.system.dataset.numeric if c not in first]
        if len(rest) < len(first) or not first:
            raise Inapplicable("too few numeric columns")
        second = [str(c) for c in rng.choice(rest, len(first), replace=False)]

        def change(frame: Any) -> Any:
            frame[first + second] = frame[second + first].to_numpy()
            return frame

        places = tuple(f"serving.{c}" for c in (*first, *second))
        if variant == "on-the-way":
            return Serving(on_the_way(service, change), places, {"first": first, "second": second}, accept=("pipeline.preprocessing",))
        features = change(service.requests[service.features].copy())
        log = service.log(features, service.answer(features))
        return Serving(log, places, {"first": first, "second": second}, accept=("data.schema-mismatch",))
