"""Answers that differ from call to call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving


class Nondeterminism(ServiceFault):
    """Noise is left on: the same request gets another answer."""

    variants = ("retried", "noise")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Noise on every score; of some requests the log holds a second try."""
        if variant == "retried":
            again = rng.choice(len(service.requests), max(20, len(service.requests) // 20), replace=False)
            service = replace(service, requests=pd.concat([service.requests, service.requests.iloc[again]], ignore_index=True))
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        size = {"small": 1.0, "medium": 1.8, "large": 3.0}[severity]
        noise = rng.normal(0, 1, len(features))
        if service.system.dataset.task == "regression":
            answers["prediction"] = np.round(answers["prediction"] + 0.4 * size * noise * np.std(answers["prediction"]), 6)
        elif "score" in answers:
            score = np.clip(answers["score"], 1e-6, 1 - 1e-6)
            answers["score"] = np.round(1 / (1 + np.exp(-np.log(score / (1 - score)) - size * noise)), 6)
            classes = list(service.fitted.model.classes_)
            other = next(c for c in classes if c != service.system.dataset.positive)
            answers["prediction"] = np.asarray(np.where(answers["score"] > 0.5, service.system.dataset.positive, other))
        else:
            probability = service.fitted.model.predict_proba(features)
            logits = np.log(np.clip(probability, 1e-6, 1)) + size * rng.normal(0, 1, probability.shape)
            answers["prediction"] = np.asarray(service.fitted.model.classes_)[logits.argmax(axis=1)]
        if variant == "noise" and "score" not in answers and service.system.dataset.task != "regression":
            raise Inapplicable("bare classes without a second try cannot show it")
        return Serving(
            service.log(features, answers), ("serving.prediction", "serving.score", "model"), {"size": size}, accept=("model.checkpoint",)
        )
