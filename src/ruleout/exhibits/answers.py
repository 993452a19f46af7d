"""What the model answered, held against what was true: confusion of classes, calibration of scores, numbers against numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.case import SideName
from ruleout.exhibits.pairs import SIDES
from ruleout.models.model import Prediction
from ruleout.problem.metric import labels_of
from ruleout.problem.problem import Problem
from ruleout.problem.replay import logged_answers
from ruleout.tables.table import Table

__all__ = ["Answers", "answers"]

MOST_CLASSES = 6
"""Classes that are shown each by itself; of more the rest counts as one."""

N_BINS = 10
FEWEST_ROWS = 10
"""A bin of fewer rows says nothing of calibration."""

OTHERS = "all others"


@dataclass(frozen=True)
class Answers:
    """One side's answers on its labelled rows.

    Parameters
    ----------
    side, table, n
        Whose they are, on which table, on how many labelled rows.
    classes
        Names of the rows and columns of `confusion`; () of regression.
    confusion
        Shape (n_classes, n_classes), rows the truth, columns the answers; None of regression.
    answered, true
        Calibration: for each bin the mean score (or answered number), and the share that was positive (or the mean true number),
        shape (n_bins,); empty where there are no probabilities.
    n_each
        Rows in each bin.
    positive
        The class that the score is about; "" where it is the probability of whatever class was answered, or of regression.
    """

    side: SideName
    table: str
    n: int
    classes: tuple[str, ...]
    confusion: np.ndarray | None
    answered: np.ndarray
    true: np.ndarray
    n_each: np.ndarray
    positive: str = ""


def answers(problem: Problem) -> tuple[Answers, ...]:
    """Both sides' answers, as far as they were asked for in the walk or are in the log."""
    given: dict[SideName, tuple[Table, Prediction]] = {}
    for side in SIDES:
        table = None if problem.case.side(side) is None or problem.situation == "factors" else _labelled(problem, side)
        answer = None if table is None else _given(problem, side, table)
        if table is not None and answer is not None:
            given[side] = (table, answer)
    if problem.case.task == "regression":
        found = [_numbers(problem, side, *asked) for side, asked in given.items()]
    else:
        labelled = [_labels(problem, *asked)[:2] for asked in given.values()]
        shown, every = _worth(labelled) if labelled else ((), ())
        found = [_classes(problem, side, *asked, shown, every) for side, asked in given.items()]
    return tuple(entry for entry in found if entry.n)


def _labelled(problem: Problem, side: SideName) -> Table | None:
    table = problem.laboratory.evaluation_table(problem.case, side)
    target = problem.case.target
    return table if table is not None and table.stored is None and table.n_rows and target is not None and target in table else None


def _given(problem: Problem, side: SideName, table: Table) -> Prediction | None:
    if table.name == "serving" and {"prediction", "score"} & set(table.columns):
        return logged_answers(problem.case, table)
    return problem.laboratory.answered(side, table)


def _labels(problem: Problem, table: Table, given: Prediction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and answers where both are known, and which rows these are."""
    truth, said = labels_of(table.values(str(problem.case.target))), labels_of(np.asarray(given.prediction))
    known = np.array([t is not None and s is not None for t, s in zip(truth.tolist(), said.tolist(), strict=True)], dtype=bool)
    return truth[known].astype(str), said[known].astype(str), known


def _worth(labelled: list[tuple[np.ndarray, np.ndarray]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes to show, the same for both sides, and all there are: of many those that are confused most often."""
    every = np.unique(np.concatenate([side for pair in labelled for side in pair]))
    if len(every) <= MOST_CLASSES:
        return tuple(every.tolist()), tuple(every.tolist())
    wrong = np.zeros(len(every), dtype=np.int64)
    for truth, said in labelled:
        for labels in (truth[truth != said], said[truth != said]):
            np.add.at(wrong, np.searchsorted(every, labels), 1)
    return tuple(sorted(every[np.argsort(-wrong, kind="stable")[: MOST_CLASSES - 1]].tolist())), tuple(every.tolist())


def _classes(problem: Problem, side: SideName, table: Table, given: Prediction, shown: tuple[str, ...], every: tuple[str, ...]) -> Answers:
    truth, said, known = _labels(problem, table, given)
    if len(shown) < len(every):
        truth_shown, said_shown = (np.where(np.isin(labels, shown), labels, OTHERS) for labels in (truth, said))
        shown = (*shown, OTHERS)
    else:
        truth_shown, said_shown = truth, said
    order = {name: at for at, name in enumerate(shown)}
    confusion = np.zeros((len(order), len(order)), dtype=np.int64)
    np.add.at(confusion, ([order[t] for t in truth_shown.tolist()], [order[s] for s in said_shown.tolist()]), 1)
    scores, positive = _probabilities(problem, given)
    bins = (np.array([]),) * 3
    if scores is not None:
        right = truth == positive if positive else truth == said
        bins = _binned(scores[known], right.astype(float), np.linspace(0, 1, N_BINS + 1))
    return Answers(side, table.name, len(truth), shown, confusion, *bins, positive=positive)


def _numbers(problem: Problem, side: SideName, table: Table, given: Prediction) -> Answers:
    truth, said = table.numbers(str(problem.case.target)), np.asarray(given.prediction, dtype=float)
    known = np.isfinite(truth) & np.isfinite(said)
    truth, said = truth[known], said[known]
    edges = np.unique(np.quantile(said, np.linspace(0, 1, N_BINS + 1))) if said.size else np.array([])
    bins = _binned(said, truth, edges) if len(edges) > 2 else ((np.array([]),) * 3)
    return Answers(side, table.name, len(truth), (), None, *bins)


def _probabilities(problem: Problem, given: Prediction) -> tuple[np.ndarray | None, str]:
    """The score of the positive class, or of the answered one among many; None where scores are no probabilities."""
    if given.score is None:
        return None, ""
    score = np.asarray(given.score, dtype=float)
    classes = [] if given.classes is None else labels_of(np.array(given.classes, dtype=object)).tolist()
    positive = str(classes[-1]) if classes else ""
    if problem.case.positive is not None:
        positive = str(labels_of(np.array([problem.case.positive], dtype=object))[0])
    if score.ndim == 2 and score.shape[1] == 2 and positive in classes:
        score = score[:, classes.index(positive)]
    elif score.ndim == 2:
        score, positive = score.max(axis=1, initial=0.0), ""
    elif not positive or len(classes) > 2:
        return None, ""
    elif 0 < (answered := labels_of(np.asarray(given.prediction)) == positive).sum() < len(answered):
        # A log does not say which class its score is about: the answers do.
        there, elsewhere = (float(np.nanmean(score[rows])) if np.isfinite(score[rows]).any() else 0.0 for rows in (answered, ~answered))
        score = score if there >= elsewhere else 1 - score
    finite = score[np.isfinite(score)]
    return (score, positive) if finite.size and finite.min() >= 0 and finite.max() <= 1 else (None, "")


def _binned(said: np.ndarray, true: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.clip(np.searchsorted(edges, said, side="right") - 1, 0, len(edges) - 2)
    at[~np.isfinite(said)] = -1
    kept = [rows for rows in (np.flatnonzero(at == number) for number in range(len(edges) - 1)) if len(rows) >= FEWEST_ROWS]
    return (
        np.array([said[rows].mean() for rows in kept]),
        np.array([true[rows].mean() for rows in kept]),
        np.array([len(rows) for rows in kept]),
    )
