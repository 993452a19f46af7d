"""Where the change lives: components are swapped between the sides, one at a time and in both directions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruleout.case.case import Side, SideName
from ruleout.causes.page import Component
from ruleout.errors import RuleoutError
from ruleout.examination.gain import explained_ratio
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.metric import Evaluation
from ruleout.problem.parameters import changed_keys, same_value
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference
from ruleout.tables.table import Table

__all__ = ["Swap", "swaps"]


@dataclass(frozen=True)
class Swap:
    """One component taken from the reference into the current side (`back`), and the other way round (`into`).

    `identical` components were not swapped: there is nothing to gain. `ratio` is the log likelihood ratio that the
    component holds part of the change.
    """

    component: Component
    identical: bool = False
    back: Difference | None = None
    into: Difference | None = None
    ratio: float = 0.0
    statement: str = ""
    seconds: float = 0.0


def swaps(problem: Problem) -> Iterator[Swap]:
    """Yield a swap for every component that both sides hold, the cheapest first; what cannot be refitted is left out."""
    case, laboratory = problem.case, problem.laboratory
    if case.reference is None:
        return
    yield from _tables(problem)
    if case.current.validation is None or case.target not in case.current.validation:
        return
    try:
        yield from _refits(problem, laboratory)
    except RuleoutError as error:
        laboratory.reasons["swap"] = str(error)


def _tables(problem: Problem) -> Iterator[Swap]:
    """Validation rows: the reference's model on both tables."""
    case, laboratory = problem.case, problem.laboratory
    reference, current = case.reference or Side(), case.current
    if reference.validation is None or current.validation is None:
        return
    if reference.validation.fingerprint == current.validation.fingerprint:
        yield Swap("validation", identical=True, ratio=-4.0, statement="Both sides were validated on the same rows, byte for byte.")
        return
    started = time.monotonic()
    model = laboratory.model("reference")
    if model is None:
        return
    try:
        one, two = laboratory.evaluate(model, reference.validation), laboratory.evaluate(model, current.validation)
    except RuleoutError as error:
        yield Swap("validation", ratio=3.0, statement=f"The reference's model cannot score the current validation table: {error}", seconds=time.monotonic() - started)
        return
    found = one.minus(two)
    harm = Difference(laboratory.scorer.sign * found.value, found.error)
    statement = f"The reference's model scores {one.value:.4f} on its own validation rows and {two.value:.4f} on the current ones (n = {one.n:,} and {two.n:,})."
    yield Swap("validation", back=harm, ratio=explained_ratio(harm, problem.harm), statement=statement, seconds=time.monotonic() - started)


def _refits(problem: Problem, laboratory: Laboratory) -> Iterator[Swap]:
    case = problem.case
    reference, current = case.reference or Side(), case.current
    if current.train is None or not laboratory.can_fit("current"):
        return
    sign, noise = laboratory.scorer.sign, float(problem.figures.get("training_noise", 0.0))

    judged = current.validation
    assert judged is not None

    def trained(recipe_of: SideName, rows: Table) -> Evaluation:
        """One side's recipe, fitted on some rows, judged on the current validation rows."""
        held = replace(case.side(recipe_of) or Side(), train=rows, model=None)
        return laboratory.evaluate(laboratory.fit(case.with_side(recipe_of, held), recipe_of), judged)

    def gained(better: Evaluation, worse: Evaluation) -> Difference:
        found = better.minus(worse)
        return Difference(sign * found.value, math.hypot(found.error, noise))

    started = time.monotonic()
    control = trained("current", current.train)
    if current.model is not None and laboratory.model("current") is not None:
        artifact = laboratory.outcome(case, "current")
        gain = gained(control, artifact)
        statement = f"Training again on the current rows and configuration gives {control.value:.4f}; the artifact has {artifact.value:.4f} (n = {control.n:,})."
        yield Swap("model", back=gain, ratio=explained_ratio(gain, problem.harm), statement=statement, seconds=time.monotonic() - started)
    other_rows = reference.train is not None and reference.train.fingerprint != current.train.fingerprint
    recipe = _recipe(problem)
    started = time.monotonic()
    if reference.train is None:
        pass
    elif not other_rows:
        yield Swap("train", identical=True, ratio=-4.0, statement="Both sides were trained on the same rows, byte for byte.")
    else:
        back = gained(trained("current", reference.train), control)
        into = None
        if recipe:
            into = gained(trained("reference", reference.train), trained("reference", current.train))
        best = back if into is None or back.z() >= into.z() else into
        statement = f"With the reference's training rows and everything else as it is, {laboratory.scorer.name} goes from {control.value:.4f} to {control.value + sign * back.value:.4f} (gain {back.value:+.4f}, 95 % interval {back.low:+.4f} to {back.high:+.4f}, n = {control.n:,})."
        yield Swap("train", back=back, into=into, ratio=explained_ratio(best, problem.harm), statement=statement, seconds=time.monotonic() - started)
    started = time.monotonic()
    if recipe is None:
        return
    if not recipe:
        yield Swap("config", identical=True, ratio=-4.0, statement="Configuration and estimator parameters are the same on both sides, seeds and names aside.")
        return
    back = gained(trained("reference", current.train), control)
    into = None
    if reference.train is not None and other_rows:
        into = gained(trained("reference", reference.train), trained("current", reference.train))
    best = back if into is None or back.z() >= into.z() else into
    statement = f"With the reference's recipe ({', '.join(sorted(recipe))}) on the current rows, {laboratory.scorer.name} goes from {control.value:.4f} to {control.value + sign * back.value:.4f} (gain {back.value:+.4f}, 95 % interval {back.low:+.4f} to {back.high:+.4f}, n = {control.n:,})."
    component: Component = "config" if changed_keys(reference.config, current.config) else "environment"
    yield Swap(component, back=back, into=into, ratio=explained_ratio(best, problem.harm), statement=statement, seconds=time.monotonic() - started)


def _recipe(problem: Problem) -> dict[str, object] | None:
    """What differs between the sides' recipes: configuration keys, else estimator parameters and steps; None where it cannot be told."""
    case, laboratory = problem.case, problem.laboratory
    reference, current = case.reference or Side(), case.current
    changes: dict[str, object] = dict(changed_keys(reference.config, current.config))
    if changes:
        return changes
    first, second = laboratory.model("reference"), laboratory.model("current")
    if first is None or second is None:
        return {} if reference.config is not None and current.config is not None else None
    one, two = first.describe(), second.describe()
    for name in {**one.parameters, **two.parameters}:
        if name.split("__")[-1] in ("random_state", "n_jobs", "verbose"):
            continue
        if not same_value(one.parameters.get(name), two.parameters.get(name)):
            changes[name] = two.parameters.get(name)
    if one.steps != two.steps or one.estimator != two.estimator:
        changes["steps"] = two.steps
    return changes
