"""Whether features tell the labels as well as ever, by another relation: a model taught on half of the rows answers for the other half."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.causes.judgement import Judgement
from ruleout.errors import RuleoutError
from ruleout.problem.problem import Problem

__all__ = ["TaughtAnew", "taught_anew"]

FEWEST_ROWS = 200
N_STRETCHES = 10
SURE = 5.0
"""Standard errors, row by row, by which the new model must be nearer to the labels than the healthy one."""

LEAST_REGAINED = 0.5
"""Part of the rise of the squared error that it must take away."""


class TaughtAnew(NamedTuple):
    """Mean squared errors: of the healthy model here and in health, and of one taught on other rows of this very table."""

    now: float
    before: float
    anew: float
    z: float

    @property
    def regained(self) -> float:
        """The part of the rise that a model of the new relation takes away."""
        return (self.now - self.anew) / (self.now - self.before)


def taught_anew(problem: Problem, judgement: Judgement) -> TaughtAnew | None:
    """A model of the table's own relation, where it takes away half of what a healthy model lost; None where none does, or for classes.

    Where a column stands on other rows, comes late or is worn away, the features tell less, whatever is learned of them. Where the world
    took another relation, they tell what they told.
    """
    case = problem.case
    rows, n = judgement.rows, judgement.rows.n_rows
    if case.task != "regression" or n < FEWEST_ROWS:
        return None
    target = str(case.target)
    truth, healthy = rows.numbers(target), judgement.held_rows.numbers(target)
    now, before = (truth - judgement.answers) ** 2, (healthy - judgement.held_answers) ** 2
    if not now.mean() > before.mean():
        return None
    columns = list(judgement.columns or (*judgement.held.features, target))
    # In stretches: a neighbour in time knows more of a row than the relation does.
    stretches = np.array_split(np.arange(n), N_STRETCHES)
    halves = [np.concatenate(stretches[first::2]) for first in (0, 1)]
    answers = np.zeros(n)
    try:
        for taught, asked in (halves, halves[::-1]):
            model = problem.laboratory.witness(rows.take(taught).select(columns))
            answers[asked] = np.asarray(problem.laboratory.predict(model, rows.take(asked).select(columns)).prediction, dtype=float)
    except RuleoutError:
        return None
    anew = (truth - answers) ** 2
    nearer = now - anew
    z = float(nearer.mean() / max(nearer.std() / np.sqrt(n), 1e-300))
    found = TaughtAnew(float(now.mean()), float(before.mean()), float(anew.mean()), z)
    return found if z >= SURE and found.regained >= LEAST_REGAINED else None
