"""Features prepared in another way."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving, on_the_way
from ruleout.faults.system import weighty


class Preprocessing(ServiceFault):
    """A step between request and model is done otherwise than in training."""

    variants = ("nulls", "capitals", "whole-numbers", "logarithm", "units")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Nulls are filled, text is lowered, numbers are cut, put into logarithms or into other units, after the log is written."""
        data = service.system.dataset
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        if variant == "capitals":
            columns = [c for c in data.categorical if service.requests[c].map(lambda v: isinstance(v, str) and v != v.lower()).any()]
        elif variant == "nulls":
            columns = [c for c in data.numeric if service.requests[c].isna().any()]
        else:
            columns = weighty(service.system, "numeric", rng, n)
        if not columns:
            raise Inapplicable("no column for this step")

        def change(frame: Any) -> Any:
            for column in columns:
                if variant == "capitals":
                    frame[column] = frame[column].map(lambda v: v.lower() if isinstance(v, str) else v)
                elif variant == "nulls":
                    frame[column] = frame[column].fillna(0)
                elif variant == "whole-numbers":
                    frame[column] = np.trunc(frame[column].astype(float))
                elif variant == "logarithm":
                    frame[column] = np.log1p(frame[column].astype(float).clip(lower=0))
                else:
                    frame[column] = frame[column].astype(float) * 1000
            return frame

        places = tuple(f"serving.{c}" for c in columns)
        return Serving(on_the_way(service, change), places, {"columns": columns}, accept=("data.unit-change", "pipeline.numerics"))


class PreprocessingEnvironment(Preprocessing):
    """Two machines prepare the features of the same requests otherwise."""

    situation = "environment"
