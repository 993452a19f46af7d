"""Rows that are better read once: they are written into temporary Parquet files as they come, and read from there as often as is asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.kernel import CHUNK_ROWS
from ruleout.tables.parquet import ParquetFiles, open_parquet

__all__ = ["Spooled", "spooled", "write_rows"]


class Spooled:
    """Rows of a query or of large text files, read once however many passes there are, so that all passes see the same rows.

    Parameters
    ----------
    write
        Writes the rows as Parquet files into the folder that it is given, and opens them; called when a row is first needed, and never
        again.
    schema
        Names and types where they are known before the rows are read.
    """

    def __init__(self, write: Callable[[Path], ParquetFiles], schema: pa.Schema | None = None) -> None:
        self._write = write
        self._schema = schema
        self._lock = Lock()

    @property
    def schema(self) -> pa.Schema:
        """Names and types."""
        return self._schema if self._schema is not None else self._files.schema

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
        folder = tempfile.mkdtemp(prefix="ruleout-rows-")
        # The folder goes with the last table that reads from it, and with the process.
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return self._write(Path(folder))


class _Chosen(Spooled):
    """Some columns of spooled rows; the rows are read when the first of all tables that share them asks."""

    def __init__(self, whole: Spooled, columns: Sequence[str]) -> None:
        super().__init__(whole._write, pa.schema([whole.schema.field(column) for column in columns]))
        self._whole = whole

    @property
    def _files(self) -> ParquetFiles:
        return self._whole._files.select(self.schema.names)


def spooled(schema: pa.Schema, stream: Callable[[], AbstractContextManager[Iterable[pa.RecordBatch]]]) -> Spooled:
    """Rows that come as a stream.

    Parameters
    ----------
    schema
        Names and types, known before.
    stream
        Opens the rows as record batches of that schema.
    """
    return Spooled(partial(_streamed, schema, stream), schema)


def _streamed(schema: pa.Schema, stream: Callable[[], AbstractContextManager[Iterable[pa.RecordBatch]]], folder: Path) -> ParquetFiles:
    path = folder / "rows.parquet"
    with stream() as batches:
        write_rows(path, schema, batches)
    return open_parquet([path], lambda *_: schema)


def write_rows(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write rows as they come, in row groups of about 131,072.

    Raises
    ------
    TableError
        The disk is full, or cannot be written to.
    """
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="lz4") as writer:
        waiting: list[pa.RecordBatch] = []
        n_waiting = 0
        for batch in batches:
            waiting.append(batch)
            n_waiting += batch.num_rows
            if n_waiting >= CHUNK_ROWS:
                _write(writer, path, pa.Table.from_batches(waiting, schema))
                waiting, n_waiting = [], 0
        if waiting:
            _write(writer, path, pa.Table.from_batches(waiting, schema))


def _write(writer: Any, path: Path, rows: pa.Table) -> None:
    try:
        writer.write_table(rows)
    except OSError as error:
        raise TableError(
            f"{path.parent}: rows that are read once cannot be written here ({error}); name a folder with room for them in TMPDIR."
        ) from error
