"""What became of nulls between two logs of the same rows: columns that differ where one log knows no value, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.causes.beside import Beside
from ruleout.tables.table import Table

__all__ = ["NullsBetween", "nulls_between"]

ONE_VALUE = 0.98
"""Share of the rows that differ which must hold one value for that value to stand for null."""

FEWEST_ROWS = 5


class NullsBetween(NamedTuple):
    """A column whose nulls became a value, or a value of which became null: in words, and the rows in which it differs."""

    column: str
    words: str
    rows: np.ndarray


def nulls_between(pair: Beside) -> Iterator[NullsBetween]:
    """Yield the columns that differ in just the rows that are null in one of the logs, most of which hold one value in the other."""
    for column, rows in pair.unlike.items():
        was, now = _null(pair.reference, column), _null(pair.current, column)
        filled, emptied = was & ~now, now & ~was
        if rows.sum() < FEWEST_ROWS or filled.any() == emptied.any() or not np.array_equal(rows, filled | emptied):
            continue
        value = _one_value(pair.current if filled.any() else pair.reference, column, rows)
        if value is None and emptied.any():
            continue
        # Nulls that stay nulls elsewhere were not filled by one rule; a value that stays elsewhere was not emptied by one.
        others = float((was & now).sum()) if filled.any() else float(np.sum((pair.reference.texts(column) == value) & ~now))
        if others > 0.02 * rows.sum():
            continue
        known = value if value is not None else "some value or other"
        here = f"what is null in the reference's log is {known} here"
        words = here if filled.any() else f"what is {known} in the reference's log is null here"
        yield NullsBetween(column, words, rows)


def _null(table: Table, column: str) -> np.ndarray:
    if table.kind(column) == "numeric":
        return np.asarray(np.isnan(table.numbers(column)), dtype=bool)
    return np.array([v is None for v in table.texts(column).tolist()], dtype=bool)


def _one_value(table: Table, column: str, rows: np.ndarray) -> str | None:
    values, counts = np.unique(table.texts(column)[rows].astype(str), return_counts=True)
    at = int(np.argmax(counts))
    return str(values[at]) if counts[at] >= ONE_VALUE * rows.sum() else None
