"""Another week of requests."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.indicators import as_indicators
from ruleout.faults.owners import OWNED, owned, with_owners
from ruleout.faults.service import Service, ServiceFault, Serving


class AnotherLog(ServiceFault):
    """A service with which nothing is wrong: its log is the model's answers to the features that it received."""

    variants: ClassVar[tuple[str, ...]] = ("plain", "fewer-digits", "part", "indicators", "alone", "owners")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The log, all of it or the part of one hour; scores with six digits or three.

        Or that of a model that takes an array of indicators; or the log and its model alone; or of requests whose owners come again.
        """
        if variant == "indicators":
            service = as_indicators(service, without_first=bool(rng.random() < 0.5))
        elif variant == "owners":
            service = with_owners(service, rng)
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        if variant == "fewer-digits" and "score" in answers:
            answers["score"] = np.round(answers["score"], 3)
        log = service.log(features, answers)
        if variant == "owners":
            log = owned(service, log)
        log = log.head(max(300, len(log) // 2)) if variant == "part" else log
        return Serving(log, (), {}, service=service, alone=variant == "alone", fields=OWNED if variant == "owners" else {})


class AnotherLogEnvironment(AnotherLog):
    """Two machines that answer the same requests alike."""

    situation = "environment"
    variants = ("plain", "fewer-digits")
