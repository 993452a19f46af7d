"""What leaves the examination: hypotheses with their beliefs, steps, and what was confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ruleout.causes.page import Bucket, Finding
from ruleout.problem.problem import Problem

__all__ = ["Confirmed", "Event", "Examination", "Hypothesis", "Status", "Step"]

Status = Literal["confirmed", "ruled-out", "open", "untestable"]


@dataclass(frozen=True)
class Hypothesis:
    """One cause, how likely it was before and is now, and how it stands.

    `reason` says why it is ruled out, untestable or still open, in a sentence; `power` is how surely the looks would have seen it.
    """

    cause: str
    bucket: Bucket
    prior: float
    probability: float
    status: Status
    where: tuple[str, ...] = ()
    reason: str = ""
    power: float = 0.0
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """One of the `hypotheses` of the public JSON."""
        return {
            "cause": self.cause,
            "bucket": self.bucket,
            "prior": self.prior,
            "probability": self.probability,
            "status": self.status,
            "where": list(self.where),
            "reason": self.reason,
            "power": self.power,
        }


@dataclass(frozen=True)
class Step:
    """One step of the narration: the intent, what was done, what was found, what follows.

    `probabilities` are the beliefs after the step, by cause; `buckets` their sums by bucket, in [0, 1].
    """

    number: int
    cause: str
    kind: Literal["check", "intervention"]
    intent: str
    action: str
    finding: str
    reflection: str
    seconds: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    probabilities: Mapping[str, float] = field(default_factory=dict)
    buckets: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """One of the `steps` of the public JSON."""
        return {
            "number": self.number,
            "cause": self.cause,
            "kind": self.kind,
            "intent": self.intent,
            "action": self.action,
            "finding": self.finding,
            "reflection": self.reflection,
            "seconds": round(self.seconds, 3),
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Event:
    """What the walk tells a listener while it goes: the examination prints nothing itself.

    kind
        `problem` (payload: Problem), `assumption` (str), `hypotheses` (tuple of Hypothesis: the priors, once, before the first
        step), `intent` (dict with cause, intent, action, before a step that may take long), `plan` (Plan: before what is estimated
        to take over a minute), `progress` (dict with done, total, what), `step` (Step), `conclusion` (Conclusion).
    """

    kind: Literal["problem", "assumption", "hypotheses", "intent", "plan", "progress", "step", "conclusion"]
    payload: Any


@dataclass(frozen=True)
class Confirmed:
    """A cause that an intervention confirmed, or that rests on observation where nothing could be re-run.

    `share` is the part of the change that goes away when this alone is put right (Shapley over several), with its 95 %
    `interval`; None where it could not be measured. `observed` is true where no intervention was possible.
    `rows` tells, where trainings took a sample, on how many rows the figures rest, of how many, and what the sample had said.
    `restored` is the metric with this one thing put right; `beside` the reference's, where it is there that something was put right, or
    where the same was done to it.
    """

    cause: str
    findings: tuple[Finding, ...]
    share: float | None
    interval: tuple[float, float] | None
    probability: float
    observed: bool = False
    restored: float | None = None
    beside: float | None = None
    rows: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Examination:
    """Everything that the walk found out, before it is put into words."""

    problem: Problem
    hypotheses: tuple[Hypothesis, ...]
    steps: tuple[Step, ...]
    confirmed: tuple[Confirmed, ...]
    structure: Literal["single", "additive", "redundant", "conjoint", "masked", "none"] = "none"
    unexplained: float | None = None
    stopped: str = ""
    note: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
