"""The floor: pyarrow decodes every column of both tables and does the least with it, a sum or a count.

A column of a row group is decoded on one of two threads; nothing else is in memory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.answer import arguments, write_answer


def summed(path: str, column: str) -> float:
    """The sum of a column of numbers; of any other the number of its values."""
    total = 0.0
    with pq.ParquetFile(path, metadata=FOOTERS[path], pre_buffer=False) as file:
        numeric = str(file.schema_arrow.field(column).type) in {"int32", "int64", "float", "double"}
        for batch in file.iter_batches(batch_size=131_072, columns=[column], use_threads=False):
            total += (pc.sum(batch.column(0)).as_py() or 0.0) if numeric else len(batch) - batch.column(0).null_count
    return total


given = arguments()
FOOTERS = {path: pq.read_metadata(path) for path in (given.reference, given.current)}
columns = pq.read_schema(given.reference).names
with ThreadPoolExecutor(2) as pool:
    for path in (given.reference, given.current):
        list(pool.map(summed, [path] * len(columns), columns))
write_answer(given, looked_at=columns, drifted=None, package="pyarrow")
