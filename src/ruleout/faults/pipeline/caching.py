"""Old answers or old features given again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.owners import OWNED, last_record, owned, with_owners
from ruleout.faults.service import Service, ServiceFault, Serving, in_order
from ruleout.faults.system import weighty


class Caching(ServiceFault):
    """Requests get the answer that an earlier request got, or features that were looked up for one."""

    variants = ("previous", "block", "coarse-key", "store", "for-ever", "entity", "alone")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """A part of the requests gets the answer of the one before, of the first of its block, or of the first with the same value.

        Or weighty features are looked up once for so many requests in order of time, or once for ever for each level of a column; or they
        are those of the customer's last record before the log. Alone: nothing but the log and its model is left.
        """
        if variant == "alone":
            return replace(self.serve(service, rng, severity, str(rng.choice(["previous", "block"]))), alone=True)
        if variant == "entity":
            return _of_entity(service, rng, severity)
        if variant in ("store", "for-ever"):
            return _stored(service, rng, severity, variant)
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


def _of_entity(service: Service, rng: np.random.Generator, severity: Severity) -> Serving:
    """A part of the customers are answered with the features of their last record, which nobody has refreshed."""
    service = with_owners(service, rng)
    columns = weighty(service.system, "numeric", rng, {"small": 2, "medium": 3, "large": 5}[severity])
    if not columns:
        raise Inapplicable("no numbers to be old")
    features = service.requests[service.features].copy()
    stored = rng.random(len(features)) < {"small": 0.6, "medium": 0.8, "large": 1.0}[severity]
    old = last_record(service, columns)
    features = features.assign(**{c: np.where(stored, old[c], features[c]) for c in columns})
    log = owned(service, service.log(features, service.answer(features)))
    accept = ("data.stale", "pipeline.temporal-misalignment")
    places = tuple(f"serving.{c}" for c in columns)
    return Serving(log, places, {"columns": columns, "share": float(stored.mean())}, accept=accept, service=service, fields=OWNED)


def _stored(service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
    service = in_order(service)
    columns = weighty(service.system, "numeric", rng, {"small": 1, "medium": 2, "large": 3}[severity])
    features = service.requests[service.features].copy()
    n, time = len(features), str(service.system.dataset.time)
    if variant == "store":
        group = np.arange(n) // int(rng.choice([5, 12, 30]))
    else:
        levels = [c for c in service.system.dataset.categorical if 2 <= features[c].nunique() <= n / 10]
        if not levels:
            raise Inapplicable("no levels to look a feature up by")
        group = features[str(rng.choice(levels))].astype(str).to_numpy()
    features[columns] = features.groupby(group)[columns].transform("first")
    log = service.log(features, service.answer(features)).assign(**{time: service.requests[time].to_numpy()})
    return Serving(
        log, tuple(f"serving.{c}" for c in columns), {"columns": columns}, accept=("data.stale", "pipeline.temporal-misalignment")
    )
