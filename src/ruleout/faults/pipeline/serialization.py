"""A model that does not survive saving and loading."""

from __future__ import annotations

import io
import json
import pickle
import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.night import Night, NightFault, Spoilt, reported
from ruleout.faults.service import Service, ServiceFault, Serving
from ruleout.faults.system import System

_MODULES = ("pricing.features", "company_ml.transformers", "features.encoders", "common_steps", "train_lib.preprocessing")
_MOVED = (("sklearn.ensemble._gb_losses", "1.1.3"), ("sklearn.linear_model.logistic", "0.21.3"), ("sklearn.preprocessing.data", "0.20.4"))
"""Modules that older releases of scikit-learn had and newer ones have not, with a release that had it."""


class Serialization(NightFault):
    """The artifact was written whole, and what lies there does not read: cut off, of another format, or made with what is not here."""

    variants = ("cut-off", "text-mode", "other-format", "protocol", "module", "upgraded")

    def spoil(self, system: System, night: Night, rng: np.random.Generator, severity: Severity, variant: str) -> Spoilt:
        """The bytes of the file change; training and its report went well, or the evaluation could not open it either."""
        raw, environment, places = night.artifact, dict(night.half.environment), ["model"]
        if variant == "cut-off":
            raw = raw[: max(64, int(len(raw) * float(rng.uniform(0.15, 0.97))))]
        elif variant == "text-mode":
            raw = pickle.dumps(night.model, protocol=4).replace(b"\n", b"\r\n")
        elif variant == "other-format":
            raw = _other_format(night.model, str(rng.choice(["json", "parameters", "archive", "array"])))
        elif variant == "protocol":
            plain = pickle.dumps(night.model, protocol=5)
            raw = plain[:1] + bytes([int(rng.integers(6, 12))]) + plain[2:]
        elif variant == "module":
            raw = _with_module(night.model, str(rng.choice(_MODULES)), "Prepare")
        else:
            name, release = _MOVED[int(rng.integers(len(_MOVED)))]
            raw = _with_module(night.model, name, "LossFunction")
            environment["scikit-learn"] = release
            places.append("environment.scikit-learn")
        half = replace(night.half, environment=environment)
        night = replace(night, artifact=raw, half=half)
        causes, at = ["pipeline.serialization"], [tuple(places)]
        if rng.random() < 0.4:
            night, further = reported(night, system.metric, str(rng.choice(["null", "nan"])), rng)
            causes.append("pipeline.silent-metrics")
            at.append(further)
        accept = ("pipeline.dependency",) if variant == "upgraded" else ()
        return Spoilt(night, tuple(causes), tuple(at), {"n_bytes": len(raw)}, accept=accept, usable=False)


def _other_format(model: Any, kind: str) -> bytes:
    """What another program would have written under the same name."""
    if kind == "json":
        return json.dumps({"format": "model", "steps": [type(s).__name__ for _, s in model.steps]}).encode()
    if kind == "parameters":
        return pickle.dumps({"params": {k: repr(v) for k, v in model.get_params(deep=False).items()}, "version": 3})
    held = io.BytesIO()
    if kind == "array":
        np.save(held, np.random.default_rng(0).normal(size=200))
        return held.getvalue()
    import zipfile

    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("saved_model/model.txt", "tree\nversion=v4\nnum_class=1\n")
    return held.getvalue()


def _with_module(model: Any, name: str, kind: str) -> bytes:
    """The model pickled with a step whose class lives in a module that is not here."""
    from sklearn.pipeline import Pipeline

    parents = [name.rsplit(".", k)[0] for k in range(name.count("."), -1, -1)]
    before = {p: sys.modules.get(p) for p in parents}
    try:
        for parent in parents:
            sys.modules[parent] = before[parent] or types.ModuleType(parent)
        made = type(kind, (_Same,), {"__module__": name})
        setattr(sys.modules[name], kind, made)
        return pickle.dumps(Pipeline([("same", made()), *model.steps]), protocol=4)
    finally:
        for parent, was in before.items():
            if was is None:
                sys.modules.pop(parent, None)


class _Same:
    """A step that leaves the rows as they are."""

    def fit(self, rows: Any, target: Any = None) -> _Same:
        """Nothing is learned."""
        return self

    def transform(self, rows: Any) -> Any:
        """The rows."""
        return rows


class SerializationServing(ServiceFault):
    """What was deployed does not open, and for every request the service answers what it falls back on."""

    variants = ("cut-off", "module", "other-format")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The deployed file is at hand; the answers are the commonest class, or the mean."""
        features = service.requests[service.features]
        if variant == "module":
            raw = _with_module(service.fitted.model, str(rng.choice(_MODULES)), "Prepare")
        elif variant == "other-format":
            raw = _other_format(service.fitted.model, str(rng.choice(["json", "archive"])))
        else:
            raw = pickle.dumps(service.fitted.model, protocol=4)
            raw = raw[: int(len(raw) * float(rng.uniform(0.2, 0.95)))]
        answers = {k: np.array(v, copy=True) for k, v in service.answer(features).items()}
        usual = service.fitted.half.train[service.system.dataset.target]
        for name, values in answers.items():
            constant: Any = round(float(np.mean(values)), 6) if values.dtype.kind == "f" else usual.mode().iloc[0]
            answers[name] = np.full(len(values), constant, dtype=values.dtype)
        places = ("model", "serving.prediction", "serving.score")
        return Serving(service.log(features, answers), places, {"n_bytes": len(raw)}, artifact=raw)
