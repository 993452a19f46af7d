"""A score that rose at once after a retraining: it is not a fall that is to be explained, but whether the rise is honest."""

from __future__ import annotations

from dataclasses import replace

from ruleout.case.case import Case
from ruleout.case.doubt import doubt
from ruleout.problem.problem import Problem

__all__ = ["before_it_rose", "rose_at_once"]

HALVED = 0.5
"""What is lacking to a perfect score became at most this part of what it was."""
LEAST = 0.1


def rose_at_once(case: Case, reference: float | None, current: float | None, sign: float) -> bool:
    """Whether the current side's score is far above the reference's and the symptom says that it rose, or that it does not hold.

    Parameters
    ----------
    reference, current
        The metric of both sides, None where unknown; only scores whose best is 1 are judged.
    sign
        1 where more is better.
    """
    if reference is None or current is None or sign < 0 or not (reference <= 1.0 and current <= 1.0):
        return False
    if current - reference < LEAST or 1.0 - current > HALVED * (1.0 - reference):
        return False
    side = case.current
    return side.train is not None and side.validation is not None and doubt(case, current).claims


def before_it_rose(problem: Problem, case: Case, reference: float) -> Problem:
    """The problem of the current side alone, told what the reference's score was and which columns it had not."""
    was, now = case.reference.train if case.reference is not None else None, case.current.train
    added = [] if was is None or now is None else [c for c in now.columns if c not in was]
    new = f" New since: {', '.join(added[:5])}{' and others' if len(added) > 5 else ''}." if added else ""
    statement = f"{problem.statement} It was {reference:.4g} before.{new}"
    return replace(problem, statement=statement, figures={**problem.figures, "added": added, "before": reference})
