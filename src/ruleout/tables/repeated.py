"""Rows that come again, in one table or in two, counted over all rows by hash in bounded memory.

A row is its 64-bit hash: among n rows about n^2 / 2^65 pairs are taken for equal that are not (one in 3,700 tables of 100 million rows).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ruleout.tables.engines import THREADS, Finish, Split, exchanged
from ruleout.tables.kernel import CHUNK_ROWS, runs
from ruleout.tables.pairing import column_hashes, combined
from ruleout.tables.places import place_of, places_for
from ruleout.tables.source import Source, engine_of, parts_of
from ruleout.tables.table import Table, kind_of

__all__ = ["MOST_VALUES", "Repeats", "SharedCopies", "affordable", "count_repeats", "count_shared"]

MOST_VALUES = 500_000_000
"""Values of tables that are counted whole within an investigation, at most."""

_WAY = struct.Struct("<q")

Ways = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Repeats:
    """How often rows of a table come again.

    Parameters
    ----------
    n_rows
        Rows that were counted: all.
    n_repeats
        Those that repeat an earlier one.
    n_pairs
        Pairs of equal rows.
    """

    n_rows: int
    n_repeats: int
    n_pairs: int


@dataclass(frozen=True)
class SharedCopies:
    """Rows that stand in two tables.

    Parameters
    ----------
    n_first, n_second
        Rows of either: all.
    n_shared
        Rows of the second table that the first one has.
    n_twins
        Rows of the first table that have an equal among its others.
    n_pairs
        Pairs of equal rows within the second.
    """

    n_first: int
    n_second: int
    n_shared: int
    n_twins: int
    n_pairs: int


def affordable(*tables: Table) -> bool:
    """Whether counting the rows of these tables whole costs no more than about fifteen seconds of a processor."""
    return sum(table.n_rows * len(table.columns) for table in tables) <= MOST_VALUES


def count_repeats(table: Table, ways: Sequence[Sequence[str]]) -> list[Repeats]:
    """Count the rows that come again by each of several sets of columns, in one pass. Null is equal to null, and 3 to 3.0.

    Raises
    ------
    TableError
        A column is not there, or the rows cannot be read.
    """
    by = tuple(tuple(columns) for columns in ways)
    n_places = places_for(table.n_rows)
    found = _places([table], by, n_places, Finish(_repeats, ()))
    counts = np.zeros((len(by), 3), dtype=np.int64)
    for way, *some in found:
        counts[way] += some
    return [Repeats(*map(int, row)) for row in counts]


def count_shared(first: Table, second: Table, columns: Sequence[str]) -> SharedCopies:
    """Count the rows of a table that another one has as well, by some columns that both have, whatever types hold the values.

    Raises
    ------
    TableError
        A column is not there, or the rows cannot be read.
    """
    n_places = places_for(first.n_rows + second.n_rows)
    found = _places([first, second], (tuple(columns),), n_places, Finish(_shared, (len(_parts(first)),)))
    return SharedCopies(*map(int, np.array([(0,) * 5, *found], dtype=np.int64).sum(axis=0)))


def _places(tables: Sequence[Table], ways: Ways, n_places: int, finish: Finish) -> list[tuple[int, ...]]:
    wanted = list(dict.fromkeys(column for columns in ways for column in columns))
    chosen = [table.select(wanted) for table in tables]
    splits = [Split(_hashes, part, (ways, n_places), part.n_rows * len(ways)) for table in chosen for part in _parts(table)]
    engines = {id(engine_of(table.rows)): engine_of(table.rows) for table in chosen}
    engine = next(iter(engines.values())) if len(engines) == 1 else THREADS
    return exchanged(engine, splits, finish, ", ".join(table.origin for table in tables))


def _parts(table: Table) -> list[Source]:
    return [part for part in parts_of(table.rows) if part.n_rows]


def _hashes(source: Source, ways: Ways, n_places: int) -> Iterator[tuple[int, int, bytes]]:
    """The hashes of a part's rows, way by way, by their place; a piece of one column is in memory."""
    rows = [np.zeros(source.n_rows, dtype=np.uint64) for _ in ways]
    seen = source.n_rows
    for column in dict.fromkeys(column for columns in ways for column in columns):
        end = 0
        for chunk in source.chunks(column, CHUNK_ROWS):
            start, end = end, end + len(chunk)
            hashes = column_hashes(_plain(chunk))
            for columns, so_far in zip(ways, rows, strict=True):
                if column in columns:
                    so_far[start:end] = combined(so_far[start:end], hashes)
        # What a file no longer holds is missed where the rows are counted again.
        seen = min(seen, end)
    for way, so_far in enumerate(rows):
        places = place_of(so_far[:seen], n_places)
        order = np.argsort(places, kind="stable")
        for start, length in zip(*runs(places[order]), strict=True):
            some = order[start : start + length]
            yield way * n_places + int(places[some[0]]), int(length), _WAY.pack(way) + so_far[some].tobytes()


def _plain(values: pa.Array) -> pa.Array:
    """Text in a dictionary, so that each is hashed once; what is neither number, text nor time as text."""
    if pa.types.is_dictionary(values.type) or pa.types.is_null(values.type) or pa.types.is_boolean(values.type):
        return values
    kind = kind_of(values.type)
    if kind == "other":
        return pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.string())
    return values.dictionary_encode() if kind == "category" else values


def _repeats(pieces: list[tuple[int, bytes]]) -> tuple[int, ...]:
    """The way by which the rows of one place were hashed, and the counts of `Repeats`."""
    (way,) = _WAY.unpack_from(pieces[0][1])
    counts = _counts(_joined(pieces))[1]
    return way, int(counts.sum()), int((counts - 1).sum()), int((counts * (counts - 1) // 2).sum())


def _shared(pieces: list[tuple[int, bytes]], n_first: int) -> tuple[int, ...]:
    """The counts of `SharedCopies` in one place; rows of the first parts are the first table's."""
    first, n = _counts(_joined([piece for piece in pieces if piece[0] < n_first]))
    second, m = _counts(_joined([piece for piece in pieces if piece[0] >= n_first]))
    shared = np.isin(second, first, assume_unique=True)
    return int(n.sum()), int(m.sum()), int(m[shared].sum()), int(n[n > 1].sum()), int((m * (m - 1) // 2).sum())


def _joined(pieces: list[tuple[int, bytes]]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=np.uint64), *(np.frombuffer(content, np.uint64, offset=_WAY.size) for _, content in pieces)])


def _counts(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hashes.sort()
    starts, lengths = runs(hashes)
    return hashes[starts], lengths
