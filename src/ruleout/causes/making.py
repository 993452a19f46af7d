"""Whether an artifact is more, or less, than its rows and settings make: what else made it is the code or the packages."""

from __future__ import annotations

import math

from ruleout.case.case import SideName
from ruleout.causes.scores import without_artifact
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.problem.fits import SAMPLE_ROWS
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["beyond_its_recipe", "short_of_its_recipe"]

SURE = 3.0
"""Standard errors, the noise of training among them, from which an artifact is not what its rows and settings make."""

LEAST_PART = 0.2
"""The part of the change that it must make up."""


def beyond_its_recipe(problem: Problem) -> Difference | None:
    """How much better the reference's artifact is than its own recipe fitted again on its own rows; None where it is not.

    A clone passes through neither the training code nor the packages of the time: what it cannot give again, these gave.
    """
    found = _against_recipe(problem, "reference")
    return found if found is not None and _material(problem, found) else None


def short_of_its_recipe(problem: Problem) -> Difference | None:
    """How much worse the current artifact is than its own recipe fitted again on its own rows; None where it is not."""
    found = _against_recipe(problem, "current")
    if found is None:
        return None
    found = Difference(-found.value, found.error)
    return found if _material(problem, found) else None


def _material(problem: Problem, found: Difference) -> bool:
    return found.z() > SURE and found.value >= LEAST_PART * problem.harm


def _against_recipe(problem: Problem, side: SideName) -> Difference | None:
    """The artifact's score less that of its recipe fitted again, on the current validation rows, counted so that more is better."""
    laboratory, held, rows = problem.laboratory, problem.case.side(side), problem.case.current.validation
    target = problem.case.target
    if held is None or held.train is None or rows is None or target is None or target not in rows or target not in held.train:
        return None
    if held.train.n_rows > SAMPLE_ROWS or laboratory.stand_in:
        return None  # A refit on a sample is worse for want of rows.
    artifact = laboratory.model(side)
    if artifact is None:
        return None
    try:
        again = laboratory.fit(without_artifact(problem.case, side), side)
        found = laboratory.evaluate(artifact, rows).minus(laboratory.evaluate(again, rows))
    except BudgetSpent:
        raise
    except RuleoutError:
        return None
    noise = float(problem.figures.get("training_noise", 0.0))
    return Difference(laboratory.scorer.sign * found.value, math.hypot(found.error, noise))
