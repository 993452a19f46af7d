"""A metric that is computed otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults import measure
from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.segment import draw_segment
from ruleout.faults.system import Half, System


class Metric(Fault):
    """The reported metric is computed differently: another average, a subset, another class, labels in place of scores."""

    variants = ("average", "subset", "positive", "labels", "exchanged", "unit")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Model and tables are as good as ever; the number in the report is not the metric on the validation table."""
        metric, data = system.metric, system.dataset
        fraction = {"small": 0.4, "medium": 0.25, "large": 0.12}[severity]
        segment = draw_segment(system, rng, fraction) if variant == "subset" else None

        def answers(model: Any, half: Half, name: str = metric) -> tuple[np.ndarray, np.ndarray]:
            return measure.answers(model, half.validation, data.target, name, data.positive)

        def average(model: Any, half: Half) -> float:
            other = {"accuracy": "balanced_accuracy", "f1": "f1_macro", "neg_mean_absolute_error": "neg_root_mean_squared_error"}[metric]
            return measure.value(other, *answers(model, half, other), data.positive)

        def subset(model: Any, half: Half) -> float:
            assert segment is not None
            frame = half.validation[segment.inside(half.validation)]
            return measure.value(metric, *measure.answers(model, frame, data.target, metric, data.positive), data.positive)

        def positive(model: Any, half: Half) -> float:
            truth, answer = answers(model, half)
            if metric == "roc_auc":
                return measure.value(metric, 1 - truth, answer)
            return measure.value(metric, truth, answer, next(c for c in np.unique(truth.astype(str)) if c != data.positive))

        def labels(model: Any, half: Half) -> float:
            truth, answer = answers(model, half, "accuracy")
            return measure.value("roc_auc", (truth == data.positive).astype(int), (answer == data.positive).astype(int))

        def exchanged(model: Any, half: Half) -> float:
            truth, answer = answers(model, half)
            return measure.value(metric, answer, truth)

        def unit(model: Any, half: Half) -> float:
            return 1.2 * measure.value(metric, *answers(model, half))

        ways: dict[str, tuple[Callable[[Any, Half], float], tuple[str, ...]]] = {
            "average": (average, ("accuracy", "f1", "neg_mean_absolute_error")),
            "subset": (subset, (metric,)),
            "positive": (positive, ("f1", "roc_auc")),
            "labels": (labels, ("roc_auc",)),
            "exchanged": (exchanged, ("r2",)),
            "unit": (unit, ("neg_mean_absolute_error", "neg_root_mean_squared_error")),
        }
        way, suits = ways[variant]
        if metric not in suits:
            raise Inapplicable(f"{variant} is not a way to compute {metric} otherwise")

        def report(model: Any, half: Half) -> dict[str, float]:
            return {metric: round(way(model, half), 5)}

        places = ("metrics", f"metrics.{metric}")
        return Plan(on_current(lambda half: replace(half, report=report)), places, {"subset": segment.text if segment else None})
