"""What the levels of several columns were read as at once, where each column by itself is hidden by what was done to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ruleout.causes.answers import Answers
from ruleout.causes.changes import texts_changed
from ruleout.statistics.spelling import assign
from ruleout.tables.table import Table

__all__ = ["read_together"]

FEWEST_ROWS = 5
"""Rows of a level from which its part in the answers is told."""


def read_together(answers: Answers, lists: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """For each column the levels that were read as others, by the part that each level has in the answers; empty where that is not told.

    The difference of the logged answers and the artifact's, as log odds for scores, is regressed on the levels of all columns at once
    (additive models; Buja, Hastie, Tibshirani, 1989). What a level adds is held against what every other level would have added in its
    place, and levels are read as those that fit best, one for one. Exact for additive models, a beginning for others.
    """
    table, logged = answers.trial, _linked(answers, answers.numbers[0][answers.rows]) if answers.numbers is not None else None
    plain = _answers(answers, table)
    if logged is None or plain is None:
        return {}
    columns = {c: _present(table, c, levels) for c, levels in lists.items()}
    columns = {c: levels for c, levels in columns.items() if len(levels) >= 2}
    added = _added(table, columns, logged - plain)
    out: dict[str, dict[str, str]] = {}
    for column, present in columns.items():
        values, every = table.texts(column), list(lists[column])
        cost = np.zeros((len(present), len(every)))
        for at, level in enumerate(every):
            made = _answers(answers, texts_changed("", [column], lambda _v, _c, x=level: x).apply(table))  # type: ignore[misc]
            if made is None:
                return {}
            for row, value in enumerate(present):
                cost[row, at] = float(np.mean((made - plain)[values == value]))
        out[column] = _fitted(np.array([added[column, v] for v in present]), cost, present, every)
    return {c: {a: b for a, b in read.items() if a != b} for c, read in out.items() if any(a != b for a, b in read.items())}


def _fitted(added: np.ndarray, would: np.ndarray, present: Sequence[str], every: Sequence[str]) -> dict[str, str]:
    """Levels read as those whose part fits what was added; a constant is free, as it is in the regression."""
    constant, chosen = 0.0, np.zeros(len(present), dtype=int)
    for _ in range(4):
        distance = np.abs(added[:, None] - constant - would)
        rows, places = assign(distance)
        chosen[rows] = places
        constant = float(np.median(added - would[np.arange(len(present)), chosen]))
    return {value: every[chosen[row]] for row, value in enumerate(present)}


def _added(table: Table, columns: Mapping[str, Sequence[str]], difference: np.ndarray) -> dict[tuple[str, str], float]:
    """What each level adds to the difference, all columns at once, shape of a least-squares solution of least norm."""
    names = [(c, v) for c, levels in columns.items() for v in levels]
    design = np.column_stack([np.ones(table.n_rows), *((table.texts(c) == v).astype(float) for c, v in names)])
    solved = np.linalg.lstsq(design, difference, rcond=None)[0]
    return dict(zip(names, solved[1:].tolist(), strict=True))


def _present(table: Table, column: str, levels: Sequence[str]) -> list[str]:
    values = table.texts(column)
    return [v for v in levels if (values == v).sum() >= FEWEST_ROWS]


def _answers(answers: Answers, table: Table) -> np.ndarray | None:
    found = answers.answers_for(table)
    return None if found is None else _linked(answers, found)


def _linked(answers: Answers, numbers: np.ndarray) -> np.ndarray:
    """Scores as log odds, numbers as they are."""
    if answers.case.task == "regression":
        return np.asarray(numbers, dtype=float)
    inside = np.clip(numbers, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))
