"""Rows that come but once: they are written into a temporary Parquet file as they come, and read from there as often as is asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from threading import Lock
from weakref import finalize

import numpy as np
import pyarrow as pa

from ruleout.tables.kernel import CHUNK_ROWS
from ruleout.tables.parquet import ParquetFiles, open_parquet

__all__ = ["Spooled"]


class Spooled:
    """Rows of a query or a stream, read once however many passes there are: in one statement, so that all passes see the same rows.

    Parameters
    ----------
    schema
        Names and types, known before.
    stream
        Opens the rows as record batches of that schema; called when a row is first needed, and never again.
    """

    def __init__(self, schema: pa.Schema, stream: Callable[[], AbstractContextManager[Iterable[pa.RecordBatch]]]) -> None:
        self.schema = schema
        self._stream = stream
        self._lock = Lock()

    @property
    def n_rows(self) -> int:
        """Number of rows, once they have been read."""
        return self._files.n_rows

    def __call__(self) -> pa.Table:
        """All rows in memory."""
        return self._files()

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time."""
        return self._files.batches(rows)

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time."""
        return self._files.chunks(column, rows)

    def spread(self, column: str) -> tuple[int, ParquetFiles]:
        """Rows that stand for all of the column."""
        return self._files.spread(column)

    @property
    def parts(self) -> tuple[ParquetFiles, ...]:
        """The rows in the parts in which they are read."""
        return self._files.parts

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these ascending numbers."""
        return self._files.take(rows)

    def select(self, columns: Sequence[str]) -> Spooled:
        """The same rows with some of the columns."""
        return _Chosen(self, columns)

    @property
    def _files(self) -> ParquetFiles:
        with self._lock:
            return self._written

    @cached_property
    def _written(self) -> ParquetFiles:
        import pyarrow.parquet as pq

        folder = tempfile.mkdtemp(prefix="ruleout-rows-")
        # The folder goes with the last table that reads from it, and with the process.
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / "rows.parquet"
        with self._stream() as batches, pq.ParquetWriter(path, self.schema, compression="lz4") as writer:
            waiting: list[pa.RecordBatch] = []
            n_waiting = 0
            for batch in batches:
                waiting.append(batch)
                n_waiting += batch.num_rows
                if n_waiting >= CHUNK_ROWS:
                    writer.write_table(pa.Table.from_batches(waiting, self.schema))
                    waiting, n_waiting = [], 0
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting, self.schema))
        return open_parquet([path], lambda *_: self.schema)


class _Chosen(Spooled):
    """Some columns of spooled rows; the rows are read when the first of all tables that share them asks."""

    def __init__(self, whole: Spooled, columns: Sequence[str]) -> None:
        super().__init__(pa.schema([whole.schema.field(column) for column in columns]), whole._stream)
        self._whole = whole

    @property
    def _files(self) -> ParquetFiles:
        return self._whole._files.select(self.schema.names)
