"""Old answers given again."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving


class Caching(ServiceFault):
    """Requests get the answer that an earlier request got."""

    variants = ("previous", "block", "coarse-key")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """A part of the requests gets the answer of the one before, of the first of its block, or of the first with the same value."""
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        n = len(features)
        source = np.arange(n)
        if variant == "previous":
            source = np.maximum(source - 1, 0)
        elif variant == "block":
            source -= source % int(rng.choice([5, 10, 20, 50]))
        else:
            coarse = [c for c in features if 2 <= features[c].nunique() <= n / 8]
            if not coarse:
                raise Inapplicable("no column of few values to be a key")
            column = str(rng.choice(coarse))
            source = features.groupby(column, dropna=False)[column].transform(lambda v: v.index[0]).to_numpy()
        part = {"small": 0.3, "medium": 0.6, "large": 0.9}[severity]
        stored = rng.random(n) < part
        source = np.where(stored, source, np.arange(n))
        answers = {name: values[source] for name, values in answers.items()}
        places = tuple(f"serving.{name}" for name in answers)
        return Serving(service.log(features, answers), places, {"share": part})
