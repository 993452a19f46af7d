"""What the target does along a column: rows that are mixed up, or mean something else, look alike in every column by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.conclusion.conclusion import Conclusion
from ruleout.exhibits.distributions import Distribution
from ruleout.problem.metric import labels_of
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Relation", "relations"]

MOST = 6
N_PARTS = 10
FEWEST_ROWS = 20
"""A part of fewer labelled rows says nothing of the target."""

MOST_ROWS = 200_000
MOST_LEVELS = 8


@dataclass(frozen=True)
class Relation:
    """The target's mean along one column, in both tables.

    Parameters
    ----------
    place, names
        As of the distribution.
    target
        The column that is averaged.
    positive
        The class whose share it is; "" of a number's mean.
    levels
        Categories in the order of their frequency, () of a number.
    at
        For each table the mean of the column in each of its tenths, shape (n_parts,), or the places of the levels.
    values
        For each table the mean of the target there, shape (n_parts,); NaN where there are too few rows.
    """

    place: str
    names: tuple[str, str]
    target: str
    positive: str
    levels: tuple[str, ...]
    at: tuple[np.ndarray, np.ndarray]
    values: tuple[np.ndarray, np.ndarray]


def relations(conclusion: Conclusion, drawn: tuple[Distribution, ...]) -> tuple[Relation, ...]:
    """The columns that a cause or a suspicion names, where both tables bear labels of two classes, or numbers."""
    problem = conclusion.examination.problem
    found = (_relation(problem, entry) for entry in drawn if entry.why in ("cause", "suspect") and not entry.pair.alone)
    return tuple([entry for entry in found if entry is not None][:MOST])


def _relation(problem: Problem, drawn: Distribution) -> Relation | None:
    target, column = problem.case.target, drawn.move.column
    tables = [table if table.n_rows <= MOST_ROWS else table.sample(MOST_ROWS) for table in (drawn.pair.reference, drawn.pair.current)]
    if target is None or column == target or any(table.stored is not None or target not in table or not table.n_rows for table in tables):
        return None
    positive = "" if problem.case.task == "regression" else _positive(problem, tables)
    if positive is None:
        return None
    means = [_target(table, target, positive) for table in tables]
    levels: tuple[str, ...] = ()
    if all(table.kind(column) == "numeric" for table in tables):
        parts = [_tenths(table.numbers(column), mean) for table, mean in zip(tables, means, strict=True)]
    elif positive and all(table.kind(column) == "category" for table in tables):
        levels = _levels(drawn)
        parts = [_by_level(table.texts(column), mean, levels) for table, mean in zip(tables, means, strict=True)]
    else:
        return None
    if not all(np.isfinite(values).any() for _, values in parts):
        return None
    return Relation(drawn.place, drawn.names, target, positive, levels, (parts[0][0], parts[1][0]), (parts[0][1], parts[1][1]))


def _positive(problem: Problem, tables: list[Table]) -> str | None:
    """The positive class of a target with two of them; None of any other target."""
    target = str(problem.case.target)
    known = {label for table in tables for label in labels_of(table.values(target)).tolist() if label is not None}
    if len(known) != 2:
        return None
    given = problem.case.positive
    named = str(labels_of(np.array([given], dtype=object))[0]) if given is not None else ""
    return named if named in known else max(known)


def _target(table: Table, target: str, positive: str) -> np.ndarray:
    """The target as numbers, NaN where it is not known."""
    if not positive:
        return table.numbers(target)
    labels = labels_of(table.values(target)).tolist()
    return np.array([np.nan if label is None else float(label == positive) for label in labels])


def _tenths(column: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(column) & np.isfinite(target)
    column, target = column[known], target[known]
    if len(column) < FEWEST_ROWS:
        return np.array([]), np.array([])
    edges = np.unique(np.quantile(column, np.linspace(0, 1, N_PARTS + 1)))
    part = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, max(len(edges) - 2, 0))
    kept = [rows for rows in (np.flatnonzero(part == at) for at in range(max(len(edges) - 1, 1))) if len(rows) >= FEWEST_ROWS]
    return np.array([column[rows].mean() for rows in kept]), np.array([target[rows].mean() for rows in kept])


def _levels(drawn: Distribution) -> tuple[str, ...]:
    shape = drawn.move.shape(MOST_LEVELS + 1)
    return () if shape is None else tuple(str(name) for name in shape.bins if name is not None)[:MOST_LEVELS]


def _by_level(column: np.ndarray, target: np.ndarray, levels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    values = np.full(len(levels), np.nan)
    for at, level in enumerate(levels):
        rows = (column == level) & np.isfinite(target)
        if rows.sum() >= FEWEST_ROWS:
            values[at] = target[rows].mean()
    return np.arange(len(levels), dtype=float), values
