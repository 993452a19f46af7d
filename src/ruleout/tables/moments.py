"""Points in time, whatever a column writes them as."""

from __future__ import annotations

import numpy as np

from ruleout.tables.table import Table

__all__ = ["moments"]


def moments(table: Table, column: str) -> np.ndarray:
    """A column of times, numbers, or texts that read as dates, as numbers, shape (n_rows,); NaN where it is none."""
    if table.kind(column) in ("time", "numeric"):
        return table.numbers(column)
    import pandas as pd

    read = pd.to_datetime(pd.Series(table.texts(column)), errors="coerce", format="mixed", utc=True)
    out: np.ndarray = (read - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64)
    return out
