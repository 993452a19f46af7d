"""A service: a validated model that answers requests and logs them, and the ways in which it comes to be wrong."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case, Environment, Side
from ruleout.case.read import read_case
from ruleout.faults import measure
from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Situation, Truth, settled
from ruleout.faults.system import Fitted, System
from ruleout.models.artifact import Artifact
from ruleout.tables.table import Table

__all__ = ["PlannedService", "Served", "Service", "ServiceFault", "Serving", "healthy_log", "in_order", "on_the_way"]


@dataclass(frozen=True)
class Service:
    """A validated model, and requests whose labels became known later.

    Parameters
    ----------
    system
        Where model and requests come from: its reference side was validated, its current validation rows are the requests.
    fitted
        The reference side as it ran.
    requests
        A frame of features and target, a row a request.
    asked
        What answers a frame where the artifact itself takes none, as `faults/indicators.py` has it; None where it does.
    """

    system: System
    fitted: Fitted
    requests: Any = field(repr=False)
    asked: Any = field(default=None, repr=False)

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return list(self.system.dataset.features)

    def answer(self, frame: Any, model: Any = None) -> Mapping[str, np.ndarray]:
        """What the service answers for features: `prediction`, and for two classes the positive one's `score` to six digits."""
        model = next(m for m in (model, self.asked, self.fitted.model) if m is not None)
        prediction = np.asarray(model.predict(frame))
        if self.system.dataset.task == "regression":
            return {"prediction": np.round(prediction.astype(float), 6)}
        classes = list(model.classes_)
        if len(classes) != 2:
            return {"prediction": prediction}
        positive = self.system.dataset.positive
        at = classes.index(positive) if positive in classes else 1
        return {"score": np.round(model.predict_proba(frame)[:, at], 6), "prediction": prediction}

    def log(self, features: Any, answers: Mapping[str, np.ndarray]) -> Any:
        """The log of some features as they were received and the answers that were given."""
        frame = features.copy()
        for name, values in answers.items():
            frame[name] = values
        frame[self.system.dataset.target] = self.requests[self.system.dataset.target].to_numpy()
        return frame

    def worth(self, log: Any) -> float:
        """The metric of the logged answers."""
        metric, positive = self.system.metric, self.system.dataset.positive
        truth = log[self.system.dataset.target].to_numpy()
        if metric == "roc_auc":
            return measure.value(metric, (truth == positive).astype(int), log["score"].to_numpy(), positive)
        return measure.value(metric, truth, log["prediction"].to_numpy(), positive)


@dataclass(frozen=True)
class Serving:
    """One way in which a service was wrong: the log that it wrote, where the fault is, and what may be said as well."""

    log: Any
    places: tuple[str, ...]
    parameters: Mapping[str, Any]
    accept: tuple[str, ...] = ()
    artifact: bytes | Any = None
    """What was deployed where that is another artifact than the validated one: a fitted model, or the bytes of a file."""
    environments: tuple[Mapping[str, str], Mapping[str, str]] | None = None
    """Versions by package of what was validated and of what serves, where the case says so."""
    service: Service | None = None
    """The service as it must be for the fault to make sense (requests that have an owner, a model of another kind)."""
    alone: bool = False
    """Whether the log and its model are all that is left: nobody kept what was validated."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What the case says beside the rest (`entity`, `time`)."""


@dataclass(frozen=True)
class Served(Broken):
    """A broken service, with its log.

    Parameters
    ----------
    artifact
        What was deployed: a fitted model or the bytes of a file; None where nobody says.
    """

    situation: Situation = "serving"
    service: Service | None = None
    log: Any = field(default=None, repr=False)
    artifact: bytes | Any = field(default=None, repr=False)
    environments: tuple[Mapping[str, str], Mapping[str, str]] | None = None
    alone: bool = False

    @property
    def in_files(self) -> bool:
        """Whether what was deployed is a file that may not open."""
        return isinstance(self.artifact, bytes)

    def tables(self) -> dict[str, Table]:
        """The reference's training and validation tables and the current log."""
        half = self.reference.half
        return self._tables({"train": half.train, "validation": half.validation, "serving": self._logged()})

    def _tables(self, frames: Mapping[str, Any]) -> dict[str, Table]:
        import pyarrow as pa

        return {name: Table(pa.Table.from_pandas(frame, preserve_index=False), name=name) for name, frame in frames.items()}

    def case(self) -> Case:
        """The case that the team would hand over: what was validated, and the log; in `environment` the logs of both machines."""
        if self.in_files:
            folder = Path(tempfile.mkdtemp(prefix="ruleout-service-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            return read_case(self.write(folder), trust=True)
        data, tables = self.system.dataset, self.tables()
        reference = Side(
            train=tables["train"],
            validation=tables["validation"],
            model=Artifact(estimator=self.reference.model, trusted=True),
            config=settled(self.reference.half.config),
            metrics=dict(self.reference.reported),
        )
        current = Side(serving=tables["serving"])
        if self.artifact is not None:
            current = replace(current, model=Artifact(estimator=self.artifact, trusted=True))
        if self.situation == "environment":
            reference = replace(reference, serving=self._tables({"serving": self._elsewhere()})["serving"])
            current = replace(current, model=current.model or reference.model)
        if self.environments is not None:
            reference, current = (
                replace(side, environment=Environment(dict(packages)))
                for side, packages in zip((reference, current), self.environments, strict=True)
            )
        if self.alone:
            current = replace(current, model=current.model or reference.model)
        named = {"time": data.time, "key": data.key if data.key in self.log.columns or self.situation != "environment" else "request"}
        if self.alone:
            named = {name: column if column in self.log.columns else None for name, column in named.items()}
        case = Case(
            current=current,
            reference=None if self.alone else reference,
            title=data.title,
            symptom=self._symptom(),
            changed="deployment",
            task=data.task,
            target=data.target,
            metric=self.system.metric,
            positive=data.positive,
            trusted=True,
        )
        return replace(case, **{**named, **self.fields})

    def write(self, folder: Path) -> Path:
        """Write the case as a folder, the truth not in it; returns its `case.toml`."""
        import joblib
        import tomli_w

        data = self.system.dataset
        known = {"title": data.title, "changed": "deployment", "task": data.task, "target": data.target, "metric": self.system.metric}
        optional = {"positive": data.positive, "time": data.time, "key": data.key, "symptom": self._symptom(), **self.fields}
        document: dict[str, Any] = {"case": known | {k: v for k, v in optional.items() if v}}
        for side in ("reference", "current"):
            (folder / side).mkdir(parents=True, exist_ok=True)
        self.reference.half.train.to_parquet(folder / "reference/train.parquet", index=False)
        self.reference.half.validation.to_parquet(folder / "reference/validation.parquet", index=False)
        self._logged().to_parquet(folder / "current/serving.parquet", index=False)
        joblib.dump(self.reference.model, folder / "reference/model.joblib", compress=3)
        document["reference"] = {n: f"reference/{n}.parquet" for n in ("train", "validation")} | {"model": "reference/model.joblib"}
        document["current"] = {"serving": "current/serving.parquet"}
        if self.situation == "environment":
            document["case"]["key"] = data.key if data.key in self.log.columns else "request"
            self._elsewhere().to_parquet(folder / "reference/serving.parquet", index=False)
            document["reference"]["serving"] = "reference/serving.parquet"
        if self.artifact is not None or self.alone or self.situation == "environment":
            deployed = self.reference.model if self.artifact is None else self.artifact
            if isinstance(deployed, bytes):
                (folder / "current/model.joblib").write_bytes(deployed)
            else:
                joblib.dump(deployed, folder / "current/model.joblib", compress=3)
            document["current"]["model"] = "current/model.joblib"
        for side, packages in zip(("reference", "current"), self.environments or (), strict=False):
            lines = [f"{name}=={version}" for name, version in packages.items()]
            (folder / side / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
            document[side]["environment"] = f"{side}/requirements.txt"
        if self.alone:
            for name in ("time", "key"):
                if document["case"].get(name) not in self.log.columns:
                    document["case"].pop(name, None)
            del document["reference"]
            shutil.rmtree(folder / "reference")
        path = folder / "case.toml"
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return path

    def _symptom(self) -> str:
        if self.situation == "environment":
            return "the same requests are answered otherwise here than there"
        return "good in validation, worse in production"

    def _logged(self) -> Any:
        """The log, its requests numbered where two machines are compared."""
        if self.situation != "environment" or self.system.dataset.key in self.log.columns:
            return self.log
        return self.log.assign(request=np.arange(len(self.log)))

    def _elsewhere(self) -> Any:
        """What the machine that works logged for the same requests."""
        assert self.service is not None
        return replace(self, log=healthy_log(self.service))._logged()


def healthy_log(service: Service) -> Any:
    """The log of a service with which nothing is wrong."""
    return service.log(service.requests[service.features], service.answer(service.requests[service.features]))


class ServiceFault(Fault):
    """A fault of a service rather than of a retraining: it has a log and no second training."""

    situation: ClassVar[Situation] = "serving"

    @abstractmethod
    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Draw one way to serve wrongly; raises `Inapplicable` where this variant cannot be."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A service is broken after its training: there is nothing to plan in the system itself."""
        raise Inapplicable(f"{self.id()} is a fault of a service, not of {system.name}'s training")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Served:
        """Serve the system's requests wrongly, measure, and draw again where the metric did not move; as for `Fault.inject`."""
        fitted = system.fit("reference")
        service = Service(system, fitted, system.current.validation.reset_index(drop=True))
        first = int(rng.integers(len(self.variants)))
        best: Served | None = None
        reasons = []
        for attempt in range(tries):
            chosen = variant or self.variants[(first + attempt) % len(self.variants)]
            try:
                served = self._served(service, self.serve(service, rng, severity, chosen), chosen, severity)
            except Inapplicable as error:
                reasons.append(str(error))
                continue
            if served.validated:
                return served
            if best is None or served.truth.measured["current"] < best.truth.measured["current"]:
                best = served
        if best is None:
            raise Inapplicable(f"{self.id()} on {system.name}: {reasons[0]}")
        return best

    def _served(self, service: Service, serving: Serving, variant: str, severity: str) -> Served:
        service = serving.service or service
        system, fitted = service.system, service.fitted
        repaired, current = service.worth(healthy_log(service)), service.worth(serving.log)
        error = fitted.standard_error * np.sqrt(2)
        needed = max(2.5 * error, self.floor)
        # on the same requests the labels are the same too: the answers alone make the difference
        was = repaired if self.situation == "environment" else fitted.metric
        truth = Truth(
            causes=() if self.healthy() else (self.id(),),
            places=() if self.healthy() else (serving.places,),
            parameters={"fault": self.name(), "variant": variant, "severity": severity, **serving.parameters},
            measured={"reference": was, "current": current, "repaired": repaired, "standard_error": float(error)},
            verdict="no-problem" if self.healthy() else "cause-found",
            accept=serving.accept,
            structure="none" if self.healthy() else "single",
        )
        moved = was - current < needed if self.healthy() else was - current >= needed and repaired - current >= needed
        why = f"{system.metric} {was:.4f} to {current:.4f}, repaired {repaired:.4f}, floor {needed:.4f}"
        situation, log, deployed = self.situation, serving.log, serving.artifact
        return Served(
            system,
            fitted,
            fitted,
            truth,
            bool(moved),
            why,
            severity,
            situation,
            service=service,
            log=log,
            artifact=deployed,
            environments=serving.environments,
            alone=serving.alone,
            fields=serving.fields,
        )


def in_order(service: Service) -> Service:
    """The service with its requests in order of time; raises `Inapplicable` where they have none."""
    time = service.system.dataset.time
    if not time:
        raise Inapplicable(f"no time in {service.system.dataset.name}")
    return replace(service, requests=service.requests.sort_values(time, kind="stable").reset_index(drop=True))


def on_the_way(service: Service, change: Callable[[Any], Any]) -> Any:
    """The log of a service that changes the features between log and model."""
    features = service.requests[service.features]
    return service.log(features, service.answer(change(features.copy())))


class PlannedService(ServiceFault):
    """A fault of a validation table as it befalls the rows of a log: the model answers what it received.

    Class attributes
    ----------------
    planned
        The fault that breaks the table.
    """

    planned: ClassVar[type[Fault]]

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The plan carried out on the requests; plans of other tables are drawn again."""
        for _ in range(20):
            plan = self.planned().plan(service.system, rng, severity, variant)
            tables = {place.split(".")[0] for place in plan.places} & {"train", "validation"}
            if tables == {"validation"} and plan.setup(service.system) is service.system and plan.side == "current":
                break
        else:
            raise Inapplicable("this variant is none of a log's")
        rows = plan.apply(service.system).current.validation.reset_index(drop=True)
        if not set(service.features) <= set(rows.columns):
            raise Inapplicable("the model cannot answer without its columns")
        now = replace(service, requests=rows)
        places = tuple(f"serving.{place.split('.', 1)[1]}" if "." in place else "serving" for place in plan.places)
        features = rows[service.features]
        log = now.log(features, service.answer(features))
        named = [c for c in (service.system.dataset.key, service.system.dataset.time) if c]
        log = log.assign(**{c: rows[c].to_numpy() for c in named})
        return Serving(log, places, plan.parameters, accept=plan.accept)
