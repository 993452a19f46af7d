"""Features that arrive late."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.service import Service, ServiceFault, Serving, in_order
from ruleout.faults.system import weighty


class TemporalMisalignment(ServiceFault):
    """A feature of each request is the value of an earlier one."""

    variants = ("all-records",)

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Weighty columns are some records late in the order of time."""
        del variant
        service = in_order(service)
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        columns = weighty(service.system, "numeric", rng, n)
        lag = int(rng.integers(1, 8))
        requests = service.requests
        features = requests[service.features].copy()
        for column in columns:
            features[column] = features[column].shift(lag).bfill()
        log = service.log(features, service.answer(features))
        log[service.system.dataset.time] = requests[service.system.dataset.time]
        places = tuple(f"serving.{c}" for c in columns)
        return Serving(log, places, {"columns": columns, "lag": lag}, accept=("data.row-misalignment",))
