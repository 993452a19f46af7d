"""Points in time, whatever a column writes them as."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ruleout.tables.table import Table

__all__ = ["clock", "moments"]

READABLE = 0.95
"""Share of a column's texts that must read as dates for it to be a clock."""

TRIED = 200
"""Texts of which one must read as ISO 8601 for all to be read so, which is faster by far than guessing each one's format."""

_clocks: WeakKeyDictionary[Table, dict[str, np.ndarray | None]] = WeakKeyDictionary()


def moments(table: Table, column: str) -> np.ndarray:
    """A column of times, numbers, or texts that read as dates, as numbers, shape (n_rows,); NaN where it is none."""
    if table.kind(column) in ("time", "numeric"):
        return table.numbers(column)
    import pandas as pd

    texts = pd.Series(table.texts(column))
    iso = pd.to_datetime(texts[:TRIED], errors="coerce", format="ISO8601", utc=True).notna().any()
    read = pd.to_datetime(texts, errors="coerce", format="ISO8601" if iso else "mixed", utc=True)
    out: np.ndarray = (read - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64)
    return out


def clock(table: Table, column: str | None) -> np.ndarray | None:
    """A column that puts rows in the order of time, as numbers, shape (n_rows,); None where the table has none that reads as such."""
    if not column or column not in table or table.kind(column) == "other":
        return None
    known = _clocks.setdefault(table, {})
    if column not in known:
        found = moments(table, column)
        readable = table.kind(column) != "category" or (len(found) > 0 and float(np.isfinite(found).mean()) >= READABLE)
        known[column] = found if readable else None
    return known[column]
