"""The column that a score rests on, where those who report it know that it does not hold: what the score is without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.doubt import doubt
from ruleout.case.words import AFTERWARDS
from ruleout.causes.leaks import Judged, blanked
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Resting", "computed", "resting_on"]

ASKED = 3
"""Columns without which the model is trained again."""
PROBED = 1_500
"""Validation rows on which columns are shuffled."""
GROWS = 3.0
"""The error without the column is at least this many times the error with it."""
TOGETHER = 0.6
"""A column whose loss costs this part of the greatest loss is needed as much."""
MET = 0.25
"""The score without the column is the one told of elsewhere if it is off by at most this part of the fall, or by 0.03."""
NAMED, LEVEL, STEEP, LITTLE = 0.7, 2.2, 0.5, 0.3
"""Log likelihood ratios of a telling name, of a level that is met, of an error that grows fivefold, and of one that grows less."""


@dataclass(frozen=True)
class Resting:
    """Columns that the score rests on: the score, what it is without them, and the level told of elsewhere if that is what it is then.

    `beside` are columns that it needs as much and that look given rather than computed; `growth` is of the error.
    """

    columns: tuple[str, ...]
    beside: tuple[str, ...]
    score: float
    without: float
    level: float | None
    growth: float
    evidence: float


def resting_on(problem: Problem, rows: Judged, columns: tuple[str, ...]) -> Resting | None:
    """The column of `columns` that the score rests on, where the symptom knows that it does not hold; None where none stands out."""
    case, laboratory = problem.case, problem.laboratory
    told = doubt(case, problem.current)
    if not told.claims or len(rows.features) < 3:
        return None
    falls, without = dict[str, float](), dict[str, float]()
    try:
        now = laboratory.outcome(case, "current")
        for column in _most_needed(problem, rows, columns):
            taken = blanked(case, [column])
            if taken is None:
                continue
            there = laboratory.outcome(taken, "current")
            falls[column], without[column] = laboratory.scorer.sign * now.minus(there).value, there.value
    except BudgetSpent:
        raise
    except RuleoutError:
        return None
    greatest = max(falls.values(), default=0.0)
    needed = [c for c, fall in falls.items() if fall >= TOGETHER * greatest > 0]
    if not needed:
        return None
    given = computed(rows.train, needed)
    best = max(given, key=lambda c: (falls[c], c))
    met = told.level is not None and abs(without[best] - told.level) <= max(0.03, MET * (now.value - told.level))
    growth = _growth(problem, rows, best, now.value, without[best])
    named = any(AFTERWARDS.search(c) for c in given) or any(c in problem.figures.get("added", ()) for c in given)
    if growth < GROWS or not (met or (named and len(needed) == 1)):
        return None
    evidence = 0.5 + (NAMED if named else 0.0) + (LEVEL if met else 0.0) + (STEEP if growth >= 5.0 else LITTLE)
    beside = tuple(c for c in needed if c not in given)
    return Resting(tuple(given), beside, now.value, without[best], told.level if met else None, growth, evidence)


def _growth(problem: Problem, rows: Judged, column: str, score: float, without: float) -> float:
    """How many times larger the error is without a column: by the metric where its best is 1, else by the skill of ruleout's trees."""
    if problem.laboratory.scorer.sign > 0 and score <= 1.0:
        return (1 - without) / max(1 - score, 0.004)
    rest = rows.skill([c for c in rows.features if c != column])
    return (1 - rest) / max(1 - rows.skill(rows.features), 0.004)


def _most_needed(problem: Problem, rows: Judged, columns: tuple[str, ...]) -> list[str]:
    """The columns whose shuffling costs the artifact most (Breiman, 2001); ruleout's own trees where no artifact opens."""
    laboratory, model = problem.laboratory, problem.laboratory.model("current")
    if model is None:
        lost = rows.importance(rows.features, columns)
    else:
        table, rng, lost = rows.validation.sample(PROBED), np.random.default_rng(0), {}
        whole = laboratory.metric(model, table)
        for column in columns:
            shuffled = table.with_column(column, table.take(rng.permutation(table.n_rows)).arrow.column(column))
            lost[column] = laboratory.scorer.sign * (whole - laboratory.metric(model, shuffled))
    return sorted(lost, key=lambda c: (-lost[c], c))[:ASKED]


def computed(train: Table, columns: list[str]) -> list[str]:
    """Of columns that are needed alike, the one that looks computed: what is entered by hand is round, a result is not."""
    if len(columns) < 2 or any(train.kind(c) != "numeric" for c in columns):
        return columns
    digits = {c: _digits(train.numbers(c)) for c in columns}
    finest = [c for c in columns if digits[c] == max(digits.values())]
    return finest if len(finest) == 1 else columns


def _digits(values: np.ndarray) -> int:
    """Decimal places that most values need, up to 6."""
    known = values[np.isfinite(values)]
    return next((d for d in range(6) if len(known) and np.mean(np.isclose(known, np.round(known, d), rtol=0, atol=1e-9)) > 0.5), 6)
