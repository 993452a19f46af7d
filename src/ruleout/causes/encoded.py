"""Features that are the target's mean over groups of rows, and the rows that the mean was taken over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import put_values
from ruleout.statistics.skill import as_outcomes
from ruleout.statistics.target_means import MIXED, Level, departure, levels_told, smoothed_means
from ruleout.tables.table import Table

__all__ = ["Encoded", "Levelled", "encoded_features", "known_then", "levelled_features"]

EXACT = 2e-3
"""A column this close to the outcome's means, in standard deviations, is them: what is left is rounding."""

ROWS = 200_000
CLASSES = 12
CELLS = 5_000

OTHER_TIMES = 0.5
"""Standard deviations of the outcome by which its mean over rows that are not at hand may be another."""
LEVEL, SLOPE, HELD_OUT, LEFT = 0.9, (0.85, 1.15), (0.7, 2.0), 0.6
"""R2, slope, and a held-out row's weight of a column that is the mean over more rows than the tables hold; and what training alone leaves
unexplained of it must shrink to this part once held-out rows are counted."""

NO_DRIVER = 4.0
"""How many times less than of what drives the target its means must leave unexplained, if a column was surely made of them."""


@dataclass(frozen=True)
class Levelled:
    """A feature that is the target's level of each of the `cells`, taken over held-out rows too, and over others not at hand."""

    column: str
    cells: str
    level: Level
    outcome: str | None

    @property
    def sure(self) -> bool:
        """Whether it was made of these rows for sure: nothing that drives the target goes with its means so closely."""
        return self.level.beyond_a_driver >= NO_DRIVER

    @property
    def repair(self) -> dict[str, str | None]:
        """What `known_then` needs; where the column may drive the target, its name alone."""
        return {"column": self.column, **({"cells": self.cells, "outcome": self.outcome} if self.sure else {})}


@dataclass(frozen=True)
class Encoded:
    """A feature that is the target's mean over training and validation rows together.

    `together` and `alone` are its distances from the means over both tables and over training alone, in standard deviations; `cells`
    is the column whose levels were averaged, where the tables hold it; `outcome` the class whose share it is, None for numbers.
    """

    column: str
    together: float
    alone: float
    cells: str | None
    outcome: str | None
    n: int


def encoded_features(case: Case, features: tuple[str, ...]) -> list[Encoded]:
    """The features of the current side that are the target's mean over rows that training must not know."""
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or train.n_rows + validation.n_rows > ROWS:
        return []
    outcomes = _outcomes(case, train, validation, target)
    if outcomes is None:
        return []
    in_training = np.arange(train.n_rows + validation.n_rows) < train.n_rows
    found = []
    for column in features:
        if train.kind(column) != "numeric" or validation.kind(column) != "numeric":
            continue
        values = np.concatenate([train.numbers(column), validation.numbers(column)])
        if len(np.unique(values[np.isfinite(values)])) < 3:
            continue
        for name, outcome in outcomes:
            # Most columns are not in the outcome's range or not near its mean, and go at once.
            if not _could_be_mean(values, outcome):
                continue
            together, mixed = departure(values, outcome)
            alone = departure(values[in_training], outcome[in_training])[0]
            if together <= EXACT and mixed >= MIXED and alone > 5 * together + EXACT:
                found.append(Encoded(column, together, alone, _cells(case, train, validation, column, values), name, len(values)))
                break
            smoothed = _smoothed(case, (train, validation), column, values, outcome, in_training)
            if smoothed is not None:
                cells, over_both, over_training = smoothed
                found.append(Encoded(column, over_both, over_training, cells, name, len(values)))
                break
    return found


def levelled_features(case: Case, features: tuple[str, ...]) -> list[Levelled]:
    """The features that are the target's mean by some column's levels over held-out rows as well as training's, but not over these alone.

    Such a mean cannot be met exactly where it was taken over rows that the tables do not hold: earlier and later years.
    """
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or train.n_rows + validation.n_rows > ROWS:
        return []
    in_training = np.arange(train.n_rows + validation.n_rows) < train.n_rows
    found = []
    for column in features:
        if train.kind(column) != "numeric" or validation.kind(column) != "numeric":
            continue
        values = np.concatenate([train.numbers(column), validation.numbers(column)])
        for name, outcome in _outcomes(case, train, validation, target) or ():
            if not _could_be_mean(values, outcome, OTHER_TIMES):
                continue
            for cells in _candidates(case, (train, validation), column):
                codes = _category_codes((train, validation), cells)
                level = None if codes is None else levels_told(values, codes, outcome, in_training)
                if level is not None and _over_all(level):
                    found.append(Levelled(column, cells, level, name))
                    break
            if found and found[-1].column == column:
                break
    return found


def known_then(case: Case, column: str, cells: str, outcome: str | None) -> Case | None:
    """The validation rows with the column as it was known when they came: the target's mean over the training rows of their cell.

    Training rows, and with them the artifact, stay as they are: it had learned to trust the column, and is judged by what it would have
    been given.
    """
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or any(cells not in t or column not in t for t in (train, validation)):
        return None
    truth = train.numbers(target) if outcome is None else (train.texts(target) == outcome).astype(np.float64)
    known = np.isfinite(truth)
    overall, total, count = float(truth[known].mean()), dict[object, float](), dict[object, int]()
    for level, y in zip(train.texts(cells)[known].tolist(), truth[known].tolist(), strict=True):
        total[level], count[level] = total.get(level, 0.0) + y, count.get(level, 0) + 1
    values = [total[v] / count[v] if v in count else overall for v in validation.texts(cells).tolist()]
    return case.with_table("current", "validation", put_values(validation, column, np.array(values)))


def _over_all(level: Level) -> bool:
    told = level.together >= LEVEL and SLOPE[0] <= level.slope <= SLOPE[1]
    return told and HELD_OUT[0] <= level.held_out <= HELD_OUT[1] and 1 - level.together <= LEFT * (1 - level.alone)


def _outcomes(case: Case, train: Table, validation: Table, target: str) -> list[tuple[str | None, np.ndarray]] | None:
    if case.task == "regression":
        if train.kind(target) != "numeric" or validation.kind(target) != "numeric":
            return None
        return [(None, np.concatenate([train.numbers(target), validation.numbers(target)]))]
    texts = np.concatenate([train.texts(target), validation.texts(target)])
    classes = sorted({v for v in texts.tolist() if v is not None})
    if not 2 <= len(classes) <= CLASSES:
        return None
    coded = as_outcomes(texts, classes)
    return [(c, coded[:, k]) for k, c in enumerate(classes)]


def _could_be_mean(values: np.ndarray, outcome: np.ndarray, off: float = 0.15) -> bool:
    known, true = values[np.isfinite(values)], outcome[np.isfinite(outcome)]
    if not len(known) or not len(true):
        return False
    inside = true.min() - 1e-9 <= known.min() and known.max() <= true.max() + 1e-9
    return bool(inside and abs(known.mean() - true.mean()) < off * true.std())


def _category_codes(tables: tuple[Table, Table], column: str) -> np.ndarray | None:
    train, validation = tables
    if train.kind(column) not in ("category", "numeric") or train.kind(column) != validation.kind(column):
        return None
    texts = np.concatenate([train.texts(column), validation.texts(column)])
    codes = np.unique(np.array(["" if v is None else v for v in texts.tolist()], dtype=str), return_inverse=True)[1]
    return codes if 4 <= codes.max() + 1 <= min(CELLS, len(codes) // 2) else None


def _candidates(case: Case, tables: tuple[Table, Table], column: str) -> list[str]:
    """Columns whose levels a mean may have been taken over, features or not."""
    return [
        c
        for c in tables[0].columns
        if c in tables[1] and c not in (column, case.target, case.key) and tables[0].kind(c) in ("category", "numeric")
    ]


def _smoothed(
    case: Case, tables: tuple[Table, Table], column: str, values: np.ndarray, outcome: np.ndarray, in_training: np.ndarray
) -> tuple[str, float, float] | None:
    for cells in _candidates(case, tables, column):
        codes = _category_codes(tables, cells)
        if codes is None:
            continue
        both = smoothed_means(values, codes, outcome, np.ones(len(values), dtype=bool))
        if both is None or both.error > EXACT:
            continue
        training = smoothed_means(values, codes, outcome, in_training)
        if training is None or training.error > 5 * both.error + EXACT:
            return cells, both.error, training.error if training is not None else float("inf")
    return None


def _cells(case: Case, train: Table, validation: Table, column: str, values: np.ndarray) -> str | None:
    """The column that a feature is constant over the levels of, if there is one."""
    for cells in _candidates(case, (train, validation), column):
        codes = _category_codes((train, validation), cells)
        if codes is None:
            continue
        size = np.bincount(codes)
        mean = np.bincount(codes, weights=np.nan_to_num(values)) / np.maximum(size, 1)
        if float(np.max(np.abs(np.nan_to_num(values) - mean[codes]))) <= 1e-6:
            return cells
    return None
