"""Rows that err by far more than any healthy one: too few of them for an interval of the mean, and no chance all the same."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case, Side, SideName
from ruleout.errors import RuleoutError
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.replay import logged_answers

__all__ = ["wild_rows"]

FACTOR = 10.0
"""Multiple of the largest healthy error beyond which a row's is wild."""

CHANCE = 1e-3
"""Probability from which so many wild ones are no chance."""


def wild_rows(laboratory: Laboratory, case: Case) -> int:
    """How many rows err by ten times the largest healthy error, where so many are no chance; else 0, as for classes.

    The rows are the requests of a log with answers, else validation's. Of errors with a tail as heavy as that of 1/x (Pareto's with a
    mean that hardly exists), the one that is ten times the largest of m healthy rows belongs to n rows with probability n / (n + 10 m),
    and k of them do with its kth power.
    """
    if case.task != "regression" or case.reference is None or case.target is None:
        return 0
    try:
        was, errs = (_errors(laboratory, case, name) for name in ("reference", "current"))
    except RuleoutError:
        return 0
    if not len(was) or not len(errs):
        return 0
    n_wild = int(np.sum(errs > FACTOR * was.max()))
    return n_wild if (len(errs) / (len(errs) + FACTOR * len(was))) ** n_wild < CHANCE else 0


def _answered(side: Side) -> bool:
    return side.serving is not None and bool({"prediction", "score"} & set(side.serving.columns))


def _errors(laboratory: Laboratory, case: Case, name: SideName) -> np.ndarray:
    """The absolute errors of a side's labelled rows, finite, shape (n,); none where they are not known."""
    side, target, model = case.side(name) or Side(), str(case.target), laboratory.model(name)
    in_production = _answered(case.current)
    table = side.serving if in_production and side.serving is not None else side.validation
    if table is None or target not in table:
        return np.zeros(0)
    if table is side.serving:
        given = logged_answers(case, table).prediction
    elif model is not None:
        given = laboratory.predict(model, table).prediction
    else:
        return np.zeros(0)
    errors = np.abs(table.numbers(target) - np.asarray(given, dtype=float))
    return np.asarray(errors[np.isfinite(errors)])
