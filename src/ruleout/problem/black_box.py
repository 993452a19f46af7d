"""Restate the problem of a case that names its differences: both sides are measured by the case's own command, a few times each."""

from __future__ import annotations

from dataclasses import replace

from ruleout.case.case import Case, Side
from ruleout.factors.black_box import BlackBox
from ruleout.factors.search import ROUND
from ruleout.problem.fits import Fits
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.plan import Plan
from ruleout.problem.problem import Problem

__all__ = ["box_of", "is_black_box", "restated", "state_factors"]


def is_black_box(case: Case) -> bool:
    """Whether the case is investigated by its factors: they are named, and they may be run or are all that there is."""
    tables = (case.current.train, case.current.validation, case.current.serving, case.current.history, case.current.model)
    return bool(case.factors) and (case.trusted or all(held is None for held in tables))


def state_factors(case: Case, *, seed: int = 0, fits: Fits | None = None) -> Problem:
    """Say the problem back: the metric of both sides, measured by `[run] measure`, and what telling the factors apart will cost.

    The two sides hold their factors' values as their configuration, unless they have one, so that guards can hold on to them.
    """
    values = [{name: pair[side] for name, pair in case.factors.items()} for side in (0, 1)]
    reference, current = case.reference or Side(), case.current
    case = replace(
        case,
        metric=case.metric or "metric",
        reference=reference if reference.config is not None else replace(reference, config=values[0]),
        current=current if current.config is not None else replace(current, config=values[1]),
    )
    fits = fits or Fits(seed=seed)
    laboratory = Laboratory(case, seed=seed, fits=fits)
    n = len(case.factors)
    if not case.trusted:
        statement = (
            f"{n} factors differ between the sides; which of them changed {case.metric} can be told by running the case's command alone, "
            "and nothing of a case runs without --trust."
        )
        return Problem(case, laboratory, "degradation", statement, metric=case.metric, situation="factors")
    box = BlackBox(case, seed=seed, budget=fits.budget, store=fits.store, workers=fits.workers)
    before = box.plan()
    while len(box.search.runs) < box.search.corner_runs and box.turn() is not None:
        if not fits.plans:
            left = before.likely - len(box.search.runs)
            fits.plan(Plan(f"tell {n} factors apart", left, box.bench.seconds, kind="run", told_by="as the first ones took"))
    problem = Problem(case, laboratory, "none", "", metric=case.metric, situation="factors", figures={"black_box": box})
    problem = restated(problem)
    plan, each, at_once = box.plan(), box.bench.seconds, min(box.bench.workers.n, ROUND)
    left = max(plan.likely - len(box.search.runs), 0)
    cost = (
        f"Telling {n} factors apart takes {before.fewest} to {before.most} runs, at this noise about {plan.likely}; "
        f"a run takes {each:.2g} s, so about {left * each / at_once:.2g} s more{f', {at_once} at a time' if at_once > 1 else ''}."
    )
    return replace(problem, statement=f"{problem.statement} {cost}")


def restated(problem: Problem) -> Problem:
    """The problem with what all runs until now say of both sides."""
    box = box_of(problem)
    if box is None or not all(len(side) for side in box.search.sides()):
        return problem
    metric = problem.case.metric
    before, after = box.side_means()
    change, (low, high) = box.change()
    worse = -change * box.sign
    least = box.search.least()
    real = (low > 0 or high < 0) and worse >= least / 2
    n, m = (len(side) for side in box.search.sides())
    noise, freedom = box.search.noise
    said = (
        f"{metric} went from {before:.4g} to {after:.4g} ({n} and {m} runs; noise of one run {noise:.2g}, {freedom} degrees of freedom): "
        + ("worse" if worse > 0 else "better" if worse < 0 else "no change")
        + f" by {abs(change):.4g} (95 % interval {low:+.4g} to {high:+.4g})"
    )
    if real:
        said += ", beyond noise."
    else:
        said += f"; from {least / 2:.2g} on it would matter. A harm may still be hidden by a gain, so the factors are tried."
    return replace(
        problem,
        kind="degradation" if real else "none",
        statement=said,
        reference=before,
        current=after,
        change=change,
        interval=(low, high),
        significant=real,
        harm=max(worse, 0.0),
        noise=least,
    )


def box_of(problem: Problem) -> BlackBox | None:
    """The problem's black box; None where it has none, or it may not be run."""
    found = problem.figures.get("black_box")
    return found if isinstance(found, BlackBox) else None
