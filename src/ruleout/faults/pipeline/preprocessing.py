"""Features prepared in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.service import Service, ServiceFault, Serving, on_the_way
from ruleout.faults.system import weighty

_LOGGED = ("grid", "limits", "nulls-logged", "twelve-hour-clock")
"""Steps that are taken before the log is written."""


class Preprocessing(ServiceFault):
    """A step between request and model is done otherwise than in training."""

    variants = ("nulls", "capitals", "whole-numbers", "logarithm", "units", "decimal-comma", "other-level", *_LOGGED)

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Nulls are filled, text is lowered, numbers are cut, put into logarithms or into other units, after the log is written.

        Or decimal points are lost to another locale, levels are taken for the commonest one; or numbers stand on a
        coarse grid or within limits in the log as well, nulls are zeros there, hours of the afternoon are read from a twelve-hour clock.
        """
        data = service.system.dataset
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        if variant == "capitals":
            columns = [c for c in data.categorical if service.requests[c].map(lambda v: isinstance(v, str) and v != v.lower()).any()]
        elif variant == "twelve-hour-clock":
            columns = _clocks(service)
        elif variant in ("nulls", "nulls-logged"):
            columns = [c for c in data.numeric if service.requests[c].isna().any()]
        elif variant == "other-level":
            columns = [c for c in weighty(service.system, "categorical", rng, 1) if service.requests[c].nunique() >= 4]
        else:
            columns = weighty(service.system, "numeric", rng, n)
        if variant == "decimal-comma":
            columns = [c for c in columns if (service.requests[c].dropna() % 1 != 0).any()]
        if not columns:
            raise Inapplicable("no column for this step")
        steps = _steps(severity, service.system.reference.train)

        def change(frame: Any) -> Any:
            return frame.assign(**{c: steps[variant](frame[c], c) for c in columns})

        places = tuple(f"serving.{c}" for c in columns)
        accept = (
            "data.unit-change",
            "pipeline.numerics",
            *(("pipeline.encoding", "data.new-categories", "pipeline.feature-availability") if variant == "other-level" else ()),
            # To trees a logarithm is a 0, and limits may leave one value.
            *(("pipeline.feature-availability",) if variant in ("logarithm", "limits") else ()),
        )
        if variant in _LOGGED:
            features = change(service.requests[service.features].copy())
            log = service.log(features, service.answer(features))
            if variant == "twelve-hour-clock":
                return Serving(log.assign(**{str(data.time): service.requests[data.time].to_numpy()}), places, {"columns": columns}, accept)
            return Serving(log, places, {"columns": columns}, accept=(*accept, "data.missing-values", "data.outliers"))
        return Serving(on_the_way(service, change), places, {"columns": columns}, accept=accept)


def _clocks(service: Service) -> list[str]:
    """Columns that say the minute or the hour of the row's own time."""
    data = service.system.dataset
    if not data.time:
        return []
    time = service.requests[data.time].dt
    parts = (time.hour * 60 + time.minute, time.hour)
    return [c for c in data.numeric if any((service.requests[c] == part).all() for part in parts)]


def _steps(severity: Severity, known: Any) -> Mapping[str, Callable[[Any, str], Any]]:
    """What each variant makes of a column of requests; `known` are the training rows."""
    size = {"small": 0.7, "medium": 1.2, "large": 2.0}[severity]
    share = {"small": 0.3, "medium": 0.4, "large": 0.48}[severity]

    def grid(values: Any, column: str) -> Any:
        step = float(f"{size * known[column].std():.1g}")
        return (np.floor(values.astype(float) / step) * step).round(6)

    def other_level(values: Any, column: str) -> Any:
        counted = known[column].value_counts().index
        return values.replace(dict.fromkeys(counted[1:6], counted[0]))

    return {
        "nulls": lambda v, _: v.fillna(0),
        "nulls-logged": lambda v, _: v.fillna(0),
        "twelve-hour-clock": lambda v, _: v % (12 if v.max() < 24 else 720),
        "capitals": lambda v, _: v.map(lambda text: text.lower() if isinstance(text, str) else text),
        "whole-numbers": lambda v, _: np.trunc(v.astype(float)),
        "logarithm": lambda v, _: np.log1p(v.astype(float).clip(lower=0)),
        "units": lambda v, _: v.astype(float) * 1000,
        "decimal-comma": lambda v, _: v.map(lambda x: float(f"{x:.12g}".replace(".", "")), na_action="ignore"),
        "other-level": other_level,
        "grid": grid,
        "limits": lambda v, c: v.astype(float).clip(*known[c].quantile([share, 1 - share])),
    }


class PreprocessingEnvironment(Preprocessing):
    """Two machines prepare the features of the same requests otherwise."""

    situation = "environment"
