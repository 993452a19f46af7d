"""What putting things right gains: the gap between the sides in a counterfactual case, held against the gap as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ruleout.case.case import Case
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.metric import Evaluation
from ruleout.statistics.difference import Difference

__all__ = ["Gap", "explained_ratio", "measure_gap"]


@dataclass(frozen=True)
class Gap:
    """How far the current side stands below the reference in one case, counted so that more is worse.

    `reference` is None where the reference side cannot be measured; then only changes of the current side count.
    """

    reference: Evaluation | None
    current: Evaluation
    sign: float
    noise: float = 0.0

    @property
    def value(self) -> float:
        """The gap itself; the current side's own loss where there is no reference."""
        base = self.reference.value if self.reference is not None else 0.0
        return self.sign * (base - self.current.value)

    def closed_by(self, other: Gap) -> Difference:
        """How much of this gap is gone in `other`, paired on the rows that both score."""
        gained = other.current.minus(self.current)
        value, errors = self.sign * gained.value, [gained.error]
        if self.reference is not None and other.reference is not None and other.reference is not self.reference:
            lost = self.reference.minus(other.reference)
            value += self.sign * lost.value
            errors.append(lost.error)
        refitted = self.noise if other.current is not self.current or other.reference is not self.reference else 0.0
        return Difference(value, math.hypot(*errors, refitted))


def measure_gap(laboratory: Laboratory, case: Case, noise: float = 0.0, *, inflated: bool = False) -> Gap:
    """Measure both sides of a case, be it as it was read or a counterfactual; raises `ModelError` where it cannot be.

    Of an `inflated` score (too good to be true) more is worse: putting a leak right brings it down to what is honest.
    """
    if inflated:
        return Gap(None, laboratory.outcome(case, "current"), -laboratory.scorer.sign, noise)
    reference = None
    if case.reference is not None and laboratory.evaluation_table(case, "reference") is not None:
        reference = laboratory.outcome(case, "reference")
    return Gap(reference, laboratory.outcome(case, "current"), laboratory.scorer.sign, noise)


def explained_ratio(gain: Difference, harm: float) -> float:
    """Log likelihood ratio of a gain: that the cause explains some part of the harm in [0.2, 1.1] against none of it.

    The generalised ratio max_e N(g; e H, s) / N(g; 0, s), clipped to [-4, 4].
    """
    if harm <= 0 or gain.error <= 0 or not math.isfinite(gain.value):
        return 0.0
    part = min(max(gain.value / harm, 0.2), 1.1)
    ratio = (gain.value**2 - (gain.value - part * harm) ** 2) / (2 * gain.error**2)
    return max(-4.0, min(4.0, ratio))
