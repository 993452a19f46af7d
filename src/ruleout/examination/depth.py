"""Depth: a suspected cause is put right, alone and with the others, and the metric measured again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

from ruleout.case.case import Case
from ruleout.causes.page import Finding
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.examination.agenda import Agenda, Entry
from ruleout.examination.counterfactual import Candidate, Counterfactuals
from ruleout.examination.examination import Confirmed
from ruleout.examination.gain import explained_ratio
from ruleout.examination.settle import Structure, settle
from ruleout.problem.laboratory import without_model
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["Depth"]

WORTH_TESTING = 0.02
"""Below this probability a hypothesis is not worth an intervention."""

BELIEVED = 0.4
"""A score that is too good falls when any good feature is taken away, so there only a page's own evidence makes a candidate."""

MOST_CANDIDATES = 8
MOST_CAUSES = 4

FAMILY_Z = 2.5
"""Confirmation is Bonferroni-like over the candidates: 2.5 standard errors, not 1.96 (docs/decides.md)."""

FURTHER_Z = 2.0
"""Standard errors that confirm a fault which is seen exactly, where few are left to choose among: it is there for sure."""

FEW_EXACT = 2
"""Faults seen exactly up to which that holds for the first cause: two chances in forty of a gain by luck (docs/decides.md)."""

SMALLEST_SHARE = 0.15
"""A cause that explains less than this of what is left to explain is not confirmed: its interval would cover 5 % (docs/decides.md)."""

SMALLEST_PART = 0.03
"""Nor is one that explains less than this of the whole change."""

BLOWN_UP = 0.3
"""Part of the healthy metric, as a number, beyond which a change is no larger for being larger."""

OVERLAP = 0.25
"""A fault seen exactly shares the harm where its repair alone gains this part of what the first one's does."""

SEEN = 1.5
"""The log likelihood ratio of a finding whose fault is done to the healthy side: a setting that has no ratio has 1.8."""

HALF = 0.5
"""Part of what is left to explain that the strongest of the faults done to the healthy side must take from it."""

VAGUE, PLAIN = 0.4, 0.75
"""Specificities: of a repair that fits whatever is wrong with the rows, and of one that undoes one thing only."""

STRONG, EXACT = 2.0, 3.0
"""Log likelihood ratios: a finding that is tested although nothing seems left to explain, and one that counts as seen exactly."""

PROMISING = 0.4
"""Part of the change that a repair must undo to speak for a hypothesis although its gain is within noise."""

OBSERVED = 0.55
"""Where nothing can be re-run, a hypothesis is concluded from observation alone above this probability."""

CERTAIN = 0.9
"""The probability that is given to a fault that is there for sure, by itself, where nothing could be re-run."""


class Depth:
    """Confirms causes by intervention. `step` writes a step of the walk down."""

    def __init__(self, problem: Problem, agenda: Agenda, step: Callable[..., None]) -> None:
        self.problem, self.agenda, self.step = problem, agenda, step
        self.measured = Counterfactuals(problem)
        self.looked_again = False
        self.n_exact = 0

    def confirm(self) -> tuple[tuple[Confirmed, ...], Structure, float | None]:
        """Put right, measure, and go on until the change is explained to within noise or nothing testable is left."""
        pool = self.candidates()
        self.n_exact = sum(c.strength >= EXACT and c.specificity >= PLAIN for c in pool)
        try:
            self.measured.gap(self.problem.case)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            self.problem.laboratory.reasons["intervention"] = str(error)
            return self.observed(pool), "single", None
        chosen = self.choose(pool)
        if len(chosen) == 1:
            chosen += self.needing(chosen[0], pool)
        if not chosen:
            return self.observed(pool), "none", None
        taken = {c.entry.cause for c in chosen}
        rivals = [c for c in pool if c.entry.cause not in taken and c.gain is not None and self.convincing(c.gain)]
        return settle(self.measured, self.agenda, chosen, rivals)

    def choose(self, pool: list[Candidate]) -> list[Candidate]:
        """Add the most believable cause again and again, each tested on top of those before it."""
        chosen: list[Candidate] = []
        base = self.problem.case
        while len(chosen) < MOST_CAUSES:
            taken = {c.entry.cause for c in chosen}
            waiting = [c.beyond(chosen) for c in pool if c.entry.cause not in taken and not self.beside(c, chosen)]
            explained = bool(chosen) and self.measured.within_noise(base)
            if explained:
                waiting = [c for c in waiting if c.strength >= STRONG and c.believed >= BELIEVED]
            try:
                found = self.best(base, waiting, first=not chosen)
                if found is not None:
                    found = self.contested(base, found, waiting)
                if found is None and chosen and not explained and not self.looked_again:
                    pool += self.second_look(base, chosen)
                    continue
                if found is None and not explained:
                    chosen += (self.together(pool) if not chosen else []) or self.other_way(base, chosen, waiting)
            except BudgetSpent:
                if not chosen:
                    raise
                break
            if found is None or found.case is None:
                break
            chosen.append(found)
            base = found.case
        return self.with_maker(chosen, pool)

    def contested(self, base: Case, found: Candidate, others: Sequence[Candidate]) -> Candidate:
        """Leave a place to another hypothesis that claims it too and mends it better, as long as a place of its own remains."""
        for finding in found.findings:
            rivals = [c for c in others if c is not found and any(f.place == finding.place for f in c.findings)]
            rest = found.only([f for f in found.findings if f.place != finding.place])
            for rival in rivals:
                mended = rest.put_right(base) if rest.findings else None
                theirs = rival.only([f for f in rival.findings if f.place == finding.place])
                other = theirs.put_right(mended) if mended is not None else None
                if mended is None or other is None or found.case is None:
                    continue
                try:
                    better = self.measured.gap(found.case).closed_by(self.measured.gap(other))
                    rest.gain = self.measured.gained(base, mended)
                except BudgetSpent:
                    raise
                except RuleoutError:
                    continue
                if better.z() > FURTHER_Z and self.convincing(rest.gain):
                    rest.case, rest.score = mended, found.score
                    return self.contested(base, rest, others)
        return found

    def with_maker(self, chosen: list[Candidate], pool: list[Candidate]) -> list[Candidate]:
        """Add what made the artifact, where training the same again gained too: the others were measured on top of that training."""
        case = self.problem.case
        if case.current.model is None or not any(c.case is not None and c.case.current.model is None for c in chosen):
            return chosen
        if any(self.measured.retrains(c) for c in chosen) or not self.convincing(
            self.measured.gained(case, without_model(case, "current"))
        ):
            return chosen
        makers = [c for c in pool if c.alone is not None and self.convincing(c.alone) and self.measured.retrains(c)]
        best = max(makers, key=lambda c: (c.believed + c.specificity, c.entry.cause), default=None)
        return chosen if best is None else [*chosen, best]

    def candidates(self) -> list[Candidate]:
        """The hypotheses that are worth an intervention, the likeliest first."""
        probability = self.agenda.probabilities()
        least = BELIEVED if self.problem.kind == "too-good" else WORTH_TESTING
        found = []
        for entry in self.agenda.entries.values():
            if entry.findings and probability[entry.cause] >= least and not entry.gave_way:
                strongest = max(f.evidence for f in entry.findings)
                kept = tuple(f for f in entry.findings if f.evidence >= max(strongest - 3.0, min(1.0, strongest)))[:12]
                found.append(Candidate(entry, kept, probability[entry.cause]))
        return sorted(found, key=lambda c: (-c.believed * (0.5 + c.specificity), c.entry.cause))[:MOST_CANDIDATES]

    def second_look(self, base: Case, chosen: Sequence[Candidate]) -> list[Candidate]:
        """Look at the data again with what was found put right: one fault may have hidden another."""
        self.looked_again = True
        problem = replace(self.problem, case=base, harm=max(self.measured.remainder(base).value, self.problem.noise))
        taken = {c.entry.cause for c in chosen}
        imputed = any(c.entry.page.imputes for c in chosen)
        found = []
        for entry in self.agenda.entries.values():
            if entry.cause in taken or entry.missing or entry.aside or entry.gave_way or entry.page.bucket() == "model":
                continue
            if imputed and entry.page.joint:
                continue
            started = time.monotonic()
            try:
                look = entry.page.suspect(problem)
            except BudgetSpent:
                raise
            except Exception:  # the page's bug was told when it first looked; here it only has nothing to add
                continue
            fresh = tuple(f for f in look.findings if f.evidence >= STRONG)
            if not fresh:
                continue
            odds = math.log(entry.prior / (1 - entry.prior)) + max(f.evidence for f in fresh)
            found.append(Candidate(entry, fresh, 1 / (1 + math.exp(-odds))))
            self.step(
                entry,
                "check",
                intent=f"With the first cause put right something is left: is it {entry.cause}?",
                action="Looked again at the repaired tables.",
                finding=fresh[0].statement,
                reflection="The first fault hid it: worth putting right to see.",
                started=started,
                evidence=fresh[0].figures,
            )
        return found

    def other_way(self, base: Case, chosen: Sequence[Candidate], waiting: Sequence[Candidate]) -> list[Candidate]:
        """Faults seen exactly whose repair gained too little: those that, done to the healthy side alone, take as much from it.

        Where two causes each do the harm alone, neither repair gains anything; what each does to a healthy side tells them (apply-one
        beside revert-one, as Zeller and Hildebrandt, 2002, isolate a cause from both ends).
        """
        found: list[Candidate] = []
        # What a second look saw was seen in rows that are mended, which the healthy side's are not.
        first = [c for c in waiting if all(any(f is seen for seen in c.entry.findings) for f in c.findings)]
        exact = {c.entry.cause: c for c in first if c.strength >= SEEN and c.specificity >= PLAIN}
        for candidate in list(exact.values())[: MOST_CAUSES - len(chosen)]:
            other = candidate.reversed()
            self.test(base, other, first=False)
            if other.gain is not None and self.convincing(other.gain, other, base):
                found.append(other)
        # Done to the healthy side many a thing takes something; what takes most of what is left is what happened.
        taken = max((c.gain.value for c in found if c.gain is not None), default=0.0)
        return found if taken > HALF * max(self.measured.remainder(base).value, 0.0) else []

    def best(self, base: Case, candidates: list[Candidate], *, first: bool) -> Candidate | None:
        """Test the candidates on top of `base` one at a time and return the one that explains most believably; None where none does."""
        passed: list[Candidate] = []
        for candidate in candidates:
            self.test(base, candidate, first=first)
            if candidate.gain is not None and self.convincing(candidate.gain, candidate, None if first else base):
                passed.append(candidate)
        found = max(passed, key=lambda c: (c.score, c.entry.cause), default=None)
        if found is None or found.specificity > VAGUE or found.gain is None:
            return found
        # A repair that fits anything also mends what another one undoes exactly: that goes first, and it is left what remains.
        least = OVERLAP * found.gain.value
        plain = [c for c in passed if c.specificity >= PLAIN and c.strength >= EXACT and c.gain is not None and c.gain.value >= least]
        return max(plain, key=lambda c: (c.score, c.entry.cause), default=found)

    def test(self, base: Case, candidate: Candidate, *, first: bool) -> None:
        """Put one hypothesis right on top of `base` and measure again."""
        entry, started = candidate.entry, time.monotonic()
        candidate.gain, candidate.case, candidate.score = None, None, -math.inf
        try:
            repaired = candidate.put_right(base)
            if repaired is None:
                candidate.failure = "it cannot be put right from the evidence"
                return
            before, after = self.measured.baseline(base, repaired), self.measured.gap(repaired)
            gain, rest = before.closed_by(after), self.measured.remainder(repaired)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            candidate.failure = str(error)
            return
        harm = self.measured.harm(before)
        candidate.case, candidate.gain = repaired, gain
        believed = min(max(candidate.believed, 1e-4), 1 - 1e-4)
        candidate.score = math.log(believed / (1 - believed)) + 2 * candidate.specificity - min(8.0, 0.5 * max(rest.z(), 0.0) ** 2)
        if first:
            candidate.alone = gain
            entry.ratios["intervention"] = explained_ratio(gain, harm) if gain.value < 0.5 * harm else 4.0
            if not candidate.certain and gain.high < max(0.2 * harm, 0.01 if self.measured.inflated else 0.0):
                entry.excluded = f"Putting it right gains {gain}: less than a fifth of the change."
        name = self.problem.laboratory.scorer.name
        where = ", ".join(f.place for f in candidate.findings[:3])
        where += f" and {len(candidate.findings) - 3} more" if len(candidate.findings) > 3 else ""
        elsewhere = repaired.reference is not base.reference
        honest = self.measured.inflated or candidate.findings[0].side == "reference"
        tried, done = f"putting that alone right brings {name} {'down to what is honest' if honest else 'back'}", f"Put {where} right"
        if elsewhere and not honest:
            tried, done = f"the same done to the reference brings its {name} down as far", f"Did to the reference what {where} shows"
        was, now = (gap.reference if elsewhere and gap.reference is not None else gap.current for gap in (before, after))
        n = now.n
        self.step(
            entry,
            "intervention",
            intent=f"If it is {entry.cause} at {where}, {tried}.",
            action=f"{done}, left all else as it is, and measured again on {n:,} rows.",
            finding=f"{name}: {was.value:.4f} becomes {now.value:.4f} (gain {gain}, n = {n:,}).",
            reflection=self.meaning(candidate, gain, harm, rest, None if first else base),
            started=started,
            evidence={
                "gain": gain.value,
                "interval": [gain.low, gain.high],
                "before": was.value,
                "after": now.value,
                "n": n,
            },
        )

    def meaning(self, candidate: Candidate, gain: Difference, harm: float, rest: Difference, base: Case | None = None) -> str:
        """What an intervention means, in words."""
        if self.convincing(gain, candidate, base):
            if self.measured.inflated:
                return f"{gain.value:.4f} of the score was not honest."
            left = "nothing beyond noise is left" if rest.low <= 0 else f"{rest.value:.4f} is left to explain"
            return f"{100 * (min(gain.value / harm, 1.0) if harm > 0 else 1.0):.0f} % of the change goes away; {left}."
        if gain.high < 0.2 * harm:
            return f"That rules out {candidate.entry.cause} as the cause of this change."
        return "That is within noise: no proof either way."

    def convincing(self, gain: Difference, candidate: Candidate | None = None, base: Case | None = None) -> bool:
        """Whether a gain is beyond noise and large enough to be a cause of this change.

        `base` holds what was put right before, on top of which `candidate` is tested: it is held against what is left.
        """
        harm = self.problem.harm
        smallest = 0.01 if self.measured.inflated else 0.5 * self.problem.noise
        if base is not None and not self.measured.inflated:
            # Of a change many times the metric itself, as a few wild values make it, no part is too small that is large in itself.
            most = BLOWN_UP * abs(self.problem.reference) if self.problem.reference else harm
            least = SMALLEST_PART / SMALLEST_SHARE * min(harm, max(most, self.problem.noise))
            harm = min(harm, max(self.measured.remainder(base).value, least))
        return gain.z() > self.least_z(candidate, base) and gain.value >= max(SMALLEST_SHARE * harm, smallest)

    def least_z(self, candidate: Candidate | None, base: Case | None) -> float:
        """Standard errors that a gain must exceed: fewer where the fault is seen exactly, and hardly any other one is."""
        if candidate is None or candidate.strength < EXACT or self.measured.inflated:
            return FAMILY_Z
        alone = candidate.specificity >= PLAIN and self.n_exact <= FEW_EXACT
        return FURTHER_Z if base is not None or alone else FAMILY_Z

    def beside(self, candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
        """Whether a candidate only tells again what a chosen one already explains: the same places."""
        return candidate.columns <= {column for c in chosen for column in c.columns}

    def needing(self, found: Candidate, pool: list[Candidate]) -> list[Candidate]:
        """Causes elsewhere that alone undo much of the change too, each as exactly seen as the one found: they share the harm."""
        if found.alone is None or min(found.specificity, found.strength / EXACT) < 0.6:
            return []
        if self.problem.situation == "serving":
            return []  # Most repairs of a log are the artifact's own answers: any two of them gain the same.
        others = [c for c in pool if c.entry.cause != found.entry.cause and c.alone is not None and not self.beside(c, [found])]
        exact = [c for c in others if c.strength >= EXACT and c.specificity >= 0.6]
        shared = [c for c in exact if c.alone is not None and self.convincing(c.alone) and c.alone.value >= OVERLAP * found.alone.value]
        return sorted(shared, key=lambda c: -c.alone.value if c.alone else 0.0)[:1]

    def together(self, pool: list[Candidate]) -> list[Candidate]:
        """Where no repair alone helps: each two of the likeliest at once; the two that gain most together, and more than either alone."""
        usable = [c for c in pool if c.case is not None and c.strength > 1.0][:MOST_CAUSES]
        best: tuple[float, list[Candidate]] = (0.0, [])
        for one, two in combinations(usable, 2):
            if self.beside(one, [two]) or self.beside(two, [one]):
                continue
            try:
                gain = self.measured.gained(self.problem.case, self.measured.all_right([one, two]))
            except BudgetSpent:
                raise
            except RuleoutError:
                continue
            alone = max((c.gain.value for c in (one, two) if c.gain is not None), default=0.0)
            if self.convincing(gain) and gain.value > max(best[0], alone + SMALLEST_SHARE * self.problem.harm):
                best = (gain.value, [one, two])
        return best[1]

    def observed(self, pool: list[Candidate]) -> tuple[Confirmed, ...]:
        """What observation says where no intervention could be made, or none beyond noise: the leading hypothesis, if it leads clearly."""
        certain = self.certain(pool)
        if certain:
            return certain
        probability = self.agenda.probabilities()
        left = [c for c in pool if not c.entry.excluded and (c.gain is None or self.promising(c.gain))]
        leading = max(left, key=lambda c: (probability[c.entry.cause], c.entry.cause), default=None)
        if leading is None or probability[leading.entry.cause] < OBSERVED:
            return ()
        restored = None if leading.case is None else self.measured.gap(leading.case).current.value
        certainty = min(0.9 if restored is None else 0.8, probability[leading.entry.cause])
        return (Confirmed(leading.entry.cause, leading.findings, None, None, certainty, observed=True, restored=restored),)

    def certain(self, pool: list[Candidate]) -> tuple[Confirmed, ...]:
        """What is there for sure, whatever it does to a metric: all there is to conclude where nothing can be held against anything."""
        if self.problem.case.reference is not None:
            return ()
        seen = [(c.entry, tuple(f for f in c.findings if f.certain)) for c in pool if c.certain]
        return tuple(Confirmed(e.cause, found, None, None, CERTAIN, observed=True) for e, found in sorted(seen, key=_surest))

    def promising(self, gain: Difference) -> bool:
        """Whether a gain is, or may well be, much of the change although these rows do not put it beyond noise."""
        return max(gain.value, 0.8 * gain.high) >= PROMISING * self.problem.harm > 0 and gain.z() >= 1.0


def _surest(seen: tuple[Entry, tuple[Finding, ...]]) -> tuple[float, float, str]:
    return -max(f.evidence for f in seen[1]), -seen[0].prior, seen[0].cause
