"""A third floor: DuckDB decodes every column of both tables and sums or counts it, on two threads."""

from __future__ import annotations

import duckdb

from benchmarks.answer import arguments, write_answer

given = arguments()
database = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
looked_at: list[str] = []
for path in (given.reference, given.current):
    described = database.execute("describe select * from read_parquet(?)", [path]).fetchall()
    looked_at = [name for name, *_ in described]
    numeric = {"INTEGER", "BIGINT", "FLOAT", "DOUBLE"}
    wanted = ", ".join(f'{"sum" if kind in numeric else "max"}("{name}")' for name, kind, *_ in described)
    database.execute(f"select {wanted} from read_parquet(?)", [path]).fetchall()
write_answer(given, looked_at=looked_at, drifted=None, package="duckdb")
