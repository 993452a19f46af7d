"""What two machines answered to the same requests, where the features are the same in both logs and the artifact says neither."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import answers_of
from ruleout.causes.beside import Beside, beside
from ruleout.errors import RuleoutError
from ruleout.models.model import Prediction
from ruleout.problem.problem import Problem
from ruleout.problem.replay import Replay, compare_answers, logged_answers
from ruleout.problem.state import ALIKE

__all__ = ["Elsewhere", "answered_as_there", "answered_elsewhere"]


class Elsewhere(NamedTuple):
    """The answers of both logs to the same features, row by row.

    `follows_there` says whether the artifact gives the reference's logged answers again: then what is done to them here is not done there,
    and where it does not, a step stands between artifact and answer on both machines.
    """

    rows: Beside
    theirs: Prediction
    ours: Prediction
    between: Replay
    follows_there: bool

    @property
    def column(self) -> str:
        """The column of the answers that are numbers, else of the classes."""
        numbers = self.theirs.score is not None and self.ours.score is not None and self.rows.case.task != "regression"
        return "score" if numbers else "prediction"

    @property
    def numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Theirs and ours as numbers, shape (n_rows,) each; None for bare classes."""
        if self.rows.case.task == "regression":
            return np.asarray(self.theirs.prediction, dtype=float), np.asarray(self.ours.prediction, dtype=float)
        if self.theirs.score is None or self.ours.score is None or self.theirs.score.ndim != 1 or self.ours.score.ndim != 1:
            return None
        return np.asarray(self.theirs.score, dtype=float), np.asarray(self.ours.score, dtype=float)


def answered_elsewhere(problem: Problem) -> Elsewhere | None:
    """Both machines' answers, where every feature is the same in both logs and the answers are not; None where that is not so."""
    rows = beside(problem.case) if problem.situation == "environment" else None
    if rows is None or rows.unlike:
        return None
    try:
        theirs, ours = (logged_answers(problem.case, table) for table in (rows.reference, rows.current))
        between = compare_answers(problem.case, ours, theirs)
    except RuleoutError:
        return None
    if between.rate >= ALIKE:
        return None
    there = answers_of(problem, "reference")
    return Elsewhere(rows, theirs, ours, between, there is not None and there.follow)


def answered_as_there(case: Case) -> Case | None:
    """The case in which the current machine answered what the reference's did to the same features; None where its rows are others."""
    found = beside(case)
    if found is None or found.unlike:
        return None
    return case.with_side("current", replace(case.current, serving=found.reference))
