"""In full: what was confirmed by trainings on a sample is measured once more on all training rows, where that can be afforded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruleout.case.case import Case
from ruleout.causes import page
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.examination.agenda import Agenda
from ruleout.examination.counterfactual import Counterfactuals
from ruleout.examination.depth import FAMILY_Z, SMALLEST_SHARE
from ruleout.examination.examination import Confirmed
from ruleout.examination.shares import shapley
from ruleout.problem.plan import Plan, spoken
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["FREE_SECONDS", "InFull", "measured_in_full"]

FREE_SECONDS = 600.0
"""Without a budget of time, trainings on all rows that are estimated to take longer in all are not made."""

TRAININGS = 2
"""The current side as it is, and with everything that was confirmed put right."""


@dataclass(frozen=True)
class InFull:
    """What is confirmed, what is left unexplained, and what is to be said of the rows that it rests on, a sentence or two."""

    confirmed: tuple[Confirmed, ...]
    unexplained: float | None
    note: str = ""


def measured_in_full(
    problem: Problem, agenda: Agenda, confirmed: tuple[Confirmed, ...], unexplained: float | None, step: Callable[..., None]
) -> InFull:
    """Measure confirmed causes once more on all training rows, where the trainings that confirmed them took a sample.

    Where the two contradict each other the larger measure holds: what does not bring the metric back on all rows is no cause.

    Parameters
    ----------
    problem
        The problem, with its laboratory.
    agenda
        Where what all rows contradict is no longer held for confirmed.
    confirmed, unexplained
        As the sample has them.
    step
        Writes a step of the walk down.
    """
    as_it_was = InFull(confirmed, unexplained)
    fits, rows = problem.laboratory.fits, problem.case.current.train
    repaired = _put_right(problem.case, confirmed)
    if repaired is None or rows is None or problem.laboratory.stand_in or problem.laboratory.stood_in:
        return as_it_was
    n = max(rows.n_rows, repaired.current.train.n_rows if repaired.current.train is not None else 0)
    if n <= fits.most_rows or repaired.current.model is not None:
        return as_it_was
    whole = problem.whole.get("current.train")
    said = {"fitted": fits.most_rows, "of": whole.n_rows if whole is not None else n}
    kept = InFull(tuple(replace(c, rows=said) for c in confirmed), unexplained)
    plan = Plan(f"measure what was confirmed once more on all {n:,} training rows", TRAININGS, fits.seconds_of(n))
    sampled = f"Trainings took a sample of {fits.most_rows:,} of {said['of']:,} rows"
    why = _too_much(problem, plan)
    if why:
        return replace(kept, note=f"{sampled}; {why}.")
    fits.plan(plan)
    try:
        return _measured(problem, agenda, confirmed, repaired, step, {**said, "fitted": n})
    except BudgetSpent:
        return replace(kept, note=f"{sampled}; the budget did not last for training on all of them.")
    except RuleoutError as error:
        return replace(kept, note=f"{sampled}; on all of them it could not be measured: {error}")


def _too_much(problem: Problem, plan: Plan) -> str:
    """Why trainings on all rows cannot be afforded; "" where they can."""
    fits = problem.laboratory.fits
    takes = f"{TRAININGS} trainings on all of them would take about {spoken(plan.seconds)}"
    if fits.runs_left < TRAININGS or plan.seconds > fits.left:
        return f"{takes}, for which the budget does not last"
    if fits.budget.seconds is None and plan.seconds > FREE_SECONDS:
        return f"{takes}: grant them with --budget"
    return ""


def _put_right(case: Case, confirmed: tuple[Confirmed, ...]) -> Case | None:
    """The case with everything confirmed put right; None where that is not what confirmed it."""
    if not confirmed or any(c.observed or c.share is None or c.beside is not None for c in confirmed):
        return None
    repaired = case
    for cause in confirmed:
        for finding in cause.findings:
            repaired = page(cause.cause).put_right(repaired, finding) or repaired
    return None if repaired is case or repaired.reference is not case.reference else repaired


def _measured(
    problem: Problem, agenda: Agenda, confirmed: tuple[Confirmed, ...], repaired: Case, step: Callable[..., None], rows: Mapping[str, Any]
) -> InFull:
    laboratory, started = problem.laboratory, time.monotonic()
    measured, sample = Counterfactuals(problem), laboratory.fits.most_rows
    with laboratory.fits.in_full():
        before, after = measured.baseline(problem.case, repaired), measured.gap(repaired)
        gain, rest, harm = before.closed_by(after), measured.remainder(repaired), measured.harm(before)
    holds = gain.z() > FAMILY_Z and gain.value >= SMALLEST_SHARE * harm
    names = " and ".join(c.cause for c in confirmed)
    n, metric = int(rows["fitted"]), laboratory.scorer.name
    step(
        agenda.entries[confirmed[0].cause],
        "intervention",
        intent=f"Does it hold on all {n:,} training rows that {names} did it?",
        action=f"Trained on all of them, as they are and with {'that' if len(confirmed) == 1 else 'those'} put right, and measured again.",
        finding=f"{metric}: {before.current.value:.4f} becomes {after.current.value:.4f} (gain {gain}, n = {after.current.n:,}).",
        reflection=f"It holds: the sample of {sample:,} rows told the truth." if holds else "It does not: the larger measure counts.",
        started=started,
        evidence={
            "gain": gain.value,
            "interval": [gain.low, gain.high],
            "before": before.current.value,
            "after": after.current.value,
            "n": after.current.n,
            "rows": n,
        },
    )
    if not holds:
        return _contradicted(agenda, confirmed, gain, n, sample)
    explained = rest.low <= 0
    found = tuple(replace(c, rows={**rows, "sample": _of_sample(c, sample)}) for c in confirmed)
    note = f"Trainings took a sample of {sample:,} rows; what was confirmed was measured once more on all {n:,}"
    if len(found) == 1:
        share = shapley(1, {frozenset(): before, frozenset({0}): after}, harm, explained=explained)[0]
        was = found[0].share or 0.0
        found = (replace(found[0], share=share.value, interval=(share.low, share.high), restored=after.current.value),)
        note += f", whose figures these are (on the sample the share was {100 * was:.0f} %)."
    else:
        note += f": together they gain {gain}; the share of each is the sample's."
    return InFull(found, 0.0 if explained else rest.value, note)


def _of_sample(cause: Confirmed, n: int) -> dict[str, Any]:
    return {"fitted": n, "share": cause.share, "interval": list(cause.interval) if cause.interval else None, "metric": cause.restored}


def _contradicted(agenda: Agenda, confirmed: tuple[Confirmed, ...], gain: Difference, n: int, sample: int) -> InFull:
    """Nothing is confirmed that all rows do not bear out."""
    for cause in confirmed:
        entry = agenda.entries[cause.cause]
        entry.confirmed = False
        entry.excluded = f"On all {n:,} training rows putting it right gains {gain}: what {sample:,} of them said does not hold."
    names = " and ".join(c.cause for c in confirmed)
    note = (
        f"On a sample of {sample:,} training rows {names} seemed to be the cause; on all {n:,} putting it right gains {gain}, so it is not."
    )
    return InFull((), None, note)
