"""Two tables as arrays of numbers that mean the same in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ruleout.tables.buffers import domain
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
            ranks = _ranks(yardstick, suspect, column)
            for array, table in zip(out, (yardstick, suspect), strict=True):
                codes, levels = table.coded(column)
                array[:, at] = np.array([np.nan if text is None else ranks[text] for text in levels.tolist()])[codes]
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
    n_first, n_second = first.n_rows, second.n_rows
    rows = np.zeros(n_first + n_second, dtype=np.int64)
    for column in columns:
        if first.kind(column) != second.kind(column):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        places = _places(first, second, column)
        # Pairs of (row so far, value) are numbered anew with every column, so that they never outgrow 64 bits.
        rows = np.unique(rows * (int(places.max(initial=0)) + 1) + places, return_inverse=True)[1].astype(np.int64)
    n_ways = int(rows.max(initial=-1)) + 1
    once = (np.bincount(rows[:n_first], minlength=n_ways) == 1) & (np.bincount(rows[n_first:], minlength=n_ways) == 1)
    where = np.empty(n_ways, dtype=np.int64)
    where[rows[n_first:]] = np.arange(n_second)
    mine = np.flatnonzero(once[rows[:n_first]])
    return mine, where[rows[mine]]


def _ranks(yardstick: Table, suspect: Table, column: str) -> dict[str, float]:
    """The rank of every text by how often the yardstick holds it, then by the text itself; texts that it lacks come last."""
    codes, levels = yardstick.coded(column)
    counts = dict(zip(levels.tolist(), np.bincount(codes, minlength=len(levels)).tolist(), strict=True))
    ordered = sorted((text for text, count in counts.items() if text is not None and count), key=lambda text: (-counts[text], text))
    codes, levels = suspect.coded(column)
    new = sorted({text for text in levels[np.unique(codes)].tolist() if text is not None} - set(ordered))
    return {text: float(rank) for rank, text in enumerate([*ordered, *new])}


def _places(first: Table, second: Table, column: str) -> np.ndarray:
    """One number for each distinct value of a column over both tables, shape (n_first + n_second,)."""
    if first.kind(column) == "category":
        known: dict[str | None, int] = {}
        parts = []
        for table in (first, second):
            codes, levels = table.coded(column)
            parts.append(np.array([known.setdefault(text, len(known)) for text in levels.tolist()], dtype=np.int64)[codes])
        return np.concatenate(parts)
    values = np.concatenate([table.values(column) for table in (first, second)])
    plain = [domain(table.schema.field(column).type) for table in (first, second)]
    if first.kind(column) == "numeric" and plain[0] == plain[1]:
        missing = np.array([value is None for value in values.tolist()], dtype=bool)
        values[missing] = 0
        _, places = np.unique(values.astype(plain[0]), return_inverse=True)
        return np.where(missing, int(places.max(initial=-1)) + 1, places)
    numbered: dict[object, int] = {}
    return np.array([numbered.setdefault(value, len(numbered)) for value in values.tolist()], dtype=np.int64)
