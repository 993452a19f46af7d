"""frouros: the Kolmogorov-Smirnov test for numbers and times, chi-squared for texts, at 0.05 divided by the number of columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frouros.detectors.data_drift import ChiSquareTest, KSTest

from benchmarks.answer import arguments, write_answer


def values(path: str, column: str) -> np.ndarray:
    """A column without its nulls."""
    read = pq.read_table(path, columns=[column]).column(0).drop_null()
    if pa.types.is_timestamp(read.type):
        read = read.cast(pa.int64())
    taken: np.ndarray = read.to_numpy()
    return taken


given = arguments()
columns = pq.read_schema(given.reference).names
drifted = []
for column in columns:
    reference, current = values(given.reference, column), values(given.current, column)
    detector = ChiSquareTest() if reference.dtype == object else KSTest()
    detector.fit(X=reference)
    found, _ = detector.compare(X=current)
    if found.p_value < 0.05 / len(columns):
        drifted.append(column)
write_answer(given, columns, drifted, "frouros")
