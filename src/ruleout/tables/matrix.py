"""Two tables as arrays of numbers that mean the same in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ruleout.tables.table import Table

__all__ = ["alike", "binned", "matrices", "shared_rows"]

_MOST_LEVELS = 30


def alike(first: Table, second: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Those of `columns` that both tables hold as the same kind: numbers, categories or points in time."""
    return tuple(c for c in columns if c in first and c in second and first.kind(c) == second.kind(c) and first.kind(c) != "other")


def matrices(yardstick: Table, suspect: Table, columns: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Both tables as floats, shape (n_rows, n_columns); a category is its rank by frequency in the yardstick, null is NaN."""
    out = [np.empty((table.n_rows, len(columns))) for table in (yardstick, suspect)]
    for at, column in enumerate(columns):
        if yardstick.kind(column) == "category":
            ranks = _ranks(yardstick.texts(column), suspect.texts(column))
            for array, table in zip(out, (yardstick, suspect), strict=True):
                array[:, at] = [np.nan if text is None else ranks[text] for text in table.texts(column)]
        else:
            for array, table in zip(out, (yardstick, suspect), strict=True):
                values = table.numbers(column)
                array[:, at] = np.where(np.isfinite(values), values, np.nan)
    return out[0], out[1]


def binned(yardstick: Table, suspect: Table, columns: Sequence[str], n_bins: int = 10) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Both tables as small codes, shape (n_rows, n_columns), and the number of codes of each column.

    Numbers fall between the quantiles of the yardstick; categories are its most frequent ones and the rest; null has the last code.
    """
    first = np.zeros((yardstick.n_rows, len(columns)), dtype=np.int64)
    second = np.zeros((suspect.n_rows, len(columns)), dtype=np.int64)
    sizes: list[int] = []
    floats, others = matrices(yardstick, suspect, columns)
    for at, column in enumerate(columns):
        mine, theirs = floats[:, at], others[:, at]
        present = mine[~np.isnan(mine)]
        if yardstick.kind(column) == "category":
            edges = np.arange(min(len(np.unique(present)), _MOST_LEVELS)) + 0.5
        else:
            distinct = np.unique(present)
            inner = np.unique(np.quantile(present, np.linspace(0, 1, n_bins + 1)[1:-1])) if len(present) else np.empty(0)
            edges = (distinct[1:] + distinct[:-1]) / 2.0 if 0 < len(distinct) <= n_bins + 2 else inner
        n_codes = len(edges) + 1
        for values, codes in ((mine, first), (theirs, second)):
            codes[:, at] = np.where(np.isnan(values), n_codes, np.searchsorted(edges, values, side="left"))
        sizes.append(n_codes + 1)
    return first, second, sizes


def shared_rows(first: Table, second: Table, columns: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers, in either table, of the rows that are the same in `columns` and occur once in each table."""
    places = [_places(table, columns) for table in (first, second)]
    common = [(places[0][row], places[1][row]) for row in places[0] if row in places[1]]
    found = np.array([pair for pair in common if pair[0] >= 0 and pair[1] >= 0], dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _ranks(yardstick: np.ndarray, suspect: np.ndarray) -> dict[str, float]:
    known, counts = np.unique(np.array([v for v in yardstick if v is not None], dtype=object).astype(str), return_counts=True)
    ordered = [str(known[i]) for i in np.lexsort((known, -counts))]
    new = sorted({str(v) for v in suspect if v is not None} - set(ordered))
    return {text: float(rank) for rank, text in enumerate([*ordered, *new])}


def _places(table: Table, columns: Sequence[str]) -> dict[tuple[object, ...], int]:
    """Where each row stands; -1 for a row that repeats."""
    out: dict[tuple[object, ...], int] = {}
    arrays = [table.texts(c) if table.kind(c) == "category" else table.values(c) for c in columns]
    for at, row in enumerate(zip(*(a.tolist() for a in arrays), strict=True)):
        out[row] = -1 if row in out else at
    return out
