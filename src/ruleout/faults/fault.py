"""What a fault is: one way to break a healthy system, with the truth that it leaves behind.

The file's path is the cause's id: `faults/data/unit_change.py` holds `UnitChange`, which is `data.unit-change`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ruleout.errors import RuleoutError
from ruleout.faults.system import Fitted, SideName, System

__all__ = ["SITUATIONS", "Broken", "Fault", "Inapplicable", "Plan", "Severity", "Situation", "Truth", "on_current", "settled"]

Severity = Literal["small", "medium", "large"]
Situation = Literal["retraining", "serving", "silent", "too-good", "environment", "training", "factors"]

SITUATIONS: tuple[Situation, ...] = ("retraining", "serving", "silent", "too-good", "environment", "training", "factors")
"""The method's situations, in the order in which the bench tells them."""


class Inapplicable(RuleoutError):
    """The system has nothing that this fault could break (no category, no learning rate, ...)."""


@dataclass(frozen=True)
class Plan:
    """One thing to break, settled to the last number: applying it twice to the same system gives the same result.

    Parameters
    ----------
    apply
        Breaks a system; everything random in it is already drawn.
    places
        Where the fault is, in the contract's words; any of them is right.
    setup
        What must hold in the healthy system too for the fault to make sense (an unstable configuration, a date column).
    accept
        Other causes that the same files support equally well.
    side
        The side that is at fault.
    situation
        `too-good` where the current side stands alone and the fault makes its metric better than it is.
    fields
        What the case says beside that (`entity`, `time`, `symptom`).
    """

    apply: Callable[[System], System]
    places: tuple[str, ...]
    parameters: Mapping[str, Any]
    setup: Callable[[System], System] = lambda system: system
    accept: tuple[str, ...] = ()
    accept_verdicts: tuple[str, ...] = ()
    side: SideName = "current"
    situation: Literal["retraining", "too-good"] = "retraining"
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What is really wrong, and what was measured when it was broken.

    Parameters
    ----------
    causes, places
        Cause ids, the main one first, and for each the places that are right.
    shares
        For pairs: each cause's part of the change (Shapley over the full factorial); they add up to 1.
    structure
        `single`, `additive`, `redundant`, `conjoint`, `masked` or `none`.
    gains
        Places of a change for the better that hides part of the harm.
    measured
        Metric of the `reference`, of the `current` side, with the fault(s) `repaired`, the `standard_error` of the
        difference between the sides; for pairs also with `first` or `second` alone.
    """

    causes: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    parameters: Mapping[str, Any]
    measured: Mapping[str, float]
    verdict: Literal["cause-found", "no-problem"] = "cause-found"
    accept: tuple[str, ...] = ()
    accept_verdicts: tuple[str, ...] = ()
    shares: tuple[float, ...] | None = None
    structure: Literal["single", "additive", "redundant", "conjoint", "masked", "none"] = "single"
    gains: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The truth as JSON."""
        return {
            "causes": list(self.causes),
            "where": [list(p) for p in self.places],
            "parameters": settled(dict(self.parameters)),
            "measured": {k: round(float(v), 6) for k, v in self.measured.items()},
            "verdict": self.verdict,
            "accept": list(self.accept),
            "accept_verdicts": list(self.accept_verdicts),
            "shares": None if self.shares is None else [round(s, 4) for s in self.shares],
            "structure": self.structure,
            "gains": list(self.gains),
        }


@dataclass(frozen=True)
class Broken:
    """A system after a fault: both sides as they ran, and the truth.

    `validated` says that the metric really moved (or, on a healthy system, that it did not), `why` what was measured.
    """

    system: System
    reference: Fitted
    current: Fitted
    truth: Truth
    validated: bool
    why: str
    severity: str
    situation: Situation = "retraining"
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_files(self) -> bool:
        """Whether the evidence is files (an artifact of no bytes, a run log), so that the case has to be written to be whole."""
        return False


class Fault(ABC):
    """One way to break a system. Subclasses are stateless.

    Class attributes
    ----------------
    situation
        Where teams meet it. What breaks a system in another situation is a second class of the same file, whose name ends with
        the situation: `Scaling`, and `ScalingServing`.
    variants
        The ways in which teams meet it; one is drawn at each injection.
    floor_errors
        The metric must fall by so many standard errors of the difference between the sides.
    floor
        And by at least so much.
    """

    situation: ClassVar[Situation] = "retraining"
    variants: ClassVar[tuple[str, ...]] = ("plain",)
    floor_errors: ClassVar[float] = 2.0
    floor: ClassVar[float] = 0.005

    @classmethod
    def id(cls) -> str:
        """The cause's id, derived from where its file lies."""
        bucket, name = cls.__module__.split(".")[-2:]
        return f"{bucket}.{name.replace('_', '-')}"

    @classmethod
    def name(cls) -> str:
        """The id; with the situation behind an @ for the second and further classes of a file."""
        main = "".join(part.capitalize() for part in cls.__module__.rsplit(".", 1)[-1].split("_"))
        return cls.id() if cls.__name__ == main else f"{cls.id()}@{cls.situation}"

    @classmethod
    def healthy(cls) -> bool:
        """Whether this changes a system without harm, so that a cause found in it is a false alarm."""
        return cls.id().startswith("healthy.")

    @abstractmethod
    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Draw one way to break `system`; raises `Inapplicable` where this variant cannot be."""

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Broken:
        """Break the system, measure both sides, and draw again where the metric did not move, at most `tries` times.

        Raises
        ------
        Inapplicable
            No variant fits the system.
        """
        first = int(rng.integers(len(self.variants)))
        best: Broken | None = None
        reasons = []
        for attempt in range(tries):
            chosen = variant or self.variants[(first + attempt) % len(self.variants)]
            try:
                plan = self.plan(system, rng, severity, chosen)
            except Inapplicable as error:
                reasons.append(str(error))
                continue
            broken = self._measured(system, plan, chosen, severity)
            if broken.validated:
                return broken
            if best is None or _fall(broken) > _fall(best):
                best = broken
        if best is None:
            raise Inapplicable(f"{self.id()} on {system.name}: {reasons[0]}")
        return best

    def _measured(self, system: System, plan: Plan, variant: str, severity: Severity) -> Broken:
        ready = plan.setup(system)
        after = plan.apply(ready)
        repaired = ready.fit(plan.side)
        reference, current = after.fit("reference"), after.fit("current")
        worth = {"reference": _reported(reference, system), "current": _reported(current, system)}
        error = float(np.hypot(reference.standard_error, repaired.standard_error))
        measured = {**worth, "repaired": repaired.metric, "standard_error": error}
        fall = worth["reference"] - worth["current"]
        # what the fault itself does, rows being the same
        due = (
            fall
            if self.healthy()
            else repaired.metric - worth["current"]
            if plan.side == "current"
            else worth["reference"] - repaired.metric
        )
        if plan.situation == "too-good":
            # the metric is better than it should be, and there is no reference to hold it against
            fall = due = worth["current"] - repaired.metric
            del measured["reference"]
        needed = max(self.floor_errors * error, self.floor)
        moved = fall < 2.5 * error if self.healthy() else fall >= needed and due >= needed
        truth = Truth(
            causes=() if self.healthy() else (self.id(),),
            places=() if self.healthy() else (plan.places,),
            parameters={"fault": self.id(), "variant": variant, "severity": severity, **plan.parameters},
            measured=measured,
            verdict="no-problem" if self.healthy() else "cause-found",
            accept=plan.accept,
            accept_verdicts=plan.accept_verdicts,
            structure="none" if self.healthy() else "single",
        )
        why = f"{system.metric} {worth['reference']:.4f} to {worth['current']:.4f}, repaired {repaired.metric:.4f}, floor {needed:.4f}"
        return Broken(after, reference, current, truth, bool(moved), why, severity, plan.situation, dict(plan.fields))


def _reported(fitted: Fitted, system: System) -> float:
    return float(fitted.reported.get(system.metric, fitted.metric))


def _fall(broken: Broken) -> float:
    measured = broken.truth.measured
    if broken.situation == "too-good":
        return measured["current"] - measured["repaired"]
    fall = measured["reference"] - measured["current"]
    return -abs(fall) if broken.truth.verdict == "no-problem" else fall


def on_current(change: Callable[[Any], Any]) -> Callable[[System], System]:
    """Lift a change of a half to a change of the system's current side."""
    return lambda system: replace(system, current=change(system.current))


def settled(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(k): settled(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [settled(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
