"""Features that know later rows, and those that can be known beforehand: by the order of time, within each entity where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.calendar import date_parts
from ruleout.statistics.skill import as_outcomes
from ruleout.tables.moments import moments
from ruleout.tables.table import Table

__all__ = ["Foretold", "follows_time", "future_features", "known_beforehand", "later_rows", "split_by_time", "time_column"]

REACH = 4
"""Rows before and after that a feature may have been made of."""
EXPLAINED = 0.97
"""R2 from which on a feature counts as made of the targets around it."""
LAGS = 31
"""Rows before and after whose target a feature may repeat: a month of days."""
REPEATS = 0.97
"""Share of rows in which a feature must repeat that target."""
ROWS = 100_000
LATE = 0.05
"""Share of training rows from after the start of the validation period from which on the split counts as mixed."""
ROWS_A_MINUTE = 8
"""Rows for each minute of the day from which on a column can be said to follow it."""


@dataclass(frozen=True)
class Foretold:
    """A feature that is explained by targets around its row: R2 with the later ones, and with this row's and the earlier ones alone.

    Where `ahead` is not 0 it repeats the target so many rows ahead, and `around` is the share of rows in which it does.
    """

    column: str
    around: float
    before: float
    n: int
    ahead: int = 0


def time_column(case: Case, tables: tuple[Table, ...]) -> str | None:
    """The event-time column: the named one, else the only column of times that all tables have."""
    if case.time is not None:
        return case.time if all(case.time in t for t in tables) else None
    found = [c for c in tables[0].of_kind("time") if all(c in t for t in tables) and c != case.target]
    return found[0] if len(found) == 1 else None


def later_rows(train: np.ndarray, validation: np.ndarray) -> float:
    """The share of training rows, by their times, that are later than the first twentieth of the validation rows."""
    known, start = train[np.isfinite(train)], validation[np.isfinite(validation)]
    if len(known) < 40 or len(start) < 40:
        return 0.0
    return float(np.mean(known > np.quantile(start, 0.05)))


def split_by_time(case: Case) -> bool:
    """Whether validation rows come after the training rows, by the time that both have."""
    train, validation = case.current.train, case.current.validation
    time = time_column(case, (train, validation)) if train is not None and validation is not None else None
    if train is None or validation is None or time is None:
        return False
    return later_rows(moments(train, time), moments(validation, time)) <= LATE


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
    """Numeric features that are made of targets of later rows: of the next row, of a window around it, of one some rows ahead."""
    series = _series(case)
    if series is None:
        return []
    order, outcome, who, time = series
    design, whole = _around(outcome, who)
    found = []
    for column, values in _numeric(case, features, time):
        values = values[order]
        use = whole & np.isfinite(values)
        if use.sum() < 150 or float(values[use].std()) == 0:
            continue
        around, before = _explained(values[use], design[use]), _explained(values[use], design[use][:, : REACH + 1])
        ahead = _repeated(values, outcome, who)
        if around >= EXPLAINED and (1 - before) >= 3 * (1 - around) + 0.01:
            found.append(Foretold(column, around, before, int(use.sum())))
        elif ahead is not None and ahead[0] > REACH:
            found.append(Foretold(column, ahead[1], before, int(use.sum()), ahead[0]))
    return found


def known_beforehand(case: Case, features: tuple[str, ...]) -> tuple[str, ...]:
    """The features that a clock, or rows of the past, tell before their own row happens: parts of the date, targets of earlier rows."""
    train = case.current.train
    known = {c for c in features if train is not None and _calendar(case, c)}
    series = _series(case)
    if series is not None:
        order, outcome, who, time = series
        for column, values in _numeric(case, features, time):
            behind = _repeated(values[order], outcome, who)
            if behind is not None and behind[0] < 0:
                known.add(column)
    return tuple(c for c in features if c in known)


def _series(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, str] | None:
    """The order of all rows by entity and time, their outcomes and entities in that order, the time column; None where there is none."""
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or not 200 <= train.n_rows + validation.n_rows <= ROWS:
        return None
    time = time_column(case, (train, validation))
    if time is None or train.kind(target) != validation.kind(target):
        return None
    when = np.concatenate([moments(train, time), moments(validation, time)])
    who, outcome = _entities(case, (train, validation)), _outcome(case, train, validation)
    if not np.isfinite(when).all() or outcome is None:
        return None
    order = np.lexsort((when, who))
    outcome, who = outcome[order], who[order]
    return (order, outcome, who, time) if _around(outcome, who)[1].sum() >= 150 else None


def _numeric(case: Case, features: tuple[str, ...], time: str) -> Iterator[tuple[str, np.ndarray]]:
    """The numeric features but the time, over training and then validation rows."""
    train, validation = case.current.train, case.current.validation
    assert train is not None and validation is not None
    for column in features:
        if column != time and column in train and column in validation and train.kind(column) == validation.kind(column) == "numeric":
            yield column, np.concatenate([train.numbers(column), validation.numbers(column)])


def _repeated(values: np.ndarray, outcome: np.ndarray, who: np.ndarray) -> tuple[int, float] | None:
    """How many rows ahead (behind: negative) the target stands that a feature repeats, and in what share of rows; None for none.

    A target that changes seldom repeats itself: the row that a feature is a copy of must stand out among its neighbours.
    """
    shares = {}
    for lag in range(1, LAGS + 1):
        same = who[lag:] == who[:-lag]
        for step, mine, theirs in ((lag, values[:-lag], outcome[lag:]), (-lag, values[lag:], outcome[:-lag])):
            use = same & np.isfinite(mine) & np.isfinite(theirs)
            shares[step] = float(np.isclose(mine[use], theirs[use], rtol=1e-6, atol=1e-9).mean()) if use.sum() >= 100 else 0.0
    step = max(shares, key=lambda k: shares[k])
    rest = [share for k, share in shares.items() if k != step]
    return (step, shares[step]) if shares[step] >= REPEATS and max(rest) < 0.9 else None


def _calendar(case: Case, column: str) -> bool:
    """Whether a feature is a part of the row's date: one value for each weekday, month, hour, minute of the day."""
    train = case.current.train
    time = time_column(case, (train,)) if train is not None else None
    if train is None or time is None or column not in train or column == time or train.kind(time) == "numeric":
        return False
    when = moments(train, time)
    known = np.isfinite(when)
    if known.sum() < 200:
        return False
    texts = np.array(["" if v is None else v for v in train.texts(column).tolist()], dtype=str)[known]
    told = np.unique(texts, return_inverse=True)[1]
    minutes = np.floor(when[known] / 60) % 1440
    few = len(np.unique(minutes)) * ROWS_A_MINUTE <= len(minutes)
    # Of events that fall on minutes of their own any column is a function of the minute.
    for part in (*date_parts(when[known]), *([minutes] if few else [])):
        codes = np.unique(part, return_inverse=True)[1]
        pairs = len(np.unique(codes.astype(np.int64) * (told.max() + 1) + told))
        if told.max() >= 1 and pairs == codes.max() + 1:
            return True
    return False


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
