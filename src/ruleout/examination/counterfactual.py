"""Counterfactual cases measured: the gap between the sides with something put right, against the gap as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ruleout.case.case import Case, Side, TableName
from ruleout.causes.page import Finding
from ruleout.errors import BudgetSpent, ModelError, RuleoutError
from ruleout.examination.agenda import Entry
from ruleout.examination.gain import Gap, measure_gap
from ruleout.problem.laboratory import without_model
from ruleout.problem.metric import Evaluation
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference
from ruleout.tables.table import Table

__all__ = ["Candidate", "Counterfactuals"]

ANSWERS = {"prediction", "score"}
"""The columns of a serving log that hold what was answered."""

TABLES: tuple[TableName, ...] = ("train", "validation", "serving")

SEEN_PAIRED = 2.5
"""Standard errors from which a remainder counts that the same rows show between the reference's model and the repaired one."""


@dataclass
class Candidate:
    """A hypothesis with the findings that are put right together, and what that gained.

    `believed` is its probability before the intervention; `score` weighs that against what the intervention left unexplained. One that
    is `wrong` is tried the other way round: the healthy side is put wrong as the broken one is.
    """

    entry: Entry
    findings: tuple[Finding, ...]
    believed: float
    case: Case | None = None
    gain: Difference | None = None
    alone: Difference | None = None
    score: float = -math.inf
    failure: str = ""
    wrong: bool = False
    repaired: dict[int, tuple[Case, Case | None]] = field(default_factory=dict, repr=False)

    @property
    def specificity(self) -> float:
        """How exactly the best of its findings is pinned down."""
        return max(f.specificity for f in self.findings)

    @property
    def strength(self) -> float:
        """The strongest finding's log likelihood ratio."""
        return max(f.evidence for f in self.findings)

    @property
    def certain(self) -> bool:
        """Whether one of its findings is there for sure, whatever it does to the metric."""
        return any(f.certain for f in self.findings)

    @property
    def columns(self) -> set[str]:
        """The places without their tables."""
        return {f.place.split(".")[-1] for f in self.findings}

    def only(self, findings: Sequence[Finding]) -> Candidate:
        """The same hypothesis at some of its places."""
        return Candidate(self.entry, tuple(findings), self.believed, alone=self.alone, wrong=self.wrong)

    def reversed(self) -> Candidate:
        """The same hypothesis, tried the other way round."""
        return Candidate(self.entry, self.findings, self.believed, alone=self.alone, wrong=True)

    def beyond(self, chosen: Sequence[Candidate]) -> Candidate:
        """The hypothesis at the places that no chosen one has put right already; itself where that takes nothing, or everything."""
        taken = {f.place for c in chosen for f in c.findings}
        left = [f for f in self.findings if f.place not in taken]
        return self if not left or len(left) == len(self.findings) else self.only(left)

    def put_right(self, base: Case) -> Case | None:
        """`base` with every finding put right, or its healthy side put wrong; None where none can be. The same base, the same case."""
        if id(base) not in self.repaired:
            # The base is kept beside its repair, so that no other case can come to bear its number.
            self.repaired[id(base)] = (base, self._put_right(base))
        return self.repaired[id(base)][1]

    def _put_right(self, base: Case) -> Case | None:
        case, changed = base, False
        mend = self.entry.page.put_wrong if self.wrong else self.entry.page.put_right
        for finding in self.findings:
            repaired = mend(case, finding)
            if repaired is not None:
                case, changed = repaired, True
        return case if changed else None


class Counterfactuals:
    """Measures counterfactual cases of one problem, each once."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.laboratory = problem, problem.laboratory
        self.noise = float(problem.figures.get("training_noise", 0.0))
        self.inflated = problem.kind == "too-good"
        self._gaps: dict[int, tuple[Case, Gap]] = {}
        self._replays: dict[int, Case] = {}

    def gap(self, case: Case) -> Gap:
        """The gap between the sides of a case; raises `ModelError` where nothing could be measured even as the case was read."""
        if id(case) not in self._gaps:
            self._gaps[id(case)] = (case, self._measured(case))
        return self._gaps[id(case)][1]

    def baseline(self, base: Case, repaired: Case) -> Gap:
        """What a counterfactual is held against: `base`, fitted again unchanged where the counterfactual is fitted on other rows."""
        if self._refitted(repaired.current, base.current):
            return self.gap(without_model(base, "current"))
        if repaired.reference is not None and base.reference is not None and self._refitted(repaired.reference, base.reference):
            return self.gap(without_model(base, "reference"))
        log, before = repaired.current.serving, base.current.serving
        mended = log is not None and log is not before and not self.laboratory.holds_answers(repaired, "current")
        mended = mended or self._elsewhere(repaired.current, base.current)
        if log is not None and before is not None and mended and ANSWERS & set(log.columns):
            # Mended features are replayed, and a replay alone undoes whatever stood between features and answer: that is not their gain.
            return self._replayed(base, before)
        return self.gap(base)

    def _refitted(self, now: Side, then: Side) -> bool:
        """Whether the artifact of a side has given way to one that is fitted on other rows, with other settings or elsewhere."""
        other = now.train is not then.train or now.config is not then.config or self._elsewhere(now, then)
        return now.model is None and then.model is not None and other

    def _elsewhere(self, now: Side, then: Side) -> bool:
        """Whether a side runs in another environment than before, which is installed."""
        return self.laboratory.installations is not None and now.environment is not then.environment

    def retrains(self, candidate: Candidate) -> bool:
        """Whether putting a hypothesis right trains the artifact again on the same rows with the same configuration, and nothing else."""
        case, repaired = self.problem.case.current, candidate.put_right(self.problem.case)
        if repaired is None or case.model is None or repaired.current.model is not None:
            return False
        return repaired.current.train is case.train and repaired.current.config is case.config

    def as_made(self, gap: Gap, repaired: Case) -> Gap:
        """A counterfactual that was trained again, lowered by what training alone gained: what made the artifact was not put right in it.

        Exact where the two do not interact; the training that made the artifact cannot be run again here.
        """
        if self.problem.case.current.model is None or repaired.current.model is not None:
            return gap
        artifact, retrained = self.gap(self.problem.case).current, self.gap(without_model(self.problem.case, "current")).current
        moved = _moved_to(gap.current, gap.current.value + artifact.value - retrained.value)
        same = len({(e.rows, e.n) for e in (gap.current, artifact, retrained)}) == 1
        if same and gap.current.psi is not None and artifact.psi is not None and retrained.psi is not None:
            moved = replace(moved, psi=gap.current.psi + artifact.psi - retrained.psi)
        return replace(gap, current=moved)

    def gained(self, base: Case, repaired: Case) -> Difference:
        """How much of the gap a counterfactual closes."""
        return self.baseline(base, repaired).closed_by(self.gap(repaired))

    def all_right(self, candidates: Sequence[Candidate]) -> Case:
        """The case as it was read with several candidates put right."""
        case = self.problem.case
        for candidate in candidates:
            case = candidate.put_right(case) or case
        return case

    def apart(self, candidates: Sequence[Candidate], members: Sequence[int]) -> Case | None:
        """The case with some of several candidates put right, each as it is put right where all others are; None where that is no matter
        of columns of its own.

        A repair that is worked out from rows which another fault has broken may miss: what it would have been is known once all is right.
        """
        case = self.problem.case
        for number in members:
            others = self.all_right([c for k, c in enumerate(candidates) if k != number])
            mended = candidates[number].put_right(others)
            if mended is None or mended.reference is not others.reference or mended.current.config is not others.current.config:
                return None
            for name in TABLES:
                was, now, held = others.current.table(name), mended.current.table(name), case.current.table(name)
                if now is was or was is None or now is None or held is None:
                    continue
                if not was.n_rows == now.n_rows == held.n_rows or was.columns != now.columns:
                    return None
                for column in now.columns:
                    if not now.arrow.column(column).equals(was.arrow.column(column)):
                        held = held.with_column(column, now.arrow.column(column))
                case = case.with_table("current", name, held)
        return case

    def harm(self, gap: Gap) -> float:
        """The change that is to be explained, as a baseline measures it."""
        if gap.reference is None or gap.value <= 0 or not math.isfinite(gap.value):
            return self.problem.harm
        return gap.value

    def remainder(self, case: Case) -> Difference:
        """What is left of the change: unpaired against the reference, or paired on the current rows where that sees more."""
        gap = self.gap(case)
        if gap.reference is None:
            return Difference(0.0, max(self.problem.noise, 1e-9))
        found = gap.reference.minus(gap.current)
        rest = Difference(gap.sign * found.value, math.hypot(found.error, math.sqrt(2) * self.noise))
        paired = self._paired(case, gap)
        return paired if paired is not None and paired.z() > SEEN_PAIRED and paired.z() > rest.z() else rest

    def within_noise(self, case: Case) -> bool:
        """Whether a counterfactual is back at the reference, to within noise."""
        return self.remainder(case).low <= 0

    def _replayed(self, base: Case, log: Table) -> Gap:
        """What the artifact itself answers for a log as it is; the logged answers where none can be asked."""
        key = id(log)
        if key not in self._replays:
            self._replays[key] = base.with_table("current", "serving", log.without(sorted(ANSWERS)))
        try:
            return self.gap(self._replays[key])
        except BudgetSpent:
            raise
        except RuleoutError:
            return self.gap(base)

    def _paired(self, case: Case, gap: Gap) -> Difference | None:
        """The reference's model against the repaired one on the same current rows."""
        model, table = self.laboratory.model("reference"), case.current.validation
        if case.reference is not self.problem.case.reference:
            return None  # A reference that was put right is not what its artifact is.
        if model is None or table is None or self.problem.situation not in ("retraining", "silent"):
            return None
        try:
            asked = self.laboratory.evaluate(model, table)
        except BudgetSpent:
            raise
        except RuleoutError:
            return None
        if not asked.n:
            return None  # No row has its label: on none of them can the two be held against each other.
        found = asked.minus(gap.current)
        return Difference(gap.sign * found.value, math.hypot(found.error, math.sqrt(2) * self.noise))

    def _measured(self, case: Case) -> Gap:
        try:
            found = measure_gap(self.laboratory, case, self.noise, inflated=self.inflated)
        except ModelError:
            return self._unscorable(case)
        if self.problem.figures.get("reported_change") and case.current.metrics is self.problem.case.current.metrics:
            found = replace(found, current=_moved_to(found.current, float(self.problem.figures["reported"]["current"])))
        if not math.isfinite(found.current.value):
            found = replace(found, current=_moved_to(found.current, self._worthless(found.reference)))
        return found

    def _unscorable(self, case: Case) -> Gap:
        """The gap of rows that the model cannot take at all: as bad as was reported, or all that the reference has is lost."""
        table = self.laboratory.evaluation_table(case, "current")
        if table is None or case.reference is None or self.laboratory.evaluation_table(case, "reference") is None:
            raise ModelError("current: no labelled rows that a model could be asked for, so nothing can be measured again.")
        if table.name == "serving" and self.laboratory.stand_in and not self.laboratory.can_fit("current"):
            raise ModelError("current: no artifact that opens, so changed rows of the serving log cannot be answered again.")
        reference = self.laboratory.outcome(case, "reference")
        # An output that is none is worth nothing, whatever number was reported for it.
        said = None if self.problem.kind == "invalid-output" else self.problem.figures.get("reported", {}).get("current")
        value = float(said) if said is not None else self._worthless(reference)
        n = max(table.n_rows, 2)
        return Gap(reference, Evaluation(value, n, "unscorable", psi=np.full(n, value)), self.laboratory.scorer.sign, self.noise)

    def _worthless(self, reference: Evaluation | None) -> float:
        """A metric that is no number, counted as having lost all that the reference has."""
        if reference is None or not math.isfinite(reference.value):
            raise ModelError(
                f"{self.laboratory.scorer.name} is no number on the current rows, and there is no reference to measure the loss by."
            )
        return reference.value - self.laboratory.scorer.sign * abs(reference.value)


def _moved_to(found: Evaluation, value: float) -> Evaluation:
    """The evaluation moved to another value, its rows' scatter kept where it has one."""
    if not math.isfinite(found.value) or found.psi is None:
        return replace(found, value=value, psi=np.full(max(found.n, 2), value), resamples=None)
    return replace(found, value=value, psi=found.psi + (value - found.value))
