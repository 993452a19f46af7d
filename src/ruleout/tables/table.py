"""A table: named columns of equal length, as Arrow, whatever they came from.

A table is immutable: what changes it returns another. Its rows are read when they are first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import TableError, nearest
from ruleout.tables.buffers import as_seconds, is_span, plain_type, primitive, row_numbers, valid
from ruleout.tables.source import Memory, Source, can_move, is_source, profile_of

if TYPE_CHECKING:
    from ruleout.tables.engines import Engine
    from ruleout.tables.profile import ColumnProfile, Profile

__all__ = ["Kind", "Table"]

Kind = Literal["numeric", "category", "time", "other"]


def kind_of(type_: pa.DataType) -> Kind:
    """Say how a column of an Arrow type is looked at: as numbers, as categories, as points in time, or not at all."""
    type_ = plain_type(type_)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_) or is_span(type_):
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
        The rows, a function that reads them when they are first needed, or files that are read piece by piece.
    name
        What findings and errors call the table.
    origin
        The file or object the rows came from, for error messages.
    """

    def __init__(self, source: pa.Table | Callable[[], pa.Table] | Source, *, name: str = "table", origin: str = "") -> None:
        self._source = (
            Memory(source) if isinstance(source, pa.Table) else source if isinstance(source, _Once) or is_source(source) else _Once(source)
        )
        self.name = name
        self.origin = origin or name
        self._codes: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def arrow(self) -> pa.Table:
        """The rows as one Arrow table, in memory."""
        return self._source()

    @property
    def rows(self) -> Source:
        """Where the rows are read from: memory once they are in it, else the files."""
        return Memory(self.arrow) if "arrow" in self.__dict__ or isinstance(self._source, _Once) else self._source

    @property
    def stored(self) -> Profile | None:
        """The stored profile that stands in for the table; None where its rows can be read."""
        return None if isinstance(self._source, _Once) else profile_of(self._source)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns; of Parquet files from their footers."""
        return self.rows.schema

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in their order."""
        return tuple(self.schema.names)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_rows

    def __len__(self) -> int:
        return self.n_rows

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {self.n_rows:,} rows x {len(self.columns)} columns)"

    def batches(self, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield the rows as record batches of at most `rows` rows."""
        yield from self.rows.batches(rows)

    def on(self, engine: Engine) -> Table:
        """The table with its files read by an engine; a stored profile, of which nothing is read, as it is. Memory raises."""
        source = self._source
        if engine.here or self.stored is not None or getattr(source, "engine", None) is engine:
            return self
        if isinstance(source, _Once) or not can_move(source):
            raise TableError(
                f"{self.origin}: a table of Parquet files is what {engine.address} reads, and this one is in the memory of this machine "
                "(a data frame, CSV, JSON, a database's table); write it as Parquet where the workers reach it, or leave the engine out."
            )
        return self._keeping(source.on(engine))

    def kind(self, column: str) -> Kind:
        """How a column is looked at: `numeric`, `category`, `time` or `other`."""
        self._require(column)
        return kind_of(self.schema.field(column).type)

    def of_kind(self, kind: Kind) -> tuple[str, ...]:
        """The columns of one kind, in their order."""
        return tuple(field.name for field in self.schema if kind_of(field.type) == kind)

    def numbers(self, column: str) -> np.ndarray:
        """A column as floats, shape (n_rows,); null is NaN, a time is seconds since 1970, a duration its seconds. Text raises."""
        values = self._column(column)
        kind = kind_of(values.type)
        if kind == "time":
            return _floats(values)
        if pa.types.is_boolean(values.type):
            return _floats(pc.cast(values, pa.int8()))
        if kind != "numeric":
            raise TableError(f"{self.origin}: column {column!r} holds {values.type}, expected numbers.")
        return _floats(values)

    def values(self, column: str) -> np.ndarray:
        """A column as Python objects, shape (n_rows,); null and NaN are None."""
        values = self._column(column)
        type_ = plain_type(values.type)
        if _is_text(type_) or pa.types.is_boolean(type_):
            codes, levels = self.coded(column)
            if pa.types.is_boolean(type_):
                levels = _objects([None if text is None else text == "True" for text in levels.tolist()])
            out: np.ndarray = levels[codes]
            return out
        if pa.types.is_integer(type_) or pa.types.is_floating(type_) or is_span(type_):
            plain, known = _plain_numbers(values)
            out = plain.astype(object)
            out[~known] = None
            return out
        return _objects(values.to_pylist())

    def texts(self, column: str) -> np.ndarray:
        """A column as text, shape (n_rows,); null is None, whole floats lose their point ("3", never "3.0")."""
        codes, levels = self.coded(column)
        out: np.ndarray = levels[codes]
        return out

    def coded(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A column as row numbers into its distinct texts: a table of few texts is compared by them, not row by row.

        Returns
        -------
        Codes, shape (n_rows,), and levels, shape (n_levels + 1,): the texts as objects, None for null at the end. Levels are distinct but
        for numbers that are spelled alike; not every level need occur. Neither is to be written to.
        """
        self._require(column)
        known = self._codes.get(column)
        if known is None:
            known = _coded(self.arrow.column(column))
            for array in known:
                array.flags.writeable = False
            # Of a column with few levels the codes take less room than the column itself; many levels are texts by the thousand.
            if 2 * len(known[1]) <= self.n_rows:
                self._codes[column] = known
        return known

    def with_column(self, column: str, values: np.ndarray | pa.Array | pa.ChunkedArray) -> Table:
        """The table with one column replaced where it stands, or added at the end. NaN becomes null in numbers."""
        if isinstance(values, np.ndarray):
            array = pa.array(values.tolist() if values.dtype == object else values, from_pandas=True)
        else:
            array = values
        if len(array) != self.n_rows:
            raise TableError(f"{self.origin}: column {column!r} would have {len(array)} values, expected {self.n_rows}.")
        if column in self.columns:
            return self._keeping(self.arrow.set_column(self.columns.index(column), column, array), changed=column)
        return self._keeping(self.arrow.append_column(column, array), changed=column)

    def without(self, columns: Sequence[str]) -> Table:
        """The table less some columns."""
        return self._keeping(self.rows.select([c for c in self.columns if c not in columns]))

    def select(self, columns: Sequence[str]) -> Table:
        """Some columns, in the order given."""
        for column in columns:
            self._require(column)
        return self._keeping(self.rows.select(columns))

    def rename(self, names: Mapping[str, str]) -> Table:
        """The table with columns called otherwise."""
        return self._like(self.arrow.rename_columns([names.get(c, c) for c in self.columns]))

    def filter(self, mask: np.ndarray) -> Table:
        """The rows where `mask`, shape (n_rows,), is true."""
        return self._like(self.arrow.filter(self._mask(mask)))

    def take(self, rows: np.ndarray) -> Table:
        """The rows with these numbers, in the order given; a number may repeat."""
        return self._like(self.arrow.take(row_numbers(rows)).combine_chunks())

    def sample(self, rows: int, seed: int = 0) -> Table:
        """At most `rows` rows chosen at random, in their order."""
        return self if self.n_rows <= rows else self._like(self.rows.take(self.sample_rows(rows, seed)))

    def sample_rows(self, rows: int, seed: int = 0) -> np.ndarray:
        """The row numbers that `sample` chooses, shape (min(rows, n_rows),)."""
        if self.n_rows <= rows:
            return np.arange(self.n_rows)
        return np.sort(np.random.default_rng(seed).choice(self.n_rows, size=rows, replace=False))

    def stack(self, other: Table) -> Table:
        """The rows of this table, then the other's; columns by name, types as here where they can be cast."""
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
        twin = Table(self._source, name=name, origin=self.origin)
        twin.__dict__.update({known: self.__dict__[known] for known in ("arrow", "fingerprint", "_codes") if known in self.__dict__})
        return twin

    def profile(self) -> Profile:
        """Every column's profile, from one pass over the rows."""
        return self._profile

    def profile_of(self, column: str) -> ColumnProfile:
        """One column's profile, from a pass over that column alone."""
        from ruleout.tables.profile import plans_of, profile_table

        self._require(column)
        if "_profile" in self.__dict__ or self.stored is not None:
            return self.profile()[column]
        return profile_table(self, plans_of(self, [column]))[column]

    @cached_property
    def _profile(self) -> Profile:
        from ruleout.tables.profile import profile_table

        return profile_table(self)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content: names, types and values, not of how the rows are chunked or where they came from."""
        digest = hashlib.blake2b(digest_size=16)
        for name, column in zip(self.arrow.column_names, self.arrow.columns, strict=True):
            digest.update(f"{name}\0{column.type}\0{len(column)}\0{column.null_count}\0".encode())
            if column.null_count:
                # What lies under a null is anyone's: only where the nulls are, and the other values, are content.
                digest.update(np.concatenate([valid(chunk) for chunk in column.chunks]).tobytes())
                column = column.drop_null()
            whole = column.combine_chunks()
            for chunk in whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]:
                if len(chunk):
                    digest.update(_content(chunk))
        return digest.hexdigest()

    def to_pandas(self) -> Any:
        """The rows as a pandas data frame."""
        return self.arrow.to_pandas()

    def _require(self, column: str) -> None:
        if column not in self.columns:
            raise TableError(f"{self.origin}: no column {column!r} ({len(self.columns)} columns).{nearest(column, self.columns)}")

    def _column(self, column: str) -> pa.ChunkedArray:
        self._require(column)
        return self.arrow.column(column)

    def _mask(self, mask: np.ndarray) -> pa.Array:
        mask = np.asarray(mask, dtype=bool)
        if mask.shape != (self.n_rows,):
            raise TableError(f"{self.origin}: a mask of shape {mask.shape} was given, expected ({self.n_rows},).")
        return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(np.packbits(mask, bitorder="little"))])

    def _like(self, rows: pa.Table | Source) -> Table:
        return Table(rows, name=self.name, origin=self.origin)

    def _keeping(self, rows: pa.Table | Source, *, changed: str = "") -> Table:
        """The same rows with other columns: what is known of a column that stays needs no second look."""
        table = self._like(rows)
        table._codes = {column: known for column, known in self._codes.items() if column != changed}
        return table


class _Once:
    """A function whose one answer is kept, whichever of several tables or threads asks first."""

    def __init__(self, read: Callable[[], pa.Table]) -> None:
        self._read = read
        self._lock = Lock()
        self._answer: pa.Table | None = None

    def __call__(self) -> pa.Table:
        with self._lock:
            if self._answer is None:
                self._answer = self._read()
        return self._answer


def _floats(values: pa.ChunkedArray) -> np.ndarray:
    """Numbers and times with NaN for null, without going through pandas."""
    out = np.empty(len(values), dtype=np.float64)
    at = 0
    for chunk in values.chunks:
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_decode()
        here = out[at : at + len(chunk)]
        at += len(chunk)
        if pa.types.is_timestamp(chunk.type) or pa.types.is_date(chunk.type) or is_span(chunk.type):
            here[:] = as_seconds(chunk)
        else:
            here[:] = primitive(chunk.cast(pa.float64(), safe=False))
        if chunk.null_count:
            here[~valid(chunk)] = np.nan
    return out


def _content(chunk: pa.Array) -> pa.Buffer:
    """The bytes of an array's values, from its first one on, as the Arrow stream format lays them down."""
    schema = pa.schema([("", chunk.type)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.concat_arrays([chunk])], schema=schema))
    return sink.getvalue()


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _objects(values: list[Any]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _plain_numbers(values: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Integers or floats in their own type, spans in seconds, shape (n_rows,), and where they are neither null nor NaN."""
    plain, known = [], []
    for chunk in values.chunks:
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_decode()
        present = valid(chunk) if chunk.null_count else np.ones(len(chunk), dtype=bool)
        plain.append(as_seconds(chunk) if is_span(chunk.type) else primitive(chunk))
        known.append(present & ~np.isnan(plain[-1]) if plain[-1].dtype.kind == "f" else present)
    if not plain:
        return np.empty(0), np.empty(0, dtype=bool)
    return np.concatenate(plain), np.concatenate(known)


def _coded(values: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and levels of a column, the last level None for null."""
    type_ = plain_type(values.type)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or is_span(type_):
        plain, known = _plain_numbers(values)
        distinct, places = np.unique(plain[known], return_inverse=True)
        codes = np.full(len(plain), len(distinct), dtype=np.int32)
        codes[known] = places
        return codes, _objects([*_spelled(distinct), None])
    if not (_is_text(type_) or pa.types.is_boolean(type_)):
        texts = [None if v is None else _text(v) for v in values.to_pylist()]
        distinct_texts = [*dict.fromkeys(t for t in texts if t is not None), None]
        places_of = {text: at for at, text in enumerate(distinct_texts)}
        return np.array([places_of[t] for t in texts], dtype=np.int32), _objects(distinct_texts)
    if pa.types.is_dictionary(values.type):
        values = pa.chunked_array([chunk.dictionary_decode() for chunk in values.chunks], type=type_)
    if pa.types.is_string_view(type_):
        values = values.cast(pa.large_string())
    encoded = pc.dictionary_encode(values).combine_chunks()
    chunks = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
    levels = [_text(v) for v in chunks[0].dictionary.to_pylist()] if chunks else []
    parts = [primitive(chunk.indices.fill_null(len(levels))).astype(np.int32) for chunk in chunks]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32), _objects([*levels, None])


def _spelled(numbers: np.ndarray) -> list[str]:
    """Integers or floats that are no NaN as text, whole floats without their point."""
    if numbers.dtype.kind != "f":
        return [str(v) for v in numbers.tolist()]
    whole = ((numbers == np.trunc(numbers)) & np.isfinite(numbers)).tolist()
    return [str(int(v)) if is_whole else repr(v) for v, is_whole in zip(numbers.tolist(), whole, strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
