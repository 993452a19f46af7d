"""A second floor: Polars' streaming engine decodes every column of both tables and sums or counts it, on two threads."""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
import polars.selectors as cs

from benchmarks.answer import arguments, write_answer

given = arguments()
for path in (given.reference, given.current):
    table = pl.scan_parquet(path)
    table.select(cs.numeric().sum(), (~cs.numeric()).count()).collect(engine="streaming")
write_answer(given, looked_at=pl.read_parquet_schema(given.reference), drifted=None, package="polars")
