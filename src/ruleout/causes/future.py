"""Features that know later rows: found by the order of time, within each entity where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.statistics.skill import as_outcomes
from ruleout.tables.moments import moments
from ruleout.tables.table import Table

__all__ = ["Foretold", "follows_time", "future_features", "time_column"]

REACH = 4
"""Rows before and after that a feature may have been made of."""
EXPLAINED = 0.97
"""R2 from which on a feature counts as made of the targets around it."""
ROWS = 100_000


@dataclass(frozen=True)
class Foretold:
    """A feature that is explained by targets around its row: R2 with the later ones, and with this row's and the earlier ones alone."""

    column: str
    around: float
    before: float
    n: int


def time_column(case: Case, tables: tuple[Table, ...]) -> str | None:
    """The event-time column: the named one, else the only column of times that all tables have."""
    if case.time is not None:
        return case.time if all(case.time in t for t in tables) else None
    found = [c for c in tables[0].of_kind("time") if all(c in t for t in tables) and c != case.target]
    return found[0] if len(found) == 1 else None


def follows_time(case: Case, column: str) -> bool:
    """Whether a numeric column rises or falls with the event time: rank correlation beyond 0.98 (Spearman, 1904) on training rows."""
    train = case.current.train
    time = time_column(case, (train,)) if train is not None else None
    if train is None or time is None or column == time or column not in train or train.kind(column) != "numeric":
        return False
    when, values = moments(train, time), train.numbers(column)
    known = np.isfinite(when) & np.isfinite(values)
    if known.sum() < 20 or len(np.unique(values[known])) < 5:
        return False
    ranks = [np.unique(v[known], return_inverse=True)[1].astype(float) for v in (when, values)]
    return bool(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) > 0.98)


def future_features(case: Case, features: tuple[str, ...]) -> list[Foretold]:
    """Numeric features that are made of targets of later rows: of the next row, of a window around it."""
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or not 200 <= train.n_rows + validation.n_rows <= ROWS:
        return []
    time = time_column(case, (train, validation))
    if time is None or train.kind(target) != validation.kind(target):
        return []
    when = np.concatenate([moments(train, time), moments(validation, time)])
    who = _entities(case, (train, validation))
    if not np.isfinite(when).all():
        return []
    order = np.lexsort((when, who))
    outcome = _outcome(case, train, validation)
    if outcome is None:
        return []
    outcome, who = outcome[order], who[order]
    design, whole = _around(outcome, who)
    if whole.sum() < 150:
        return []
    found = []
    for column in features:
        if column == time or train.kind(column) != "numeric" or validation.kind(column) != "numeric":
            continue
        values = np.concatenate([train.numbers(column), validation.numbers(column)])[order]
        use = whole & np.isfinite(values)
        if use.sum() < 150 or float(values[use].std()) == 0:
            continue
        around, before = _explained(values[use], design[use]), _explained(values[use], design[use][:, : REACH + 1])
        if around >= EXPLAINED and (1 - before) >= 3 * (1 - around) + 0.01:
            found.append(Foretold(column, around, before, int(use.sum())))
    return found


def _outcome(case: Case, train: Table, validation: Table) -> np.ndarray | None:
    target = str(case.target)
    if case.task == "regression":
        return np.concatenate([train.numbers(target), validation.numbers(target)]) if train.kind(target) == "numeric" else None
    texts = np.concatenate([train.texts(target), validation.texts(target)])
    classes = sorted({v for v in texts.tolist() if v is not None})
    return as_outcomes(texts, classes)[:, -1] if len(classes) == 2 else None


def _entities(case: Case, tables: tuple[Table, Table]) -> np.ndarray:
    if case.entity is None or any(case.entity not in t for t in tables):
        return np.zeros(sum(t.n_rows for t in tables), dtype=np.int64)
    texts = np.concatenate([t.texts(case.entity) for t in tables])
    codes: np.ndarray = np.unique(np.array(["" if v is None else v for v in texts.tolist()], dtype=str), return_inverse=True)[1]
    return codes


def _around(outcome: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outcomes from `REACH` rows before to `REACH` after each row, and which rows have them all from the same entity."""
    n, steps = len(outcome), np.arange(-REACH, REACH + 1)
    at = np.arange(n)[:, None] + steps
    inside = (at >= 0) & (at < n)
    at = np.clip(at, 0, n - 1)
    design = outcome[at]
    whole = (inside & (who[at] == who[:, None]) & np.isfinite(design)).all(axis=1)
    return design, whole


def _explained(values: np.ndarray, design: np.ndarray) -> float:
    centred = values - values.mean()
    columns = design - design.mean(axis=0)
    solved = np.linalg.lstsq(columns, centred, rcond=None)[0]
    return 1.0 - float(((centred - columns @ solved) ** 2).sum() / max(float((centred**2).sum()), 1e-300))
