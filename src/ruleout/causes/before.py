"""A reference that was too good: where a retraining's score fell, looks at leakage are taken at the side that it fell from as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ruleout.case.case import Case, SideName
from ruleout.causes.page import Finding, Look
from ruleout.problem.problem import Problem

__all__ = ["before_it_fell", "by_itself", "mended_reference"]


def before_it_fell(problem: Problem, look: Callable[[Problem], Look], unlike: Callable[[Problem, Problem], bool] | None = None) -> Look:
    """What a look at a score too good finds in the reference and not in the current side: the fall is then to what is honest.

    Parameters
    ----------
    problem
        A fall after a retraining.
    look
        Looks at one side by itself.
    unlike
        Whether the reference (given first) could leak as the current side does not; a cheap question, asked before the look.
    """
    was, now = by_itself(problem, "reference"), by_itself(problem, "current")
    if problem.kind != "degradation" or was is None or now is None:
        return Look((), 0.0, "The reference's rows are not there, or nothing fell from them: no leak of theirs to look for, n = 0 rows.")
    validation = was.case.current.validation
    n = validation.n_rows if validation is not None else 0
    if unlike is not None and not unlike(was, now):
        return Look((), 0.9, f"reference: it has no sign of this leak that the current side has not as well, n = {n:,}.", ("split",))
    seen = look(was)
    if not seen.findings:
        return replace(seen, statement=f"reference: {seen.statement}", covers=("split",))
    shared = {f.place for f in look(now).findings}
    kept = tuple(_of_reference(f) for f in seen.findings if f.place not in shared)
    return Look(kept, seen.power, "" if kept else f"Both sides leak alike, which explains no fall, n = {n:,}.", ("split",))


def by_itself(problem: Problem, side: SideName) -> Problem | None:
    """The problem of one side alone, its score taken for too good; None where it has no rows of training and validation."""
    case, held = problem.case, problem.case.side(side)
    if held is None or held.train is None or held.validation is None:
        return None
    # What was said of the fall is said of the current side.
    alone = replace(case, current=held, reference=None, symptom="")
    score = problem.reference if side == "reference" else problem.current
    laboratory = problem.laboratory if side == "current" else problem.laboratory.of_reference(alone)
    return replace(
        problem, case=alone, laboratory=laboratory, kind="too-good", situation="too-good", reference=None, current=score, harm=score or 0.0
    )


def mended_reference(case: Case, finding: Finding, put_right: Callable[[Case, Finding], Case | None]) -> Case | None:
    """The case whose reference has a leak put right, as `put_right` does it for a side that stands alone."""
    if case.reference is None:
        return None
    mended = put_right(replace(case, current=case.reference, reference=None), replace(finding, side="current"))
    return None if mended is None else case.with_side("reference", mended.current)


def _of_reference(finding: Finding) -> Finding:
    """A finding as one of the reference's: it was too good, so nothing of the current side is charged or cleared with it."""
    said = f"reference: {finding.statement} The current side has it not, so the score that it fell from was not honest."
    return replace(finding, place=f"reference.{finding.place}", component="split", statement=said, side="reference")
