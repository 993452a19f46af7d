"""The problem, restated in measured numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ruleout.case.case import Case
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.situation import Situation
from ruleout.tables.table import Table

__all__ = ["Kind", "Measure", "Problem"]

Kind = Literal["degradation", "too-good", "invalid-output", "disagreement", "training", "none"]


@dataclass(frozen=True)
class Measure:
    """One number with its interval: `value`, `low`, `high` (95 %), `n` rows behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Problem:
    """What is wrong, in numbers.

    Parameters
    ----------
    case
        The case as it was read.
    laboratory
        Where models are opened, asked and fitted again; every page asks it, and it remembers.
    kind
        What kind of trouble this is.
    statement
        The problem in one's own words, with the numbers.
    metric
        Name of the metric.
    reference, current
        The metric on both sides; None where it cannot be had.
    change, interval, significant
        current - reference, its 95 % interval, and whether it is worse beyond noise. `harm` is its size counted
        so that more is worse, whatever the metric's direction.
    situation
        Which of the method's situations the evidence describes; the priors go by it.
    noise
        Smallest change that matters: the user's `min_effect`, or what seeds and samples alone produce.
    whole
        Tables of which the case holds a sample, whole, by their place.
    profiles
        Stored profiles that were given in place of tables, by their place (`reference.train`); `case` holds no table there.
    """

    case: Case
    laboratory: Laboratory
    kind: Kind
    statement: str
    metric: str | None = None
    reference: float | None = None
    current: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    significant: bool = False
    harm: float = 0.0
    noise: float = 0.005
    situation: Situation = "retraining"
    figures: dict[str, Any] = field(default_factory=dict)
    whole: Mapping[str, Table] = field(default_factory=dict)
    profiles: Mapping[str, Table] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The `problem` of the public JSON."""
        return {
            "kind": self.kind,
            "statement": self.statement,
            "metric": self.metric,
            "reference": self.reference,
            "current": self.current,
            "change": self.change,
            "interval": list(self.interval) if self.interval else None,
            "significant": self.significant,
        }
