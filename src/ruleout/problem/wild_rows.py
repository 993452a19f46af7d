"""Requests that err by far more than any healthy row: too few of them for an interval of the mean, and no chance all the same."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case
from ruleout.errors import RuleoutError
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.replay import logged_answers

__all__ = ["wild_rows"]

FACTOR = 10.0
"""Multiple of the largest healthy error beyond which a request's is wild."""

CHANCE = 1e-3
"""Probability from which so many wild ones are no chance."""


def wild_rows(laboratory: Laboratory, case: Case) -> int:
    """How many requests err by ten times the largest healthy error, where so many are no chance; else 0, as for classes.

    Of errors with a tail as heavy as that of 1/x (Pareto's with a mean that hardly exists), the one that is ten times the largest of m
    healthy rows belongs to n requests with probability n / (n + 10 m), and k of them do with its kth power.
    """
    reference, log, target = case.reference, case.current.serving, case.target
    if case.task != "regression" or reference is None or log is None or target is None or target not in log:
        return 0
    healthy, model = reference.serving or reference.validation, laboratory.model("reference")
    if healthy is None or target not in healthy:
        return 0
    try:
        if reference.serving is not None:
            before = logged_answers(case, healthy).prediction
        elif model is not None:
            before = laboratory.predict(model, healthy).prediction
        else:
            return 0
        now = logged_answers(case, log).prediction
    except RuleoutError:
        return 0
    was, errs = (np.abs(t.numbers(target) - np.asarray(p, dtype=float)) for t, p in ((healthy, before), (log, now)))
    was, errs = was[np.isfinite(was)], errs[np.isfinite(errs)]
    if not len(was) or not len(errs):
        return 0
    n_wild = int(np.sum(errs > FACTOR * was.max()))
    return n_wild if (len(errs) / (len(errs) + FACTOR * len(was))) ** n_wild < CHANCE else 0
