"""Scaling that differs between training and inference."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.service import Service, ServiceFault, Serving
from ruleout.faults.system import Half, System


class Scaling(Fault):
    """The scaler in use is not the one that training used: of another data set, not applied, or applied twice."""

    variants = ("other-data", "not-applied", "twice")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The artifact's scaler is exchanged, or the validation table comes scaled already, in all its numbers."""
        numeric = list(system.dataset.numeric)
        size = {"small": 0.5, "medium": 1.0, "large": 2.0}[severity]
        shifts = rng.normal(0, size, len(numeric))
        stretches = np.exp(rng.normal(0, size / 2, len(numeric)))
        if variant == "twice":
            train = system.current.train[numeric]
            centre, spread = train.mean(), train.std().replace(0, 1)

            def scale(half: Half) -> Half:
                frame = half.validation.copy()
                frame[numeric] = (frame[numeric] - centre) / spread
                return half.with_frame("validation", frame)

            places = ("validation", *[f"validation.{c}" for c in numeric])
            return Plan(on_current(scale), places, {"columns": numeric}, accept=("data.unit-change", "pipeline.preprocessing"))
        if system.estimator not in ("linear", "mlp"):
            raise Inapplicable("trees have no scaler")

        def tamper(model: Any, half: Half) -> Any:
            changed = copy.deepcopy(model)
            scaler = changed.named_steps["prepare"].named_transformers_["numbers"].named_steps["scale"]
            if variant == "not-applied":
                scaler.mean_, scaler.scale_, scaler.var_ = (
                    np.zeros_like(scaler.mean_),
                    np.ones_like(scaler.scale_),
                    np.ones_like(scaler.var_),
                )
            else:
                scaler.mean_ = scaler.mean_ + shifts * scaler.scale_
                scaler.scale_ = scaler.scale_ * stretches
                scaler.var_ = scaler.scale_**2
            return changed

        places = ("model", *numeric)
        return Plan(on_current(lambda half: replace(half, tamper=tamper)), places, {"shifts": list(shifts)}, accept=("model.checkpoint",))


class ScalingServing(ServiceFault):
    """The service scales otherwise than training did: not at all, a second time, with another set's parameters, or by other columns'."""

    variants: ClassVar[tuple[str, ...]] = ("not-applied", "twice", "other-data", "exchanged", "batch", "alone")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The numbers reach the last step as another scaler would leave them; the log holds them as they were received.

        Alone: nothing but the log and its model is left.
        """
        if variant == "alone":
            return replace(self.serve(service, rng, severity, str(rng.choice(["not-applied", "twice"]))), alone=True)
        scaler = _scaler(service.fitted.model)
        numeric = [str(c) for c in service.fitted.model.named_steps["prepare"].transformers_[0][2]]
        centre, spread = np.array(scaler.mean_, dtype=float), np.array(scaler.scale_, dtype=float)
        model = copy.deepcopy(service.fitted.model)
        other = _scaler(model)
        if variant == "batch":
            return _by_batch(service, numeric, centre, spread, int(rng.choice([4, 8, 20, 50])))
        if variant == "not-applied":
            other.mean_, other.scale_ = np.zeros_like(centre), np.ones_like(spread)
        elif variant == "twice":
            other.mean_, other.scale_ = centre + centre * spread, spread**2
        elif variant == "other-data":
            # the scaler of a part of the rows: last month's, one market's, a sample sorted by a column
            frame = service.system.reference.train
            by = str(rng.choice(numeric))
            share = {"small": 0.25, "medium": 0.12, "large": 0.05}[severity]
            part = (
                frame.nlargest(max(20, int(len(frame) * share)), by) if rng.random() < 0.5 else frame.nsmallest(int(len(frame) * share), by)
            )
            values = part[numeric].to_numpy(dtype=float)
            width = np.nanstd(values, axis=0)
            other.mean_, other.scale_ = np.nanmean(values, axis=0), np.where(width > 0, width, 1.0)
        else:
            if len(numeric) < 3:
                raise Inapplicable("too few numbers to exchange their scales")
            order = np.roll(np.arange(len(numeric)), int(rng.integers(1, len(numeric))))
            other.mean_, other.scale_ = centre[order], spread[order]
        other.var_ = other.scale_**2
        features = service.requests[service.features]
        changed = [c for c, m, s in zip(numeric, other.mean_ != centre, other.scale_ != spread, strict=True) if m or s]
        places = (*[f"serving.{c}" for c in changed], "model", "serving", "serving.prediction")
        accept = ("pipeline.preprocessing", *(("data.unit-change",) if variant == "other-data" else ()))
        return Serving(service.log(features, service.answer(features, model)), places, {"columns": changed}, accept=accept)


def _by_batch(service: Service, numeric: list[str], centre: np.ndarray, spread: np.ndarray, size: int) -> Serving:
    """Each batch of requests is scaled by its own mean and deviation."""
    features = service.requests[service.features]
    batches = features[numeric].astype(float).groupby(np.arange(len(features)) // size)
    width = batches.transform("std", ddof=0)
    standard = (features[numeric] - batches.transform("mean")) / width.where(width > 0, 1.0)
    frame = features.assign(**{c: centre[k] + spread[k] * standard[c] for k, c in enumerate(numeric)})
    places = (*[f"serving.{c}" for c in numeric], "model", "serving", "serving.prediction")
    return Serving(service.log(features, service.answer(frame)), places, {"size": size}, accept=("pipeline.preprocessing",))


def _scaler(model: Any) -> Any:
    numbers = dict(model.named_steps["prepare"].named_transformers_)["numbers"]
    if not hasattr(numbers, "named_steps") or "scale" not in numbers.named_steps:
        raise Inapplicable("the model scales nothing")
    return numbers.named_steps["scale"]


class ScalingEnvironment(ScalingServing):
    """Two machines scale the same requests otherwise."""

    situation = "environment"
    variants = ("not-applied", "twice", "other-data", "exchanged", "batch")
