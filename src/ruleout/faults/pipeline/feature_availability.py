"""Features that are not there when the model serves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving, on_the_way
from ruleout.faults.system import weighty


class FeatureAvailability(ServiceFault):
    """A feature that matters is null or a default in every request."""

    variants = ("null", "default", "on-the-way")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """One or two weighty features are null, or one value; in the log as well, or for the model alone."""
        kind: Any = "any" if variant == "null" else "numeric"
        columns = weighty(service.system, kind, rng, 2 if severity == "large" else 1, among=2)
        if not columns:
            raise Inapplicable("no feature to lose")

        def change(frame: Any) -> Any:
            for column in columns:
                values = frame[column]
                if variant == "null":
                    frame[column] = (
                        pd.Series(np.nan, index=frame.index, dtype=float)
                        if values.dtype.kind in "iuf"
                        else pd.Series(None, index=frame.index, dtype=values.dtype)
                    )
                else:
                    frame[column] = 0.0 if variant == "default" else float(service.system.reference.train[column].mean())
            return frame

        places = tuple(f"serving.{c}" for c in columns)
        if variant == "on-the-way":
            return Serving(on_the_way(service, change), places, {"columns": columns}, accept=("pipeline.preprocessing",))
        features = change(service.requests[service.features].copy())
        return Serving(service.log(features, service.answer(features)), places, {"columns": columns}, accept=("data.missing-values",))
