"""The rows that two tables share by key, and where their values differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import TableError
from ruleout.tables.buffers import plain_type, primitive, row_numbers, valid
from ruleout.tables.spoken import duration, figure, moment, part, quoted
from ruleout.tables.table import Table, kind_of

__all__ = ["CellChange", "SharedRows", "join_rows"]

_SAME = 1e-9
_SAME_SINGLE = 1e-6
"""Numbers this close, relative to their size, are the same written otherwise; the second where one side has single precision."""
_ALL_BUT = 0.99


@dataclass(frozen=True)
class CellChange:
    """One column on the rows that both tables have.

    Parameters
    ----------
    column
        Its name.
    n_differ
        Shared rows on which its value is another one.
    n_became_null, n_was_null
        Those of them that are null on the current side alone, on the reference alone.
    said
        What is common to the differences, in words; empty where nothing is.
    """

    column: str
    n_differ: int
    n_became_null: int
    n_was_null: int
    said: str

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "column": self.column,
            "n_differ": self.n_differ,
            "n_became_null": self.n_became_null,
            "n_was_null": self.n_was_null,
            "said": self.said,
        }


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


def join_rows(reference: Table, current: Table, key: Sequence[str], columns: Sequence[str]) -> SharedRows:
    """Join two tables by key and hold the values of `columns` beside each other, row by row; one column at a time is in memory.

    Raises
    ------
    TableError
        A table lacks a column of the key, or holds it as another kind than the other one.
    """
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
    differs_anywhere = np.zeros(len(mine), dtype=bool)
    changes, same = [], []
    for column in columns:
        if column in key or not _comparable(reference, current, column):
            continue
        differs, change = _cells(reference, current, column, mine, theirs)
        differs_anywhere |= differs
        if change.n_differ:
            changes.append(change)
        else:
            same.append(column)
    alone = [int(((side == 1) & (counts[1 - at] == 0)).sum()) for at, side in enumerate(counts)]
    repeated = [int(side[side > 1].sum()) for side in counts]
    return SharedRows(
        tuple(key),
        len(mine),
        alone[0],
        alone[1],
        repeated[0],
        repeated[1],
        int((there < 0).sum()),
        int((here < 0).sum()),
        int(differs_anywhere.sum()),
        tuple(sorted(changes, key=lambda change: -change.n_differ)),
        tuple(same),
    )


def _keys(reference: Table, current: Table, key: Sequence[str]) -> np.ndarray:
    """One number for each distinct key over both tables, shape (n_reference + n_current,); -1 where a part of it is null."""
    codes = np.zeros(reference.n_rows + current.n_rows, dtype=np.int64)
    absent = np.zeros(len(codes), dtype=bool)
    for column in key:
        kinds = [table.kind(column) for table in (reference, current)]
        first, second = (_plain(table, column) for table in (reference, current))
        type_ = _shared_type(first.type, second.type) if kinds[0] == kinds[1] != "other" else None
        if type_ is None and kinds[0] == kinds[1]:
            raise TableError(
                f"{reference.origin}: key {column!r} holds {first.type}, expected numbers, text or times; name another column."
            )
        if type_ is None:
            raise TableError(
                f"{current.origin}: key {column!r} holds {second.type}, but {first.type} in {reference.origin}; "
                "write it as numbers, text or times of one type in both."
            )
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


def _cells(reference: Table, current: Table, column: str, mine: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, CellChange]:
    """Where a column differs on the shared rows, shape (n_shared,), and what is to be said of it."""
    first, second = _plain(reference, column), _plain(current, column)
    type_ = _shared_type(first.type, second.type)
    single = any(pa.types.is_float32(side.type) or pa.types.is_float16(side.type) for side in (first, second))
    there, here = (
        side.cast(type_, safe=False).take(row_numbers(rows)).combine_chunks() for side, rows in ((first, mine), (second, theirs))
    )
    there, here = (side.chunk(0) if isinstance(side, pa.ChunkedArray) and side.num_chunks == 1 else side for side in (there, here))
    known = [_known(side) for side in (there, here)]
    both = known[0] & known[1]
    differs = known[0] ^ known[1]
    said = ""
    if kind_of(type_) == "category":
        unequal = _filled(pc.not_equal(there, here)) & both
        said = _replaced(there, here, unequal) if unequal.any() else ""
    else:
        values = [_numbers(side) for side in (there, here)]
        tolerance = _SAME_SINGLE if single else _SAME
        unequal = both & (values[0] != values[1])
        if pa.types.is_floating(type_):
            with np.errstate(over="ignore", invalid="ignore"):
                near = np.abs(values[1] - values[0]) <= tolerance * np.maximum(np.abs(values[0]), np.abs(values[1]))
            unequal &= ~(near & np.isfinite(values[0]) & np.isfinite(values[1]))
        said = _moved(values[0][unequal].astype(float), values[1][unequal].astype(float), kind_of(type_) == "time") if unequal.any() else ""
    differs |= unequal
    became, was = int((known[0] & ~known[1]).sum()), int((~known[0] & known[1]).sum())
    parts = [said, f"{became:,} became null" if became else "", f"{was:,} were null" if was else ""]
    return differs, CellChange(column, int(differs.sum()), became, was, "; ".join(filter(None, parts)))


def _known(values: pa.Array) -> np.ndarray:
    """Where a value is neither null nor NaN, shape (n_rows,)."""
    present = valid(values)
    if pa.types.is_floating(values.type):
        present &= ~np.isnan(_numbers(values))
    return present


def _numbers(values: pa.Array) -> np.ndarray:
    """Numbers and times (in microseconds) with 0 for null, shape (n_rows,)."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return primitive(values.fill_null(0)) if values.null_count else primitive(values)


def _filled(values: pa.Array) -> np.ndarray:
    return primitive(values.fill_null(False).cast(pa.uint8())).astype(bool)


def _replaced(there: pa.Array, here: pa.Array, unequal: np.ndarray) -> str:
    """The replacement that is most frequent among the rows that differ."""
    rows = row_numbers(np.flatnonzero(unequal))
    pairs = pa.table({"there": there.take(rows), "here": here.take(rows)}).group_by(["there", "here"]).aggregate([([], "count_all")])
    counts = pairs.column("count_all").to_pylist()
    at = min(range(len(counts)), key=lambda row: (-counts[row], str(pairs.column("there")[row]), str(pairs.column("here")[row])))
    first, second = (quoted(pairs.column(side)[at].as_py()) for side in ("there", "here"))
    share = counts[at] / sum(counts)
    return f"{first} → {second}" + (f" on {part(share)} of them" if share < _ALL_BUT else "")


def _moved(there: np.ndarray, here: np.ndarray, time: bool) -> str:
    """What numbers that differ have in common: one step, one factor, or else the middle difference."""
    if len(here) > 1 and (here == here[0]).all():
        return f"every one became {_point(here[0], time)}"
    finite = np.isfinite(there) & np.isfinite(here)
    if not finite.any():
        return "infinite on one side"
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return _moved_by(there[finite], here[finite], time)


def _moved_by(there: np.ndarray, here: np.ndarray, time: bool) -> str:
    """The same of finite numbers, of which differences may be infinite all the same."""
    gaps = here - there
    step = float(np.median(gaps))
    ratios = here[there != 0] / there[there != 0]
    factor = float(np.median(ratios)) if len(ratios) else 0.0
    if step and (np.abs(gaps - step) <= 1e-6 * np.maximum(np.abs(there), np.abs(here))).mean() >= _ALL_BUT:
        return f"every one {'+' if step > 0 else '-'} {_size(step, time)}"
    if not time and factor and (np.abs(here - factor * there) <= 1e-6 * np.abs(here)).mean() >= _ALL_BUT:
        return f"every one x {figure(float(f'{factor:.6g}'))}"
    middle = float(np.median(np.abs(gaps)))
    up = float((gaps > 0).mean())
    direction = f"{part(up)} of them up" if 0.1 < up < 0.9 else "most of them up" if up >= 0.9 else "most of them down"
    return f"by {_size(middle, time)} in the middle, {direction}"


def _point(value: float, time: bool) -> str:
    return moment(value / 1e6, fine=True) if time else figure(float(value))


def _size(gap: float, time: bool) -> str:
    return duration(gap / 1e6) if time else figure(float(f"{abs(gap):.4g}"))
