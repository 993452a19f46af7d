"""What is made of a score, changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving


class Threshold(ServiceFault):
    """The scores are the model's, what is made of them is not."""

    variants = ("cut", "names", "transform", "smoothed", "logits", "uncalibrated", "swapped", "held-back", "alone")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Another cut, classes in another order, or numbers that are capped or left as logarithms.

        Or scores that are mixed with those before, given as log-odds or without calibration, or of the other class. Or one of several
        classes is never let out: the next best is answered. Alone: nothing but the log and its model is left.
        """
        if variant == "alone":
            return replace(
                self.serve(service, rng, severity, str(rng.choice(["cut", "names", "transform", "logits", "swapped"]))), alone=True
            )
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        if variant in ("smoothed", "logits", "uncalibrated", "swapped", "held-back", "alone"):
            return _of_scores(service, answers, rng, severity, variant)
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
        if variant == "held-back":
            model = service.fitted.model
            classes = list(getattr(model, "classes_", ()))
            if len(classes) < 3 or not hasattr(model, "predict_proba"):
                raise Inapplicable("fewer than three classes with probabilities")
            probability = np.array(model.predict_proba(features), dtype=float)
            common = np.argsort(-np.bincount(probability.argmax(axis=1), minlength=len(classes)))
            back = int(common[{"small": 2, "medium": 1, "large": 0}[severity]])
            probability[:, back] = -1.0
            answers["prediction"] = np.array(classes)[probability.argmax(axis=1)]
            return Serving(service.log(features, answers), ("serving.prediction",), {"class": str(classes[back])})
        if service.system.dataset.task != "regression":
            raise Inapplicable("no number to transform")
        values = answers["prediction"]
        if severity == "large" and values.min() > 0:
            answers["prediction"] = np.round(np.log1p(values), 6)
        else:
            answers["prediction"] = np.minimum(values, np.quantile(values, 0.5 if severity == "medium" else 0.7))
        return Serving(service.log(features, answers), ("serving.prediction",), {"severity": severity})


def _of_scores(service: Service, answers: dict[str, Any], rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
    data = service.system.dataset
    name = "prediction" if data.task == "regression" else "score"
    if name not in answers or (variant != "smoothed" and name == "prediction"):
        raise Inapplicable("no score to change")
    values = np.asarray(answers[name], dtype=float)
    strength = {"small": 0.5, "medium": 0.7, "large": 0.85}[severity]
    if variant == "smoothed" and rng.random() < 0.5:
        for row in range(1, len(values)):
            values[row] = strength * values[row - 1] + (1 - strength) * values[row]
    elif variant == "smoothed":
        size = {"small": 3, "medium": 5, "large": 10}[severity]
        values = np.array([values[max(0, row - size + 1) : row + 1].mean() for row in range(len(values))])
    elif variant == "logits":
        inside = np.clip(values, 1e-6, 1 - 1e-6)
        values = np.log(inside / (1 - inside)) + rng.choice([-1, 1]) * {"small": 1.0, "medium": 2.0, "large": 3.0}[severity]
    elif variant == "uncalibrated":
        values = values ** ({"small": 3.0, "medium": 5.0, "large": 8.0}[severity] ** rng.choice([-1, 1]))
    else:
        values = 1 - values
    answers[name] = np.round(values, 6)
    if name == "score":
        other = next(c for c in service.fitted.model.classes_ if c != data.positive)
        cut = 0.0 if variant == "logits" else 0.5
        answers["prediction"] = np.asarray(np.where(values > cut, data.positive, other))
    log = service.log(service.requests[service.features], answers)
    accept = ("pipeline.caching", "pipeline.temporal-misalignment") if variant == "smoothed" else ("pipeline.serialization",)
    return Serving(log, ("serving.prediction", "serving.score"), {"strength": strength}, accept=accept)
