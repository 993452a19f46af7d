"""The rows that two tables share by key, and where their values differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.buffers import plain_type, primitive, row_numbers, valid
from ruleout.tables.cells import CellChange, Cells, cells_of, change_of
from ruleout.tables.engines import THREADS, Finish, Split, exchanged
from ruleout.tables.kernel import CHUNK_ROWS
from ruleout.tables.pairing import row_hashes
from ruleout.tables.places import packed_rows, places_for, unpacked_rows
from ruleout.tables.source import Memory, Source, engine_of, parts_of
from ruleout.tables.table import Table, kind_of

__all__ = ["CellChange", "SharedRows", "join_rows"]

_FEW_ROWS = 4_000_000
"""Rows of both tables up to which the keys of all of them are in memory at once."""

_LOOKED_AT = 20_000
"""Values of a column that differ, over all places, by which it is said what the differences have in common."""


@dataclass(frozen=True)
class SharedRows:
    """Two tables joined by key. Rows without a key, and rows whose key occurs more than once in their table, are not joined.

    Parameters
    ----------
    key
        The columns by which rows are the same.
    n_shared
        Rows that both tables have.
    n_only_reference, n_only_current
        Rows whose key one table alone has.
    n_repeated_reference, n_repeated_current
        Rows whose key occurs more than once in their table.
    n_without_key_reference, n_without_key_current
        Rows of which a part of the key is null.
    n_differ
        Shared rows on which at least one column differs.
    differing
        The columns that differ, those that differ on most rows first.
    same
        The columns that are the same on every shared row.
    """

    key: tuple[str, ...]
    n_shared: int
    n_only_reference: int
    n_only_current: int
    n_repeated_reference: int
    n_repeated_current: int
    n_without_key_reference: int
    n_without_key_current: int
    n_differ: int
    differing: tuple[CellChange, ...]
    same: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The join as JSON."""
        return {
            "key": list(self.key),
            "n_shared": self.n_shared,
            "n_only_reference": self.n_only_reference,
            "n_only_current": self.n_only_current,
            "n_repeated_reference": self.n_repeated_reference,
            "n_repeated_current": self.n_repeated_current,
            "n_without_key_reference": self.n_without_key_reference,
            "n_without_key_current": self.n_without_key_current,
            "n_differ": self.n_differ,
            "differing": [change.to_dict() for change in self.differing],
            "same": list(self.same),
        }


@dataclass(frozen=True)
class _Joined:
    """The join of some rows: the counts of `SharedRows`, and what of each column differs."""

    n_shared: int
    n_only_reference: int
    n_only_current: int
    n_repeated_reference: int
    n_repeated_current: int
    n_without_key_reference: int
    n_without_key_current: int
    n_differ: int
    cells: tuple[Cells, ...]


def join_rows(reference: Table, current: Table, key: Sequence[str], columns: Sequence[str]) -> SharedRows:
    """Join two tables by key and hold the values of `columns` beside each other, row by row.

    Tables in memory, and files of few rows, are joined at once and here, one column of either in memory. Else whoever reads the tables
    brings rows of equal keys together, place by place, so that those of a place are in memory alone; of very many differences an even part
    is then looked at for what they have in common, which is said.

    Raises
    ------
    TableError
        A table lacks a column of the key, or holds it as another kind than the other one.
    """
    for column in key:
        _key_type(reference, current, column)
    compared = [column for column in columns if column not in key and _comparable(reference, current, column)]
    in_memory = all(isinstance(table.rows, Memory) for table in (reference, current))
    if in_memory or reference.n_rows + current.n_rows <= _FEW_ROWS:
        found = [_joined(reference, current, key, compared)]
    else:
        found = _by_places(reference, current, key, compared)
    changes = [change_of(some) for some in zip(*(one.cells for one in found), strict=True)]
    counts = {entry.name: sum(getattr(one, entry.name) for one in found) for entry in fields(_Joined) if entry.name != "cells"}
    return SharedRows(
        key=tuple(key),
        differing=tuple(sorted((change for change in changes if change.n_differ), key=lambda change: -change.n_differ)),
        same=tuple(change.column for change in changes if not change.n_differ),
        **counts,
    )


def _by_places(reference: Table, current: Table, key: Sequence[str], columns: Sequence[str]) -> list[_Joined]:
    """The join of the rows of every place."""
    wanted = [*key, *columns]
    tables = [table.select(wanted) for table in (reference, current)]
    schemas = [pa.schema([(field.name, plain_type(field.type)) for field in table.schema]) for table in tables]
    types = tuple((column, _key_type(reference, current, column)) for column in key)
    n_places = places_for((reference.n_rows + current.n_rows) * len(wanted))
    splits = [
        Split(_cut, part, (types, schema, n_places), part.n_rows)
        for table, schema in zip(tables, schemas, strict=True)
        for part in parts_of(table.rows)
    ]
    n_first = len(parts_of(tables[0].rows))
    finish = Finish(_joined_pieces, (n_first, *schemas, tuple(key), tuple(columns), max(1, _LOOKED_AT // n_places)))
    engine = engine_of(tables[0].rows)
    if not engine.here and engine_of(tables[1].rows) is not engine:
        engine = THREADS
    said = f"{reference.origin}, {current.origin}"
    return exchanged(engine, splits, finish, said) or [_joined_pieces([], 0, schemas[0], schemas[1], key, columns, 1)]


def _cut(source: Source, types: Sequence[tuple[str, pa.DataType]], schema: pa.Schema, n_places: int) -> Iterator[tuple[int, int, bytes]]:
    """The rows of a part by the hash of their key."""
    start = 0
    for batch in source.batches(CHUNK_ROWS):
        rows = pa.RecordBatch.from_arrays(
            [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns], schema=schema
        )
        keys = pa.RecordBatch.from_arrays(
            [rows.column(rows.schema.get_field_index(column)).cast(type_, safe=False) for column, type_ in types],
            names=[column for column, _ in types],
        )
        hashes = row_hashes(keys, [column for column, _ in types], start)
        start += batch.num_rows
        yield from packed_rows(rows, hashes, n_places)


def _joined_pieces(
    pieces: list[tuple[int, bytes]],
    n_first: int,
    first: pa.Schema,
    second: pa.Schema,
    key: Sequence[str],
    columns: Sequence[str],
    most: int,
) -> _Joined:
    """The join of the rows of one place; those of the first parts are the reference's."""
    reference = unpacked_rows([content for part, content in pieces if part < n_first], first)
    current = unpacked_rows([content for part, content in pieces if part >= n_first], second)
    return _joined(Table(reference), Table(current), key, columns, most)


def _joined(reference: Table, current: Table, key: Sequence[str], columns: Sequence[str], most: int | None = None) -> _Joined:
    """The join of two tables; the codes of all keys are in memory, and one column of either at a time."""
    codes = _keys(reference, current, key)
    n = reference.n_rows
    there, here = codes[:n], codes[n:]
    size = int(codes.max(initial=-1)) + 1
    counts = [np.bincount(side[side >= 0], minlength=size) for side in (there, here)]
    once = (counts[0] == 1) & (counts[1] == 1)
    where = np.full(size + 1, -1, dtype=np.int64)
    where[here] = np.arange(len(here))
    mine = np.flatnonzero((there >= 0) & once[there]) if size else np.empty(0, dtype=np.int64)
    theirs = where[there[mine]]
    differs = np.zeros(len(mine), dtype=bool)
    found = []
    for column in columns:
        differs_here, cells = _cells(reference, current, column, mine, theirs, most)
        differs |= differs_here
        found.append(cells)
    alone = [int(((side == 1) & (counts[1 - at] == 0)).sum()) for at, side in enumerate(counts)]
    repeated = [int(side[side > 1].sum()) for side in counts]
    return _Joined(
        n_shared=len(mine),
        n_only_reference=alone[0],
        n_only_current=alone[1],
        n_repeated_reference=repeated[0],
        n_repeated_current=repeated[1],
        n_without_key_reference=int((there < 0).sum()),
        n_without_key_current=int((here < 0).sum()),
        n_differ=int(differs.sum()),
        cells=tuple(found),
    )


def _key_type(reference: Table, current: Table, column: str) -> pa.DataType:
    """The type in which a column of the key is held against the other side's. Raises `TableError` where there is none."""
    first, second = (plain_type(table.schema.field(column).type) for table in (reference, current))
    kinds = [table.kind(column) for table in (reference, current)]
    type_ = _shared_type(first, second) if kinds[0] == kinds[1] != "other" else None
    if type_ is None and kinds[0] == kinds[1]:
        raise TableError(f"{reference.origin}: key {column!r} holds {first}, expected numbers, text or times; name another column.")
    if type_ is None:
        raise TableError(
            f"{current.origin}: key {column!r} holds {second}, but {first} in {reference.origin}; "
            "write it as numbers, text or times of one type in both."
        )
    return type_


def _keys(reference: Table, current: Table, key: Sequence[str]) -> np.ndarray:
    """One number for each distinct key over both tables, shape (n_reference + n_current,); -1 where a part of it is null."""
    codes = np.zeros(reference.n_rows + current.n_rows, dtype=np.int64)
    absent = np.zeros(len(codes), dtype=bool)
    for column in key:
        type_ = _key_type(reference, current, column)
        first, second = (_plain(table, column) for table in (reference, current))
        both = pa.chunked_array([*first.cast(type_, safe=False).chunks, *second.cast(type_, safe=False).chunks], type=type_)
        encoded = both.combine_chunks().dictionary_encode()
        chunks = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
        places = np.concatenate([primitive(chunk.indices.fill_null(0)) for chunk in chunks] or [np.empty(0, dtype=np.int32)])
        nulls = np.concatenate([~valid(chunk) for chunk in chunks] or [np.empty(0, dtype=bool)])
        absent |= nulls
        if len(key) == 1:
            codes = places.astype(np.int64)
        else:
            # Pairs of (key so far, value) are numbered anew with every column, so that they never outgrow 64 bits.
            codes = np.unique(codes * (int(places.max(initial=0)) + 1) + places, return_inverse=True)[1].astype(np.int64)
    codes[absent] = -1
    return codes


def _plain(table: Table, column: str) -> pa.ChunkedArray:
    """A column as it is in memory or files, without dictionaries."""
    values = table.select([column]).arrow.column(column)
    if pa.types.is_dictionary(values.type):
        values = pa.chunked_array([chunk.dictionary_decode() for chunk in values.chunks], type=plain_type(values.type))
    return values


def _shared_type(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    """The type in which values of one kind on both sides are held against each other; None where there is none."""
    if pa.types.is_null(first) and pa.types.is_null(second):
        return pa.float64()
    if pa.types.is_null(first) or pa.types.is_null(second):
        return _shared_type(second, second) if pa.types.is_null(first) else _shared_type(first, first)
    kinds = {kind_of(first), kind_of(second)}
    if len(kinds) > 1 or kinds == {"other"}:
        return None
    if kinds == {"category"}:
        return pa.large_string()
    if kinds == {"time"}:
        return pa.timestamp("us")
    integers = [pa.types.is_integer(type_) for type_ in (first, second)]
    if all(integers):
        return pa.uint64() if pa.types.is_uint64(first) and pa.types.is_uint64(second) else pa.int64()
    return pa.float64()


def _comparable(reference: Table, current: Table, column: str) -> bool:
    types = [plain_type(table.schema.field(column).type) for table in (reference, current)]
    return _shared_type(types[0], types[1]) is not None


def _cells(
    reference: Table, current: Table, column: str, mine: np.ndarray, theirs: np.ndarray, most: int | None
) -> tuple[np.ndarray, Cells]:
    """Where a column differs on the shared rows, shape (n_shared,), and how."""
    first, second = _plain(reference, column), _plain(current, column)
    type_ = _shared_type(first.type, second.type)
    single = any(pa.types.is_float32(side.type) or pa.types.is_float16(side.type) for side in (first, second))
    sides = [side.cast(type_, safe=False).take(row_numbers(rows)).combine_chunks() for side, rows in ((first, mine), (second, theirs))]
    there, here = (side.combine_chunks() if isinstance(side, pa.ChunkedArray) else side for side in sides)
    return cells_of(column, there, here, single=single, most=most)
