"""Another week of requests."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.service import Service, ServiceFault, Serving


class AnotherLog(ServiceFault):
    """A service with which nothing is wrong: its log is the model's answers to the features that it received."""

    variants: ClassVar[tuple[str, ...]] = ("plain", "fewer-digits", "part")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The log, all of it or the part of one hour; scores with six digits or three."""
        features = service.requests[service.features]
        answers = dict(service.answer(features))
        if variant == "fewer-digits" and "score" in answers:
            answers["score"] = np.round(answers["score"], 3)
        log = service.log(features, answers)
        return Serving(log.head(max(300, len(log) // 2)) if variant == "part" else log, (), {})


class AnotherLogEnvironment(AnotherLog):
    """Two machines that answer the same requests alike."""

    situation = "environment"
    variants = ("plain", "fewer-digits")
