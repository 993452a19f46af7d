"""Parquet files as one table: footers are read at once, rows one row group and one column at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.buffers import row_numbers
from ruleout.tables.remote import RemoteFile

__all__ = ["ParquetFiles", "open_parquet"]

_TAKEN_AT_ONCE = 131_072
"""Rows of a row group decoded at once where some of its rows are taken."""

_SPREAD_ROWS = 250_000
"""Rows that a sample may decode where every row group is like every other."""


@dataclass(frozen=True)
class _Group:
    """One row group: its file, its number there, its rows."""

    file: int
    number: int
    n_rows: int


@dataclass(frozen=True)
class ParquetFiles:
    """One or more Parquet files with a common schema.

    Parameters
    ----------
    paths
        The files, in the order of their rows.
    footers
        Their metadata, so that no thread reads a footer again.
    schema
        The common schema; what a file holds otherwise is cast, a column that it lacks is null there.
    names
        The columns of each file.
    constants
        Values of columns that a file does not hold and its folders say (Hive partitions), by column, for each file.
    """

    paths: tuple[Path | RemoteFile, ...]
    footers: tuple[Any, ...]
    schema: pa.Schema
    names: tuple[frozenset[str], ...]
    constants: tuple[Mapping[str, Any], ...]

    @property
    def n_rows(self) -> int:
        """Number of rows, from the footers."""
        return sum(footer.num_rows for footer in self.footers)

    def __call__(self) -> pa.Table:
        """All rows in memory."""
        parts = []
        for at in range(len(self.paths)):
            with self._file(at) as file:
                parts.append(self._conform(file.read(columns=self._there(at)), at))
        return pa.concat_tables(parts)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time; one row group is in memory."""
        for at in range(len(self.paths)):
            with self._file(at) as file:
                for batch in file.iter_batches(batch_size=rows, columns=self._there(at), use_threads=False):
                    yield from self._conform(pa.Table.from_batches([batch]), at).to_batches()

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time; nothing else is decoded."""
        return self._decoded(column, rows, self._groups)

    def spread(self, column: str, rows: int) -> tuple[int, Iterator[pa.Array]]:
        """Row groups evenly spread, a quarter of a million rows in all; every one where the footers say that they hold different ranges."""
        groups = self._groups
        if sum(group.n_rows for group in groups) > _SPREAD_ROWS and not self._clustered(column):
            wanted = max(2, _SPREAD_ROWS * len(groups) // max(1, sum(group.n_rows for group in groups)))
            groups = [groups[at] for at in np.unique(np.linspace(0, len(groups) - 1, wanted).round().astype(int))]
        return sum(group.n_rows - self._n_null(column, group) for group in groups), self._decoded(column, rows, groups)

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these ascending numbers; row groups without one are not read."""
        parts, start = [self.schema.empty_table()], 0
        for group in self._groups:
            inside = rows[(rows >= start) & (rows < start + group.n_rows)] - start
            start += group.n_rows
            if len(inside):
                parts += self._taken(group, inside)
        return pa.concat_tables(parts).combine_chunks()

    def select(self, columns: Sequence[str]) -> ParquetFiles:
        """The same files with some of the columns."""
        return replace(self, schema=pa.schema([self.schema.field(column) for column in columns]))

    def _taken(self, group: _Group, rows: np.ndarray) -> Iterator[pa.Table]:
        """Rows of one row group, which may be too large to be in memory whole."""
        start = 0
        with self._file(group.file) as file:
            read = file.iter_batches(
                batch_size=_TAKEN_AT_ONCE, row_groups=[group.number], columns=self._there(group.file), use_threads=False
            )
            for batch in read:
                inside = rows[(rows >= start) & (rows < start + batch.num_rows)] - start
                start += batch.num_rows
                if len(inside):
                    yield self._conform(pa.Table.from_batches([batch]), group.file).take(row_numbers(inside))

    @property
    def _groups(self) -> list[_Group]:
        return [
            _Group(at, number, footer.row_group(number).num_rows)
            for at, footer in enumerate(self.footers)
            for number in range(footer.num_row_groups)
        ]

    def _decoded(self, column: str, rows: int, groups: Sequence[_Group]) -> Iterator[pa.Array]:
        type_ = self.schema.field(column).type
        dictionary = [column] if pa.types.is_string(type_) or pa.types.is_large_string(type_) else None
        for at in sorted({group.file for group in groups}):
            numbers = [group.number for group in groups if group.file == at]
            if column not in self.names[at]:
                for n_rows in (group.n_rows for group in groups if group.file == at):
                    yield from (self._constant(column, at, min(rows, n_rows - start)) for start in range(0, n_rows, rows))
                continue
            with self._file(at, read_dictionary=dictionary) as file:
                for batch in file.iter_batches(batch_size=rows, row_groups=numbers, columns=[column], use_threads=False):
                    # "a" also selects a column named "a.b", so the batch is asked by name.
                    values = batch.column(batch.schema.get_field_index(column))
                    yield values if dictionary else _cast(values, type_)

    def _clustered(self, column: str) -> bool:
        """Whether the row groups hold different ranges of the column, as sorted data does, or do not say which."""
        ranges = []
        for group in self._groups:
            statistics = self._statistics(column, group)
            if statistics is None or not statistics.has_min_max or isinstance(statistics.min_raw, bytes):
                return True
            ranges.append((float(statistics.min_raw), float(statistics.max_raw)))
        whole = max(high for _, high in ranges) - min(low for low, _ in ranges)
        return sum(high - low for low, high in ranges) < 0.5 * whole * len(ranges)

    def _n_null(self, column: str, group: _Group) -> int:
        statistics = self._statistics(column, group)
        return statistics.null_count if statistics is not None and statistics.has_null_count else 0

    def _statistics(self, column: str, group: _Group) -> Any:
        footer = self.footers[group.file]
        for at in range(footer.num_columns):
            if footer.schema.column(at).path == column:
                return footer.row_group(group.number).column(at).statistics
        return None

    def _there(self, at: int) -> list[str]:
        return [name for name in self.schema.names if name in self.names[at]]

    def _constant(self, column: str, at: int, n_rows: int) -> pa.Array:
        """Rows of a column that a file does not hold: what its folder says, else null."""
        type_, value = self.schema.field(column).type, self.constants[at].get(column)
        return pa.nulls(n_rows, type_) if value is None else pa.repeat(pa.scalar(value, type_), n_rows)

    def _conform(self, table: pa.Table, at: int) -> pa.Table:
        """The table with the common schema's columns, order and types."""
        columns = []
        for field in self.schema:
            if field.name not in table.column_names:
                columns.append(pa.chunked_array([self._constant(field.name, at, table.num_rows)]))
                continue
            values = table.column(field.name)
            try:
                columns.append(_cast(values, field.type))
            except pa.ArrowInvalid as error:
                raise TableError(
                    f"{self.paths[at]}: column {field.name!r} holds {values.type}, and not all of it fits {field.type}, "
                    f"the type that the files have in common ({error}); write it as {field.type}."
                ) from error
        return pa.Table.from_arrays(columns, schema=self.schema.remove_metadata())

    @contextmanager
    def _file(self, at: int, read_dictionary: list[str] | None = None) -> Iterator[Any]:
        import pyarrow.parquet as pq

        path = self.paths[at]
        with _reading(path), _bytes(path) as held, pq.ParquetFile(held, metadata=self.footers[at], read_dictionary=read_dictionary) as file:
            yield file


def open_parquet(
    paths: Sequence[Path | RemoteFile],
    unify: Callable[[Sequence[pa.Schema], Sequence[Path | RemoteFile]], pa.Schema],
    partitions: tuple[pa.Schema, Sequence[Mapping[str, Any]]] | None = None,
) -> ParquetFiles:
    """Parquet files as one table; reads footers only.

    Parameters
    ----------
    paths
        The files, in the order of their rows.
    unify
        Brings their schemas together.
    partitions
        Columns that the files' folders say, and their values for each file; a column that the files hold themselves is theirs.

    Raises
    ------
    TableError
        A footer cannot be read, or a column's name occurs twice.
    """
    import pyarrow.parquet as pq

    footers, schemas = [], []
    for path in paths:
        with _reading(path), _bytes(path) as held, pq.ParquetFile(held) as file:
            footers.append(file.metadata)
            schemas.append(file.schema_arrow.remove_metadata())
    schema = unify(schemas, paths)
    said, values = partitions or (pa.schema([]), [{} for _ in paths])
    schema = pa.schema([*schema, *(field for field in said if field.name not in schema.names)])
    return ParquetFiles(tuple(paths), tuple(footers), schema, tuple(frozenset(held.names) for held in schemas), tuple(values))


@contextmanager
def _bytes(path: Path | RemoteFile) -> Iterator[Any]:
    """What Parquet is read from: a path, or an open file that lies elsewhere."""
    if isinstance(path, Path):
        yield path
        return
    with path.open() as held:
        yield held


def _cast(values: Any, type_: pa.DataType) -> Any:
    return values if values.type == type_ else values.cast(type_, safe=not pa.types.is_floating(type_))


@contextmanager
def _reading(path: Path | RemoteFile) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise TableError(f"{path}: the file is gone; it was there when the table was opened.") from error
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        first = str(error).strip().split("\n")[0].rstrip(".")
        raise TableError(f"{path}: not a readable Parquet file ({first}); write it again.") from error
