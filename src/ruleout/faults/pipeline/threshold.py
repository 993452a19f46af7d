"""What is made of a score, changed."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving


class Threshold(ServiceFault):
    """The scores are the model's, what is made of them is not."""

    variants = ("cut", "names", "transform")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Another cut, classes in another order, or numbers that are capped or left as logarithms."""
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        if variant == "cut":
            if "score" not in answers:
                raise Inapplicable("no score to cut")
            score = answers["score"]
            share = {"small": 0.15, "medium": 0.3, "large": 0.45}[severity]
            cut = float(np.quantile(score, share if rng.random() < 0.5 else 1 - share))
            positive = service.system.dataset.positive
            classes = list(service.fitted.model.classes_)
            other = next(c for c in classes if c != positive)
            answers["prediction"] = np.asarray(np.where(score > cut, positive, other))
            return Serving(service.log(features, answers), ("serving.prediction", "serving.score"), {"cut": cut})
        if variant == "names":
            classes = list(getattr(service.fitted.model, "classes_", ()))
            if len(classes) < 3:
                raise Inapplicable("fewer than three classes")
            order = np.roll(np.arange(len(classes)), int(rng.integers(1, len(classes))))
            place = {c: classes[order[k]] for k, c in enumerate(classes)}
            answers["prediction"] = np.array([place[v] for v in answers["prediction"]], dtype=answers["prediction"].dtype)
            return Serving(service.log(features, answers), ("serving.prediction",), {"shift": int(order[0])})
        if service.system.dataset.task != "regression":
            raise Inapplicable("no number to transform")
        values = answers["prediction"]
        if severity == "large" and values.min() > 0:
            answers["prediction"] = np.round(np.log1p(values), 6)
        else:
            answers["prediction"] = np.minimum(values, np.quantile(values, 0.5 if severity == "medium" else 0.7))
        return Serving(service.log(features, answers), ("serving.prediction",), {"severity": severity})
