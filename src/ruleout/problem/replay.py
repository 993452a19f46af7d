"""Replay: an artifact scores the logged features, and its answers are held against the logged ones, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.errors import CommandError
from ruleout.models.model import Prediction
from ruleout.problem.metric import labels_of
from ruleout.statistics.repeats import row_codes
from ruleout.statistics.same_numbers import same_numbers
from ruleout.tables.table import Table

__all__ = ["Replay", "compare_answers", "drawn_from", "logged_answers"]


@dataclass(frozen=True)
class Replay:
    """Which logged answers an artifact gives again.

    Parameters
    ----------
    same
        True where the replayed answer is the logged one, shape (n_rows,).
    exact
        Answers are numbers, so that being the same by chance is impossible; for bare classes it is not.
    difference
        Replayed less logged number, shape (n_rows,); 0 or 1 for classes that differ.
    """

    same: np.ndarray
    exact: bool
    difference: np.ndarray

    @property
    def n(self) -> int:
        """Number of rows held against each other."""
        return len(self.same)

    @property
    def rate(self) -> float:
        """Share of rows whose answer is reproduced."""
        return float(np.mean(self.same)) if self.n else 0.0


def logged_answers(case: Case, table: Table) -> Prediction:
    """The answers that a serving log holds: `prediction`, or `score` where that is all."""
    score = table.numbers("score") if "score" in table and table.kind("score") == "numeric" else None
    classes: tuple[Any, ...] | None = None
    if case.task == "classification" and score is not None:
        # Labels come late: without them the classes are those that were answered.
        named = next((c for c in (str(case.target), "prediction") if c in table), None)
        labels = sorted({v for v in labels_of(table.values(named)).tolist() if v is not None}) if named else []
        positive = str(case.positive) if case.positive is not None else (labels[-1] if labels else "1")
        classes = (*(label for label in labels if label != positive), positive)
    if "prediction" in table:
        prediction = table.values("prediction") if case.task == "classification" else table.numbers("prediction")
    elif score is not None:
        prediction = (
            score
            if case.task == "regression"
            else np.array([classes[-1] if s >= 0.5 else classes[0] for s in score] if classes else [], dtype=object)
        )
    else:
        raise CommandError(f"{table.origin}: neither a prediction nor a score column.")
    return Prediction(prediction, score, classes)


def drawn_from(table: Table, log: Table) -> bool:
    """Whether every row of `table` is a whole row of `log`, its answers included: rows were drawn, none was changed."""
    if set(table.columns) != set(log.columns) or any(table.kind(c) != log.kind(c) for c in log.columns):
        return False
    mine, known = (row_codes([t.numbers(c) if t.kind(c) == "numeric" else t.texts(c) for c in log.columns]) for t in (table, log))
    return bool(np.isin(mine, known).all())


def compare_answers(case: Case, replayed: Prediction, logged: Prediction) -> Replay:
    """Hold replayed answers against logged ones: by score where both have one, by number in a regression, by class otherwise."""
    if case.task == "regression":
        return _numbers(np.asarray(replayed.prediction, dtype=float), np.asarray(logged.prediction, dtype=float))
    score = positive_score(case, replayed)
    if score is not None and logged.score is not None and logged.score.ndim == 1:
        found = _numbers(score, np.asarray(logged.score, dtype=float))
        if found.rate < 0.5 and replayed.score is not None and replayed.score.ndim == 2:
            # Nobody says of which class the logged score is the probability: the other one counts where it fits better.
            turned = _numbers(1.0 - score, np.asarray(logged.score, dtype=float))
            return turned if turned.rate > found.rate else found
        return found
    same = labels_of(np.asarray(replayed.prediction)) == labels_of(np.asarray(logged.prediction))
    return Replay(np.asarray(same, dtype=bool), False, (~np.asarray(same, dtype=bool)).astype(float))


def positive_score(case: Case, answer: Prediction) -> np.ndarray | None:
    """The positive class's score, shape (n_rows,); None for more than two classes or where there is no score."""
    if answer.score is None:
        return None
    if answer.score.ndim == 1:
        return np.asarray(answer.score, dtype=float)
    if answer.score.shape[1] != 2 or answer.classes is None:
        return None
    labels = labels_of(np.array(list(answer.classes), dtype=object)).tolist()
    wanted = str(labels_of(np.array([case.positive], dtype=object))[0]) if case.positive is not None else max(labels)
    return np.asarray(answer.score[:, labels.index(wanted) if wanted in labels else 1], dtype=float)


def _numbers(replayed: np.ndarray, logged: np.ndarray) -> Replay:
    return Replay(same_numbers(replayed, logged), True, np.nan_to_num(replayed - logged))
