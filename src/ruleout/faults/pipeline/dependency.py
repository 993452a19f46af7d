"""A package whose behaviour changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.service import Served, Service, ServiceFault, Serving
from ruleout.faults.system import Half, SideName, System, weighty

_FEATURES = "    features = frame[numeric + categorical].copy()\n"
_END = '    model = Pipeline([("prepare"'


class Dependency(Fault):
    """A package was upgraded and behaves otherwise: the same program, configuration and rows give another model.

    The versions are those of the case; what the newer one does is done by the training program that really ran, which the case does not
    show. Fitting again under the current side gives the current model.
    """

    variants = ("text-type", "feature-kit", "defaults")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One package's minor or major version; a patch release of another is a decoy."""
        algorithm = system.current.config["algorithm"]
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        numbers = weighty(system, "numeric", rng, n)
        versions: Mapping[str, tuple[str, str, str]] = {
            "text-type": ("pandas", "2.2.3", system.current.environment["pandas"]),
            "feature-kit": ("feature-kit", "1.4.2", "2.0.0"),
            "defaults": ("model-defaults", "3.1.0", "4.0.0"),
        }
        if variant == "text-type" and not system.dataset.categorical:
            raise Inapplicable("no text")
        # text columns are no longer of type object, so that code which looks for objects finds none
        text = "    categorical = [c for c in categorical if frame[c].dtype == object]\n"
        # the newer kit cuts every number at its tenth percentile
        kit = "".join(f"    features[{c!r}] = features[{c!r}].clip(upper=features[{c!r}].quantile(0.1))\n" for c in numbers)
        strength = {"small": 0, "medium": 1, "large": 2}[severity]
        changed = {
            "logistic": {"C": (1e-3, 1e-4, 1e-5)[strength]},
            "ridge": {"alpha": (1e3, 1e4, 1e5)[strength]},
            "boosting": {"max_depth": (2, 1, 1)[strength], "l2_regularization": 1e4},
            "forest": {"max_depth": (4, 2, 1)[strength]},
            "mlp": {"activation": "identity", "weight_decay": (1.0, 10.0, 100.0)[strength]},
        }[algorithm]
        edits = {
            "text-type": (_FEATURES, text + _FEATURES),
            "feature-kit": (_FEATURES, _FEATURES + kit),
            "defaults": (_END, f"    config = {{**config, **{changed!r}}}\n" + _END),
        }
        package, before, after = versions[variant]
        old, new = edits[variant]
        decoy = str(rng.choice(["joblib", "scipy", "pyarrow"]))

        def setup(system: System) -> System:
            def with_package(half: Half) -> Half:
                return replace(half, environment={**half.environment, package: before}, shown_code=None)

            return replace(system, reference=with_package(system.reference), current=with_package(system.current))

        def apply(system: System) -> System:
            half = system.current
            environment = {**half.environment, package: after, decoy: _next_patch(half.environment[decoy])}
            return replace(system, current=replace(half, environment=environment, code=half.code.replace(old, new)))

        accept = ("model.regularization", "model.hyperparameter") if variant == "defaults" else ("pipeline.code",)
        return Plan(apply, (f"environment.{package}",), {"package": package, "versions": [before, after]}, setup=setup, accept=accept)


def _next_patch(version: str) -> str:
    parts = version.split(".")
    return ".".join([*parts[:-1], str(int(parts[-1]) + 1)]) if parts[-1].isdigit() else version + ".1"


class DependencyEnvironment(ServiceFault):
    """Two machines make other features of the same requests, because one of them has another release of a package."""

    situation = "environment"
    variants = ("null-words", "wrapped")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Served:
        """As for other services, on a system whose text was made of missing values, or one of whose numbers is what small integers make."""
        chosen = variant or self.variants[int(rng.integers(len(self.variants)))]
        kind: Any = "categorical" if chosen == "null-words" else "numeric"
        columns = weighty(system, kind, rng, {"small": 1, "medium": 2, "large": 3}[severity])
        if not columns:
            raise Inapplicable("no column that a package makes")
        sides: tuple[SideName, SideName] = ("reference", "current")
        known = system.reference.train
        for side in sides:
            half = system.half(side)
            for table in ("train", "validation"):
                frame = half.frame(table).copy()
                for column in columns:
                    if chosen == "null-words":
                        # the commonest value was never written down
                        top = known[column].value_counts().index[0]
                        frame[column] = frame[column].astype(object).where(frame[column] != top, "nan")
                    else:
                        low, high = known[column].quantile([0.01, 0.99])
                        frame[column] = ((frame[column] - low) / (high - low) * 600).round().clip(0, 900)
                half = half.with_frame(table, frame)
            system = system.with_half(side, half)
        return super().inject(system, rng, severity, variant=chosen, tries=tries)

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Missing text stays missing where it was a word (pandas 3), or whole numbers wrap around at 256 (numpy 2)."""
        del rng, severity
        frame = service.requests[service.features].copy()
        if variant == "null-words":
            columns = [c for c in service.system.dataset.categorical if (frame[c] == "nan").any()]
            for column in columns:
                frame[column] = frame[column].where(frame[column] != "nan", None)
        else:
            columns = [c for c in service.system.dataset.numeric if _whole(frame[c])]
            for column in columns:
                frame[column] = frame[column] % 256
        package, before, after = ("pandas", "2.2.3", "3.0.1") if variant == "null-words" else ("numpy", "1.26.4", "2.3.2")
        versions = service.system.reference.environment
        environments = ({**versions, package: before}, {**versions, package: after})
        places = (f"environment.{package}", *(f"serving.{c}" for c in columns))
        accept = ("data.missing-values",) if variant == "null-words" else ("pipeline.numerics", "data.unit-change")
        log = service.log(frame, service.answer(frame))
        return Serving(log, places, {"columns": columns}, accept=(*accept, "pipeline.preprocessing"), environments=environments)


def _whole(values: Any) -> bool:
    return bool((values.dropna() % 1 == 0).all() and values.min() >= 0 and values.max() > 256)
