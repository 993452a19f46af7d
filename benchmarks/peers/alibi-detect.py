"""alibi-detect: the Kolmogorov-Smirnov test for numbers and times, chi-squared for texts, a column at a time, at 0.05 by columns.

TabularDrift wants one matrix without nulls; a column at a time is what remains for tables with nulls.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from alibi_detect.cd import ChiSquareDrift, KSDrift

from benchmarks.answer import arguments, write_answer


def values(path: str, column: str) -> np.ndarray:
    """A column without its nulls, shape (n, 1)."""
    read = pq.read_table(path, columns=[column]).column(0).drop_null()
    if pa.types.is_timestamp(read.type):
        read = read.cast(pa.int64())
    taken: np.ndarray = read.to_numpy().reshape(-1, 1)
    return taken


given = arguments()
columns = pq.read_schema(given.reference).names
drifted = []
for column in columns:
    reference, current = values(given.reference, column), values(given.current, column)
    detector = (ChiSquareDrift if reference.dtype == object else KSDrift)(reference, p_val=0.05 / len(columns))
    if detector.predict(current)["data"]["is_drift"]:
        drifted.append(column)
write_answer(given, columns, drifted, "alibi-detect")
