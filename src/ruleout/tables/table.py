"""A table: named columns of equal length, as Arrow, whatever they came from.

A table is immutable: what changes it returns another. Its rows are read when they are first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import TableError, nearest

if TYPE_CHECKING:
    from ruleout.tables.profile import Profile

__all__ = ["Kind", "Table"]

Kind = Literal["numeric", "category", "time", "other"]


def kind_of(type_: pa.DataType) -> Kind:
    """Say how a column of an Arrow type is looked at: as numbers, as categories, as points in time, or not at all."""
    if pa.types.is_dictionary(type_):
        return kind_of(type_.value_type) if not pa.types.is_string(type_.value_type) else "category"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "numeric"
    if pa.types.is_boolean(type_) or pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "category"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "time"
    return "other"


class Table:
    """A table of any origin, named after its place in the case ("train", "validation", "serving").

    Parameters
    ----------
    source
        The rows, or a function that reads them when they are first needed.
    name
        What findings and errors call the table.
    origin
        The file or object the rows came from, for error messages.
    """

    def __init__(self, source: pa.Table | Callable[[], pa.Table], *, name: str = "table", origin: str = "") -> None:
        self._source = source
        self.name = name
        self.origin = origin or name

    @cached_property
    def arrow(self) -> pa.Table:
        """The rows as one Arrow table, in memory."""
        return self._source() if callable(self._source) else self._source

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in their order."""
        return tuple(self.arrow.column_names)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.arrow.num_rows)

    def __len__(self) -> int:
        return self.n_rows

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {self.n_rows:,} rows x {len(self.columns)} columns)"

    def batches(self, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield the rows as record batches of at most `rows` rows."""
        yield from self.arrow.to_batches(max_chunksize=rows)

    def kind(self, column: str) -> Kind:
        """How a column is looked at: `numeric`, `category`, `time` or `other`."""
        return kind_of(self._column(column).type)

    def of_kind(self, kind: Kind) -> tuple[str, ...]:
        """The columns of one kind, in their order."""
        return tuple(field.name for field in self.arrow.schema if kind_of(field.type) == kind)

    def numbers(self, column: str) -> np.ndarray:
        """A column as floats, shape (n_rows,); null is NaN, a time is seconds since 1970. Text raises."""
        values = self._column(column)
        kind = kind_of(values.type)
        if kind == "time":
            values = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
            return _floats(values) / 1e6
        if pa.types.is_boolean(values.type):
            return _floats(pc.cast(values, pa.int8()))
        if kind != "numeric":
            raise TableError(f"{self.origin}: column {column!r} holds {values.type}, expected numbers.")
        return _floats(values)

    def values(self, column: str) -> np.ndarray:
        """A column as Python objects, shape (n_rows,); null and NaN are None."""
        values = self._column(column)
        out = np.empty(len(values), dtype=object)
        out[:] = values.to_pylist()
        if pa.types.is_floating(values.type):
            out[np.isnan(_floats(values))] = None
        return out

    def texts(self, column: str) -> np.ndarray:
        """A column as text, shape (n_rows,); null is None, whole floats lose their point ("3", never "3.0")."""
        return np.array([None if v is None else _text(v) for v in self.values(column)], dtype=object)

    def with_column(self, column: str, values: np.ndarray | pa.Array | pa.ChunkedArray) -> Table:
        """The table with one column replaced where it stands, or added at the end. NaN becomes null in numbers."""
        if isinstance(values, np.ndarray):
            array = pa.array(values.tolist() if values.dtype == object else values, from_pandas=True)
        else:
            array = values
        if len(array) != self.n_rows:
            raise TableError(f"{self.origin}: column {column!r} would have {len(array)} values, expected {self.n_rows}.")
        if column in self.columns:
            return self._like(self.arrow.set_column(self.columns.index(column), column, array))
        return self._like(self.arrow.append_column(column, array))

    def without(self, columns: Sequence[str]) -> Table:
        """The table less some columns."""
        return self._like(self.arrow.drop_columns([c for c in columns if c in self.columns]))

    def select(self, columns: Sequence[str]) -> Table:
        """Some columns, in the order given."""
        for column in columns:
            self._column(column)
        return self._like(self.arrow.select(list(columns)))

    def rename(self, names: Mapping[str, str]) -> Table:
        """The table with columns called otherwise."""
        return self._like(self.arrow.rename_columns([names.get(c, c) for c in self.columns]))

    def filter(self, mask: np.ndarray) -> Table:
        """The rows where `mask`, shape (n_rows,), is true."""
        return self._like(self.arrow.filter(pa.array(np.asarray(mask, dtype=bool))))

    def take(self, rows: np.ndarray) -> Table:
        """The rows with these numbers, in the order given; a number may repeat."""
        return self._like(self.arrow.take(pa.array(np.asarray(rows, dtype=np.int64))).combine_chunks())

    def sample(self, rows: int, seed: int = 0) -> Table:
        """At most `rows` rows chosen at random, in their order."""
        if self.n_rows <= rows:
            return self
        rng = np.random.default_rng(seed)
        return self.take(np.sort(rng.choice(self.n_rows, size=rows, replace=False)))

    def stack(self, other: Table) -> Table:
        """This table's rows, then the other's; columns by name, types as here where they can be cast."""
        shared = [c for c in self.columns if c in other.columns]
        mine, theirs = self.arrow.select(shared), other.arrow.select(shared)
        if mine.schema != theirs.schema:
            try:
                theirs = theirs.cast(mine.schema)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
                raise TableError(f"{other.origin}: its columns cannot be stacked under {self.origin}: {error}.") from error
        return self._like(pa.concat_tables([mine, theirs]).combine_chunks())

    def named(self, name: str) -> Table:
        """The same rows under another name."""
        return Table(self._source if "arrow" not in self.__dict__ else self.arrow, name=name, origin=self.origin)

    def profile(self) -> Profile:
        """Every column's profile, from one pass over the rows."""
        return self._profile

    @cached_property
    def _profile(self) -> Profile:
        from ruleout.tables.profile import profile_table

        return profile_table(self)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content: names, types and values, not of how the rows are chunked or where they came from."""
        digest = hashlib.blake2b(digest_size=16)
        table = self.arrow.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True):
            digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
            for chunk in column.chunks:
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, pa.schema([("", chunk.type)])) as writer:
                    writer.write_batch(pa.record_batch([pa.concat_arrays([chunk])], schema=pa.schema([("", chunk.type)])))
                digest.update(sink.getvalue())
        return digest.hexdigest()

    def to_pandas(self) -> Any:
        """The rows as a pandas data frame."""
        return self.arrow.to_pandas()

    def _column(self, column: str) -> pa.ChunkedArray:
        if column not in self.columns:
            raise TableError(f"{self.origin}: no column {column!r} ({len(self.columns)} columns).{nearest(column, self.columns)}")
        return self.arrow.column(column)

    def _like(self, arrow: pa.Table) -> Table:
        return Table(arrow, name=self.name, origin=self.origin)


def _floats(values: pa.ChunkedArray) -> np.ndarray:
    """Numbers with NaN for null, without going through pandas."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.null_count:
        values = pc.fill_null(values.cast(pa.float64(), safe=False), float("nan"))
    out = np.empty(len(values), dtype=np.float64)
    at = 0
    for chunk in values.chunks:
        cast = chunk.cast(pa.float64(), safe=False)
        out[at : at + len(cast)] = np.frombuffer(cast.buffers()[1], dtype=np.float64, count=len(cast) + cast.offset)[cast.offset :] if len(cast) else ()
        at += len(cast)
    return out


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
