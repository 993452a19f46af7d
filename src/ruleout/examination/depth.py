"""Depth: a suspected cause is put right, alone and with the others, and the metric measured again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Finding
from ruleout.errors import BudgetSpent, ModelError, RuleoutError
from ruleout.examination.agenda import Agenda, Entry
from ruleout.examination.examination import Confirmed
from ruleout.examination.gain import Gap, explained_ratio, measure_gap
from ruleout.examination.shares import Share, shapley
from ruleout.problem.laboratory import without_model
from ruleout.problem.metric import Evaluation
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["Depth"]

Structure = Literal["single", "additive", "redundant", "conjoint", "masked", "none"]

WORTH_TESTING = 0.02
BELIEVED = 0.4
"""A score that is too good falls when any good feature is taken away, so there only a page's own evidence makes a candidate."""

MOST_CANDIDATES = 8
MOST_CAUSES = 4
FAMILY_Z = 2.5
"""Confirmation is Bonferroni-like over the candidates: 2.5 standard errors, not 1.96 (inference.md, R6)."""

EXACT = 3.0
"""Log likelihood ratio from which a finding counts as seen exactly."""

SMALLEST_SHARE = 0.15
"""A cause that explains less of the change than this is not confirmed: its interval would cover 5 % (inference.md, R5)."""

OBSERVED = 0.6
"""Where nothing can be re-run, a hypothesis is concluded from observation alone above this probability."""


@dataclass
class _Candidate:
    """A hypothesis with the findings that are put right together, and what that gained."""

    entry: Entry
    findings: tuple[Finding, ...]
    case: Case | None = None
    gain: Difference | None = None
    after: Gap | None = None
    score: float = -math.inf
    failure: str = ""

    @property
    def specificity(self) -> float:
        return max(f.specificity for f in self.findings)


class Depth:
    """Confirms causes by intervention. `step` writes a step of the walk down."""

    def __init__(self, problem: Problem, agenda: Agenda, step: Callable[..., None]) -> None:
        self.problem, self.agenda, self.step = problem, agenda, step
        self.laboratory = problem.laboratory
        self.noise = float(problem.figures.get("training_noise", 0.0))
        self._gaps: dict[int, Gap] = {}
        self._kept: list[Case] = []

    def confirm(self) -> tuple[tuple[Confirmed, ...], Structure, float | None]:
        """Put right, measure, and go on until the change is explained to within noise or nothing testable is left."""
        candidates = self.candidates()
        try:
            self.gap(self.problem.case)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            self.laboratory.reasons["intervention"] = str(error)
            return self.observed(candidates), "single", None
        chosen: list[_Candidate] = []
        base = self.problem.case
        while len(chosen) < MOST_CAUSES:
            try:
                found = self.best(base, [c for c in candidates if c not in chosen and not self.beside(c, chosen)], first=not chosen)
            except BudgetSpent:
                if not chosen:
                    raise
                break
            if found is None or found.case is None:
                break
            chosen.append(found)
            base = found.case
            if self.within_noise(base):
                break
        if len(chosen) == 1:
            chosen += self.needing(chosen[0], candidates)
        structure: Structure = "single" if len(chosen) == 1 else "additive"
        if not chosen:
            chosen = self.together(candidates)
            structure = "redundant" if chosen else "none"
        if not chosen:
            return self.observed(candidates), "none", None
        return self.settle(chosen, structure, candidates)

    def candidates(self) -> list[_Candidate]:
        """The hypotheses that are worth an intervention, the likeliest first."""
        probability = self.agenda.probabilities()
        found = []
        for entry in self.agenda.entries.values():
            if entry.findings and probability[entry.cause] >= (BELIEVED if self.problem.kind == "too-good" else WORTH_TESTING):
                strongest = max(f.evidence for f in entry.findings)
                kept = tuple(f for f in entry.findings if f.evidence >= max(strongest - 3.0, min(1.0, strongest)))[:12]
                found.append(_Candidate(entry, kept))
        return sorted(found, key=lambda c: (-probability[c.entry.cause] * (0.5 + c.specificity), c.entry.cause))[:MOST_CANDIDATES]

    def best(self, base: Case, candidates: list[_Candidate], *, first: bool) -> _Candidate | None:
        """Test the candidates on top of `base` one at a time and return the one that explains most believably; None where none does."""
        passed: list[_Candidate] = []
        for candidate in candidates:
            self.test(base, candidate, first=first)
            if candidate.gain is not None and self.convincing(candidate.gain):
                passed.append(candidate)
        return max(passed, key=lambda c: (c.score, c.entry.cause), default=None)

    def test(self, base: Case, candidate: _Candidate, *, first: bool) -> None:
        """Put one hypothesis right on top of `base` and measure again."""
        entry, started = candidate.entry, time.monotonic()
        before = self.agenda.probabilities()[entry.cause]
        candidate.gain, candidate.case, candidate.score = None, None, -math.inf
        try:
            repaired = self.repaired(base, candidate)
            if repaired is None:
                candidate.failure = "it cannot be put right from the evidence"
                return
            gap, after = self.baseline(base, repaired), self.gap(repaired)
            gain = gap.closed_by(after)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            candidate.failure = str(error)
            return
        harm = self.harm(gap)
        candidate.case, candidate.gain, candidate.after = repaired, gain, after
        rest = self.remainder(after)
        believed = min(max(before, 1e-4), 1 - 1e-4)
        candidate.score = math.log(believed / (1 - believed)) + 2 * candidate.specificity - min(8.0, 0.5 * max(rest.z(), 0.0) ** 2)
        if first:
            entry.ratios["intervention"] = explained_ratio(gain, harm) if gain.value < 0.5 * harm else 4.0
            if gain.high < max(0.2 * harm, 0.01 if self.problem.kind == "too-good" else 0.0):
                entry.excluded = f"Putting it right gains {gain}: less than a fifth of the change."
        name = self.laboratory.scorer.name
        where = ", ".join(f.place for f in candidate.findings[:3]) + (
            f" and {len(candidate.findings) - 3} more" if len(candidate.findings) > 3 else ""
        )
        self.step(
            entry,
            "intervention",
            intent=f"If it is {entry.cause} at {where}, putting that alone right brings {name} back.",
            action=f"Put {where} right, left all else as it is, and measured again on the same {after.current.n:,} rows.",
            finding=f"{name}: {gap.current.value:.4f} becomes {after.current.value:.4f} (gain {gain}, n = {after.current.n:,}).",
            reflection=self.verdict(candidate, gain, harm, rest),
            started=started,
            evidence={
                "gain": gain.value,
                "interval": [gain.low, gain.high],
                "before": gap.current.value,
                "after": after.current.value,
                "n": after.current.n,
            },
        )

    def verdict(self, candidate: _Candidate, gain: Difference, harm: float, rest: Difference) -> str:
        """What an intervention means, in words."""
        if self.convincing(gain):
            left = "nothing beyond noise is left" if rest.low <= 0 else f"{rest.value:.4f} is left to explain"
            return f"{100 * (min(gain.value / harm, 1.0) if harm > 0 else 1.0):.0f} % of the change goes away; {left}."
        if gain.high < 0.2 * harm:
            return f"That rules out {candidate.entry.cause} as the cause of this change."
        return "That is within noise: no proof either way."

    def convincing(self, gain: Difference) -> bool:
        """Whether a gain is beyond noise and large enough to be a cause of this change."""
        smallest = 0.01 if self.problem.kind == "too-good" else 0.5 * self.problem.noise
        return gain.z() > FAMILY_Z and gain.value >= max(SMALLEST_SHARE * self.problem.harm, smallest)

    def beside(self, candidate: _Candidate, chosen: Sequence[_Candidate]) -> bool:
        """Whether a candidate only tells again what a chosen one already explains: the same place, less exactly."""
        places = {f.place.split(".")[-1] for c in chosen for f in c.findings}
        return {f.place.split(".")[-1] for f in candidate.findings} <= places

    def together(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Where no repair alone helps: all at once, then each left out in turn; what is missed belongs to the cause."""
        usable = [c for c in candidates if c.case is not None and max(f.evidence for f in c.findings) > 1.0][:MOST_CAUSES]
        if len(usable) < 2:
            return []
        try:
            if not self.convincing(self.gained(usable)):
                return []
            needed = [
                c for c in usable if len(usable) > 2 and not self.convincing(self.gained([u for u in usable if u is not c]))
            ] or usable
            return needed if len(needed) >= 2 and self.convincing(self.gained(needed)) else []
        except RuleoutError:
            return []

    def needing(self, found: _Candidate, candidates: list[_Candidate]) -> list[_Candidate]:
        """Causes elsewhere that undo the whole change too, each as exactly seen as the one found: the harm needs them both."""
        if found.gain is None:
            return []
        return [
            c
            for c in candidates
            if c is not found
            and c.gain is not None
            and not self.beside(c, [found])
            and c.gain.value >= 0.8 * found.gain.value
            and max(f.evidence for f in c.findings) >= EXACT
            and min(c.specificity, found.specificity) >= 0.6
        ][:1]

    def settle(
        self, chosen: list[_Candidate], structure: Structure, candidates: list[_Candidate]
    ) -> tuple[tuple[Confirmed, ...], Structure, float | None]:
        """Share the change among the chosen causes, and drop places that add nothing."""
        values = {frozenset(members): self.subset([chosen[k] for k in members]) for members in _subsets(len(chosen))}
        base = self.baseline(self.problem.case, self.all_right(chosen))
        values[frozenset()] = base
        final = values[frozenset(range(len(chosen)))]
        rest = self.remainder(final)
        shares = shapley(len(chosen), values, self.harm(base), explained=rest.low <= 0)
        structure = _structure(structure, [values[frozenset({k})] for k in range(len(chosen))], base, final)
        rivals = [c for c in candidates if c not in chosen and c.gain is not None and self.convincing(c.gain)]
        confirmed = []
        for number, candidate in enumerate(chosen):
            candidate.entry.confirmed = True
            candidate.entry.excluded = ""
            alone = values[frozenset({number})]
            share: Share = shares[number]
            weight = 1.0 / (1.0 + sum(math.exp(min(c.score - candidate.score, 0.0)) for c in rivals))
            confirmed.append(
                Confirmed(
                    cause=candidate.entry.cause,
                    findings=self.needed_places(candidate),
                    share=share.value,
                    interval=(share.low, share.high),
                    probability=round(0.6 + 0.39 * weight, 3),
                    restored=alone.current.value,
                )
            )
        for entry in self.agenda.entries.values():
            if not entry.confirmed and rest.low <= 0:
                entry.ratios.setdefault("explained away", math.log(0.1))
        confirmed.sort(key=lambda c: -(c.share or 0.0))
        return tuple(confirmed), structure, rest.value if rest.low > 0 else 0.0

    def needed_places(self, candidate: _Candidate) -> tuple[Finding, ...]:
        """Of several places that were put right together, those whose repair alone gains something, the most first."""
        if len(candidate.findings) == 1:
            return candidate.findings
        gains: list[tuple[float, int]] = []
        for number, finding in enumerate(candidate.findings[:6]):
            try:
                repaired = candidate.entry.page.put_right(self.problem.case, finding)
                if repaired is not None:
                    found = self.baseline(self.problem.case, repaired).closed_by(self.gap(repaired))
                    gains.append((found.value, number))
            except RuleoutError:
                continue
        top = max((g for g, _ in gains), default=0.0)
        kept = [candidate.findings[n] for g, n in sorted(gains, key=lambda pair: -pair[0]) if g >= 0.15 * top and g > 0]
        return tuple(kept) or candidate.findings

    def observed(self, candidates: list[_Candidate]) -> tuple[Confirmed, ...]:
        """What observation alone says where no intervention could be made: the leading hypothesis, if it leads clearly."""
        probability = self.agenda.probabilities()
        open_ones = [c for c in candidates if c.gain is None and not c.entry.excluded]
        leading = max(open_ones, key=lambda c: (probability[c.entry.cause], c.entry.cause), default=None)
        if leading is None or probability[leading.entry.cause] < OBSERVED:
            return ()
        return (Confirmed(leading.entry.cause, leading.findings, None, None, min(0.9, probability[leading.entry.cause]), observed=True),)

    # Measuring --------------------------------------------------------------------------------------------------------

    def repaired(self, base: Case, candidate: _Candidate) -> Case | None:
        """`base` with every finding of a candidate put right; None where none can be."""
        case, changed = base, False
        for finding in candidate.findings:
            put_right = candidate.entry.page.put_right(case, finding)
            if put_right is not None:
                case, changed = put_right, True
        return case if changed else None

    def all_right(self, chosen: Sequence[_Candidate]) -> Case:
        """The case as it was read with several candidates put right."""
        case = self.problem.case
        for candidate in chosen:
            case = self.repaired(case, candidate) or case
        return case

    def subset(self, chosen: Sequence[_Candidate]) -> Gap:
        """The gap with several candidates put right."""
        return self.gap(self.all_right(chosen))

    def gained(self, chosen: Sequence[_Candidate]) -> Difference:
        """What putting several candidates right gains."""
        repaired = self.all_right(chosen)
        return self.baseline(self.problem.case, repaired).closed_by(self.gap(repaired))

    def baseline(self, base: Case, repaired: Case) -> Gap:
        """What a counterfactual is held against: `base`, fitted again unchanged where the counterfactual is fitted on other rows."""
        now, then = repaired.current, base.current
        if now.model is None and then.model is not None and (now.train is not then.train or now.config is not then.config):
            return self.gap(without_model(base, "current"))
        return self.gap(base)

    def gap(self, case: Case) -> Gap:
        """The gap between the sides of a case, measured once."""
        if id(case) not in self._gaps:
            found = measure_gap(self.laboratory, case, self.noise, inflated=self.problem.kind == "too-good")
            if not math.isfinite(found.current.value):
                found = replace(found, current=self.worthless(found))
            if self.problem.figures.get("reported_change") and case.current.metrics is self.problem.case.current.metrics:
                found = replace(found, current=_as_reported(found.current, self.problem))
            self._gaps[id(case)] = found
            self._kept.append(case)
        return self._gaps[id(case)]

    def worthless(self, gap: Gap) -> Evaluation:
        """A metric that is no number, counted as having lost all that the reference has."""
        if gap.reference is None or not math.isfinite(gap.reference.value):
            raise ModelError(
                f"{self.laboratory.scorer.name} is no number on the current rows, and there is no reference to measure the loss by."
            )
        lost = gap.reference.value - gap.sign * abs(gap.reference.value)
        return replace(gap.current, value=lost, psi=np.full(max(gap.current.n, 2), lost), resamples=None)

    def harm(self, gap: Gap) -> float:
        """The change that is to be explained, as this baseline measures it."""
        if gap.reference is None or gap.value <= 0 or not math.isfinite(gap.value):
            return self.problem.harm
        return gap.value

    def remainder(self, gap: Gap) -> Difference:
        """What is left of the change in a counterfactual, with the error of an unpaired difference of two trainings."""
        if gap.reference is None:
            return Difference(0.0, self.problem.noise)
        found = gap.reference.minus(gap.current)
        return Difference(gap.sign * found.value, math.hypot(found.error, math.sqrt(2) * self.noise))

    def within_noise(self, case: Case) -> bool:
        """Whether a counterfactual is back at the reference, to within noise and a tenth of the change."""
        rest = self.remainder(self.gap(case))
        return rest.low <= 0 or rest.value < 0.1 * self.problem.harm


def _structure(given: Structure, alone: list[Gap], base: Gap, final: Gap) -> Structure:
    """How several causes act together, from what each repair gains alone and what all gain."""
    total = base.closed_by(final).value
    if len(alone) < 2 or total <= 0:
        return given
    gains = [base.closed_by(gap).value / total for gap in alone]
    if all(g >= 0.8 for g in gains):
        return "conjoint"
    return "redundant" if all(g <= 0.2 for g in gains) else "additive"


def _as_reported(found: Evaluation, problem: Problem) -> Evaluation:
    """The evaluation moved to the number that was reported: what people saw before the metric was put right."""
    said = float(problem.figures["reported"]["current"])
    shift = said - found.value
    return replace(
        found,
        value=said,
        psi=None if found.psi is None else found.psi + shift,
        resamples=None if found.resamples is None else found.resamples + shift,
    )


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [tuple(k for k in range(n) if mask >> k & 1) for mask in range(1, 2**n)]
