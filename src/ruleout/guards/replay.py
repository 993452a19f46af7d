"""A check on a production log: its answers are what the artifact gives for the features beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruleout.guards.guard import Verdict
from ruleout.models.model import Model, Prediction
from ruleout.statistics.same_numbers import same_numbers
from ruleout.tables.table import Table

__all__ = ["FOLLOWS", "log_follows"]

FOLLOWS = 0.985
"""A log follows from its features if this share of its answers is given again; the rest is platform and rounding."""


def log_follows(model: Model, table: Table, given: Mapping[str, Any]) -> Verdict:
    """The artifact gives the logged answers again: `table` ("serving"), `positive` (the score's class), `at_least` (0.985) of the rows.

    Every answer that was logged counts, `score` and `prediction`: a threshold that moved leaves the scores as they are.
    """
    held = [c for c in ("score", "prediction") if c in table]
    if not held or not table.n_rows:
        return Verdict(False, f"{table.name}: no logged answers, expected a column score or prediction, n = {table.n_rows:,}.")
    again = model.predict(table.without(held))
    same = np.ones(table.n_rows, dtype=bool)
    for column in held:
        same &= _same(table, column, again, given.get("positive"))
    least = float(given.get("at_least", FOLLOWS))
    said = f"{table.name}: the artifact gives {same.mean():.4f} of the logged answers again, expected at least {least:.4f}"
    return Verdict(bool(same.mean() >= least), f"{said}, n = {table.n_rows:,}.")


def _same(table: Table, column: str, again: Prediction, positive: Any) -> np.ndarray:
    answers = np.asarray(again.prediction)
    if column == "score" and again.score is not None and table.kind("score") == "numeric":
        return same_numbers(_score(again, positive), table.numbers("score"))
    if answers.dtype.kind in "fiu" and table.kind(column) == "numeric":
        return same_numbers(answers.astype(float), table.numbers(column))
    return np.array([_text(a) == _text(b) for a, b in zip(answers.tolist(), table.values(column).tolist(), strict=True)], dtype=bool)


def _score(again: Prediction, positive: Any) -> np.ndarray:
    score = np.asarray(again.score, dtype=float)
    if score.ndim == 1:
        return score
    names = [_text(c) for c in again.classes or ()]
    return np.asarray(score[:, names.index(_text(positive)) if _text(positive) in names else -1])


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
