"""Training curves as they are drawn: those that belong together in one panel, both runs over each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.exhibits.pairs import SIDES
from ruleout.problem.curves import columns_of, is_loss
from ruleout.tables.table import Table

__all__ = ["Line", "Panel", "panels"]

MOST_PANELS = 8
MOST_POINTS = 300
"""A longer curve is drawn by the lowest and the highest value of each stretch."""

CLOCKS = ("epoch", "step", "global_step", "iteration", "iter", "round", "batch")
LOG_FROM = 100.0
"""A positive curve whose largest value is so many times its smallest is drawn on a logarithmic scale."""


@dataclass(frozen=True)
class Line:
    """One curve: `x` and `y` of shape (n,), finite; `lost` is where it first was no number, None where it always is one."""

    name: str
    side: SideName
    x: np.ndarray
    y: np.ndarray
    lost: float | None = None
    second: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves on one pair of axes, `x` the same for all panels; `second` lines are the training rows' where the first are held-out ones'."""

    title: str
    axis: str
    lines: tuple[Line, ...]
    x: tuple[float, float]
    log: bool = False


def panels(case: Case) -> tuple[Panel, ...]:
    """The panels of a case's histories, loss and score first."""
    histories = {side: held.history for side in SIDES if (held := case.side(side)) is not None and held.history is not None}
    groups: dict[str, list[str]] = {}
    for history in histories.values():
        for title, columns in _groups(history):
            known = groups.setdefault(title, [])
            known += [column for column in columns if column not in known]
    counted = np.concatenate([_counted(history) for history in histories.values()] or [np.array([])])
    ends = (float(counted.min()), float(counted.max())) if counted.size else (0.0, 1.0)
    axis = next((_clock(history) for history in histories.values()), "") or "record"
    found = []
    for title, columns in groups.items():
        lines = [
            line
            for side, history in histories.items()
            for at, column in enumerate(columns)
            if column in history and (line := _line(history, column, side, second=at > 0)) is not None
        ]
        if lines:
            found.append(Panel(title, axis, tuple(lines), ends, _wide(lines)))
    return tuple(found[:MOST_PANELS])


def _groups(history: Table) -> list[tuple[str, list[str]]]:
    """The columns of a history, validation's beside training's."""
    roles = columns_of(history)
    together = [("loss", [roles.held, roles.train]), ("score", [roles.held_score, roles.train_score])]
    found = [(title, [column for column in columns if column]) for title, columns in together]
    found = [(" and ".join(columns), columns) for _, columns in found if columns]
    told = {column for _, columns in found for column in columns} | {_clock(history)}
    first = [column for column in (roles.rate, roles.norm, roles.dead) if column and column not in told]
    rest = [c for c in history.columns if c not in told and c not in first and c.casefold() not in CLOCKS and history.kind(c) == "numeric"]
    return found + [(column, [column]) for column in (*first, *sorted(rest, key=lambda c: not is_loss(c)))]


def _clock(history: Table) -> str:
    """The column that counts epochs or steps; "" where rows themselves are counted."""
    for name in CLOCKS:
        for column in history.columns:
            if column.casefold() == name and history.kind(column) == "numeric":
                counted = history.numbers(column)
                if len(counted) and np.isfinite(counted).all() and (np.diff(counted) > 0).all():
                    return column
    return ""


def _counted(history: Table) -> np.ndarray:
    name = _clock(history)
    return history.numbers(name) if name else np.arange(1, history.n_rows + 1, dtype=float)


def _line(history: Table, column: str, side: SideName, *, second: bool) -> Line | None:
    y = history.numbers(column)
    x = _counted(history)
    finite = np.isfinite(y)
    if not finite.any():
        return Line(column, side, np.array([]), np.array([]), float(x[0]) if len(x) else None, second)
    # Empty cells before, between and behind are epochs that were not evaluated; what ends in no number was lost.
    last = int(np.flatnonzero(finite)[-1])
    text_lost = np.isinf(y) | (np.isnan(y) & ~_nulls(history, column))
    lost = float(x[int(np.argmax(text_lost))]) if text_lost.any() else None
    x, y = _thinned(x[: last + 1][finite[: last + 1]], y[: last + 1][finite[: last + 1]])
    return Line(column, side, x, y, lost, second)


def _nulls(history: Table, column: str) -> np.ndarray:
    found: np.ndarray = history.arrow.column(column).is_null(nan_is_null=False).to_numpy()
    return found.astype(bool)


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(x) <= MOST_POINTS:
        return x, y
    kept: set[int] = {0, len(x) - 1}
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        kept |= {int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])}
    at = np.array(sorted(kept))
    return x[at], y[at]


def _wide(lines: list[Line]) -> bool:
    values = np.concatenate([line.y for line in lines])
    return bool(values.size) and float(values.min()) > 0 and float(values.max()) > LOG_FROM * float(values.min())
