"""Parquet files as one table: footers are read at once, rows one row group and one column at a time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.buffers import row_numbers
from ruleout.tables.engines import THREADS, Engine, Task, asked
from ruleout.tables.remote import RemoteFile

__all__ = ["ParquetFiles", "open_parquet"]

_TAKEN_AT_ONCE = 131_072
"""Rows of a row group decoded at once where some of its rows are taken."""

_SPREAD_ROWS = 250_000
"""Rows that a sample may decode where every row group is like every other."""


PART_ROWS = 1_048_576
"""Rows of a part at least, where there are as many: the files are cut into parts at the ends of row groups."""

_MOST_PARTS = 64


@dataclass(frozen=True)
class RowGroup:
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
    groups
        The row groups that are read, in the order of their rows.
    engine
        Who reads them.
    """

    paths: tuple[Path | RemoteFile, ...]
    footers: tuple[Any, ...]
    schema: pa.Schema
    names: tuple[frozenset[str], ...]
    constants: tuple[Mapping[str, Any], ...]
    groups: tuple[RowGroup, ...]
    engine: Engine = THREADS

    def __reduce__(self) -> tuple[Any, ...]:
        """Paths travel, rows and footers do not: a worker opens the files itself, and sees that they are the same."""
        paths = tuple(path.absolute() if isinstance(path, Path) else path for path in self.paths)
        return _opened_again, (paths, self.schema, self.names, self.constants, self.groups)

    @property
    def n_rows(self) -> int:
        """Number of rows, from the footers."""
        return sum(group.n_rows for group in self.groups)

    @property
    def parts(self) -> tuple[ParquetFiles, ...]:
        """The rows in at most 64 parts of about a million rows or more, each with its own files alone."""
        wanted, found, n_rows = max(PART_ROWS, -(-self.n_rows // _MOST_PARTS)), [], 0
        some: list[RowGroup] = []
        for group in self.groups:
            some.append(group)
            n_rows += group.n_rows
            if n_rows >= wanted:
                found.append(self._only(some))
                some, n_rows = [], 0
        return (*found, *([self._only(some)] if some or not found else []))

    def on(self, engine: Engine) -> ParquetFiles:
        """The same files, read by an engine."""
        return replace(self, engine=engine)

    def __call__(self) -> pa.Table:
        """All rows in memory."""
        parts = []
        for at in range(len(self.paths)):
            numbers = self._numbers(at)
            with self._file(at) as file:
                whole = len(numbers) == file.metadata.num_row_groups
                read = file.read(columns=self._there(at)) if whole else file.read_row_groups(numbers, columns=self._there(at))
                parts.append(self._conform(read, at))
        return pa.concat_tables(parts)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time; one row group is in memory."""
        for at in range(len(self.paths)):
            with self._file(at) as file:
                for batch in file.iter_batches(batch_size=rows, row_groups=self._numbers(at), columns=self._there(at), use_threads=False):
                    yield from self._conform(pa.Table.from_batches([batch]), at).to_batches()

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time; nothing else is decoded."""
        type_ = self.schema.field(column).type
        dictionary = [column] if pa.types.is_string(type_) or pa.types.is_large_string(type_) else None
        for at in range(len(self.paths)):
            if column not in self.names[at]:
                for n_rows in (group.n_rows for group in self.groups if group.file == at):
                    yield from (self._constant(column, at, min(rows, n_rows - start)) for start in range(0, n_rows, rows))
                continue
            numbers = self._numbers(at)
            if not numbers:
                continue
            with self._file(at, read_dictionary=dictionary) as file:
                for batch in file.iter_batches(batch_size=rows, row_groups=numbers, columns=[column], use_threads=False):
                    # "a" also selects a column named "a.b", so the batch is asked by name.
                    values = batch.column(batch.schema.get_field_index(column))
                    yield values if dictionary else _cast(values, type_)

    def spread(self, column: str) -> tuple[int, ParquetFiles]:
        """Row groups evenly spread, a quarter of a million rows in all; every one where the footers say that they hold different ranges."""
        found, n_rows = self, self.n_rows
        if n_rows > _SPREAD_ROWS and not self._clustered(column):
            wanted = max(2, _SPREAD_ROWS * len(self.groups) // n_rows)
            places = np.unique(np.linspace(0, len(self.groups) - 1, wanted).round().astype(int))
            found = self._only([self.groups[at] for at in places])
        return sum(group.n_rows - found._n_null(column, group) for group in found.groups), found

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these ascending numbers; row groups without one are not read."""
        tasks, start = [], 0
        for part in self.parts:
            inside = rows[(rows >= start) & (rows < start + part.n_rows)] - start
            start += part.n_rows
            if len(inside):
                tasks.append(Task(_taken, part, (inside,), len(inside), wide=True))
        taken = asked(self.engine, tasks, str(self.paths[0]) if self.paths else "table")
        return pa.concat_tables([self.schema.empty_table(), *taken]).combine_chunks()

    def select(self, columns: Sequence[str]) -> ParquetFiles:
        """The same files with some of the columns."""
        return replace(self, schema=pa.schema([self.schema.field(column) for column in columns]))

    def rows_of(self, group: RowGroup, rows: np.ndarray) -> Iterator[pa.Table]:
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

    def _only(self, groups: Sequence[RowGroup]) -> ParquetFiles:
        """Some of the row groups, with their files alone."""
        files = sorted({group.file for group in groups})
        at = {file: number for number, file in enumerate(files)}
        return replace(
            self,
            paths=tuple(self.paths[file] for file in files),
            footers=tuple(self.footers[file] for file in files),
            names=tuple(self.names[file] for file in files),
            constants=tuple(self.constants[file] for file in files),
            groups=tuple(replace(group, file=at[group.file]) for group in groups),
        )

    def _numbers(self, at: int) -> list[int]:
        """Which row groups of a file are read."""
        return [group.number for group in self.groups if group.file == at]

    def _clustered(self, column: str) -> bool:
        """Whether the row groups hold different ranges of the column, as sorted data does, or do not say which."""
        ranges = []
        for group in self.groups:
            statistics = self._statistics(column, group)
            if statistics is None or not statistics.has_min_max or isinstance(statistics.min_raw, bytes):
                return True
            ranges.append((float(statistics.min_raw), float(statistics.max_raw)))
        whole = max(high for _, high in ranges) - min(low for low, _ in ranges)
        return sum(high - low for low, high in ranges) < 0.5 * whole * len(ranges)

    def _n_null(self, column: str, group: RowGroup) -> int:
        statistics = self._statistics(column, group)
        return statistics.null_count if statistics is not None and statistics.has_null_count else 0

    def _statistics(self, column: str, group: RowGroup) -> Any:
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
        # Fetched ahead, all row groups of a column would be in memory at once.
        options = {"metadata": self.footers[at], "read_dictionary": read_dictionary, "pre_buffer": False}
        with _reading(path), _bytes(path) as held, pq.ParquetFile(held, **options) as file:
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
    names = tuple(frozenset(held.names) for held in schemas)
    return ParquetFiles(tuple(paths), tuple(footers), schema, names, tuple(values), _groups_of(footers))


def _groups_of(footers: Sequence[Any]) -> tuple[RowGroup, ...]:
    return tuple(
        RowGroup(at, number, footer.row_group(number).num_rows)
        for at, footer in enumerate(footers)
        for number in range(footer.num_row_groups)
    )


def _taken(files: ParquetFiles, rows: np.ndarray) -> tuple[int, pa.Table]:
    """The rows with these ascending numbers, and how many they are."""
    parts, start = [files.schema.empty_table()], 0
    for group in files.groups:
        inside = rows[(rows >= start) & (rows < start + group.n_rows)] - start
        start += group.n_rows
        if len(inside):
            parts += files.rows_of(group, inside)
    taken = pa.concat_tables(parts).combine_chunks()
    return taken.num_rows, taken


def _opened_again(
    paths: tuple[Path | RemoteFile, ...],
    schema: pa.Schema,
    names: tuple[frozenset[str], ...],
    constants: tuple[Mapping[str, Any], ...],
    groups: tuple[RowGroup, ...],
) -> ParquetFiles:
    """Files that another process has opened, opened on a worker."""
    import pyarrow.parquet as pq

    footers, here = [], socket.gethostname()
    for path in paths:
        if isinstance(path, Path) and not path.is_file():
            raise TableError(
                f"{path}: there is no such file on {here}, whose worker was to read it; "
                "put tables where every worker reaches them under the same path or address (a shared folder, s3://)."
            )
        with _reading(path), _bytes(path) as held, pq.ParquetFile(held) as file:
            footers.append(file.metadata)
    known = set(_groups_of(footers))
    for group in groups:
        if group not in known:
            raise TableError(f"{paths[group.file]}: holds other rows on {here} than where it was opened; give every worker the same file.")
    return ParquetFiles(paths, tuple(footers), schema, names, constants, groups)


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
