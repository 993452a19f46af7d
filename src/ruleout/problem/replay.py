"""Replay: an artifact scores the logged features, and its answers are held against the logged ones, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.models.model import Prediction
from ruleout.problem.metric import labels_of

__all__ = ["Replay", "compare_answers"]

ROUNDING = 1e-5
"""Logged scores are often rounded to six digits, and other machines differ in the last ones."""


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
    spread = float(np.nanstd(logged)) if np.isfinite(logged).any() else 1.0
    difference = replayed - logged
    both_missing = np.isnan(replayed) & np.isnan(logged)
    same = (np.abs(difference) <= ROUNDING * max(spread, 1e-12) + ROUNDING * np.abs(logged)) | both_missing
    return Replay(np.asarray(same, dtype=bool), True, np.nan_to_num(difference))
