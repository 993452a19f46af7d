"""Samples that pair: which rows are taken is decided by a hash of what names them, so that everyone takes the same ones.

A row is taken where the hash of its key is small, whatever table it stands in, and in whatever process. Two tables that share rows then
share them in their samples, and a smaller sample lies within a larger one (Cohen, Kaplan 2013, "What you can do with coordinated samples").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import measured, primitive, valid
from ruleout.tables.engines import Task, asked
from ruleout.tables.kernel import CHUNK_ROWS, hash_numbers, hash_texts
from ruleout.tables.source import Source, engine_of, parts_of
from ruleout.tables.table import Table, kind_of

__all__ = ["column_hashes", "combined", "paired_rows", "paired_sample", "row_hashes"]

_WHOLE = 2.0**64
_Kept = tuple[dict[int, int], list[tuple[np.ndarray, np.ndarray, np.ndarray]]]
_N_SPANS = 10
"""Stretches of time, of equal length, from each of which a sample takes its share."""


def paired_sample(table: Table, rows: int, *, by: Sequence[str] = (), strata: Sequence[str] = (), of: int | None = None) -> Table:
    """About `rows` of a table's rows, chosen by the hash of the columns `by`; all where there are no more.

    Parameters
    ----------
    table
        In memory, or in files: these are read in pieces.
    rows
        How many to take; where several rows share a key, they are taken together or not at all.
    by
        What names a row: its key, or an entity whose rows must stay together. Without any, its number.
    strata
        Columns such as the label and the time: of each of their values, and of each tenth of the time, the same share is taken.
    of
        Rows of the larger of several tables that are sampled alike: the share is `rows / of` in each. Its own by default.

    Raises
    ------
    TableError
        A column is not there, or the rows cannot be read.
    """
    if (of or table.n_rows) <= rows:
        return table
    chosen = paired_rows(table, rows / (of or table.n_rows), by=by, strata=strata)
    return Table(table.rows.take(chosen), name=table.name, origin=table.origin)


def paired_rows(table: Table, share: float, *, by: Sequence[str] = (), strata: Sequence[str] = ()) -> np.ndarray:
    """The numbers, ascending, of the rows that a share of a table takes; what is not taken is not kept in memory.

    Within a stratum of n rows the `share * n` with the smallest hashes are taken, and with the last one all that share its hash. Between
    two tables the bounds differ by as little as two samples do.
    """
    columns = list(dict.fromkeys([*by, *strata]))
    chosen = table.select(columns) if columns else table
    spans = {column: _span(table, column) for column in strata if table.kind(column) == "time"}
    counts: dict[int, int] = {}
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    # Twice the share bounds what can be taken of any stratum but the smallest, of which a row more or less decides nothing.
    limit = np.uint64(min(2.0 * share + 1e-6, 1.0 - 2.0**-53) * _WHOLE)
    found = _smallest(chosen, limit, by, strata, spans) if columns else [_kept(_numbers_of(table), limit, (), (), {}, 0)[1]]
    for counts_here, kept_here in found:
        kept += kept_here
        for stratum, n in counts_here.items():
            counts[stratum] = counts.get(stratum, 0) + n
    if not kept:
        return np.empty(0, dtype=np.int64)
    rows, hashes, of_stratum = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    taken = np.zeros(len(rows), dtype=bool)
    for stratum, n in counts.items():
        inside = np.flatnonzero(of_stratum == np.uint64(stratum))
        wanted = min(round(share * n), len(inside))
        if wanted:
            bound = np.partition(hashes[inside], wanted - 1)[wanted - 1]
            taken[inside] = hashes[inside] <= bound
    numbers: np.ndarray = rows[taken]
    return numbers


def _smallest(
    table: Table, limit: np.uint64, by: Sequence[str], strata: Sequence[str], spans: Mapping[str, tuple[float, float]]
) -> Iterator[_Kept]:
    """What `_kept` says of each part of a table, asked of the table's engine."""
    tasks, start = [], 0
    for part in parts_of(table.rows):
        tasks.append(Task(_hashed, part, (limit, tuple(by), tuple(strata), spans, start), part.n_rows))
        start += part.n_rows
    return asked(engine_of(table.rows), tasks, table.origin)


def _hashed(source: Source, *given: Any) -> tuple[int, _Kept]:
    return _kept(source.batches(CHUNK_ROWS), *given)


def _kept(
    batches: Iterable[pa.RecordBatch],
    limit: np.uint64,
    by: Sequence[str],
    strata: Sequence[str],
    spans: Mapping[str, tuple[float, float]],
    start: int,
) -> tuple[int, _Kept]:
    """The rows that were seen, how many each stratum has, and the numbers, hashes and strata of those whose hash is small.

    `start` is the number of the first row.
    """
    counts: dict[int, int] = {}
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    first = start
    for batch in batches:
        hashes = row_hashes(batch, by, start)
        of_stratum = _strata(batch, strata, spans)
        for stratum, n in zip(*np.unique(of_stratum, return_counts=True), strict=True):
            counts[int(stratum)] = counts.get(int(stratum), 0) + int(n)
        small = np.flatnonzero(hashes <= limit)
        kept.append((small + start, hashes[small], of_stratum[small]))
        start += batch.num_rows
    return start - first, (counts, kept)


def row_hashes(batch: pa.RecordBatch, by: Sequence[str], start: int = 0) -> np.ndarray:
    """A 64-bit hash of each row over some columns, shape (n_rows,), the same in every process and for every type that holds the value.

    Parameters
    ----------
    batch
        Some rows of a table.
    by
        Columns; without any, and where all of them are null, the row's number in the table is what is hashed.
    start
        The number of the first row.
    """
    numbers = hash_numbers(np.arange(start, start + batch.num_rows, dtype=np.int64))
    if not by:
        return numbers
    out = np.zeros(batch.num_rows, dtype=np.uint64)
    known = np.zeros(batch.num_rows, dtype=bool)
    for column in by:
        here, present = _hashes(batch.column(batch.schema.get_field_index(column)))
        out = combined(out, here)
        known |= present
    return np.where(known, out, numbers)


def column_hashes(values: pa.Array) -> np.ndarray:
    """A 64-bit hash of each value of a column of numbers, text or times, shape (n_rows,); 0 for null."""
    return _hashes(values)[0]


def combined(so_far: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Hashes of rows over one more column, shape (n_rows,)."""
    return hash_numbers((so_far ^ hashes) + np.uint64(0x9E3779B97F4A7C15))


def _hashes(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of a column, 0 for null, and where it is not null. 3, 3.0 and a decimal 3 are one; so are all dictionaries of one text."""
    present = valid(values)
    out = np.zeros(len(values), dtype=np.uint64)
    if pa.types.is_dictionary(values.type):
        if not values.dictionary.null_count and pa.types.is_integer(values.type.index_type):
            # Each text of a dictionary is hashed once, however many rows have it.
            hashes, _ = _hashes(values.dictionary)
            out[present] = hashes[primitive(values.indices.drop_null() if values.null_count else values.indices)]
            return out, present
        values = values.dictionary_decode()
        present = valid(values)
    if kind_of(values.type) in {"numeric", "time"}:
        whole = pa.types.is_integer(values.type)
        # The bits of an unsigned number are those of the signed one as long as both can hold it.
        numbers = measured(values, np.dtype(np.uint64 if pa.types.is_uint64(values.type) else np.int64 if whole else np.float64))
        if numbers.dtype.kind == "f":
            numbers = numbers + 0.0
            numbers[np.isnan(numbers)] = np.nan
            # Whole floats are hashed as the integers that they are, as long as each has one float.
            exact = (np.abs(numbers) < 2.0**53) & (numbers == np.trunc(numbers))
            hashes = hash_numbers(numbers)
            hashes[exact] = hash_numbers(numbers[exact].astype(np.int64))
        else:
            hashes = hash_numbers(numbers)
        out[present] = hashes
    elif kind_of(values.type) == "category" and not pa.types.is_boolean(values.type):
        out[present] = hash_texts(values.drop_null() if values.null_count else values)
    elif pa.types.is_boolean(values.type):
        out[present] = hash_numbers(measured(values.cast(pa.int8()), np.dtype(np.int64)))
    else:
        present[:] = False
    return out, present


def _strata(batch: pa.RecordBatch, strata: Sequence[str], spans: Mapping[str, tuple[float, float]]) -> np.ndarray:
    out = np.zeros(batch.num_rows, dtype=np.uint64)
    for column in strata:
        values = batch.column(batch.schema.get_field_index(column))
        if column in spans:
            low, high = spans[column]
            present = valid(values)
            seconds = measured(values, np.dtype(np.float64))
            codes = np.zeros(batch.num_rows, dtype=np.uint64)
            codes[present] = 1 + np.clip((seconds - low) / max(high - low, 1e-9) * _N_SPANS, 0, _N_SPANS - 1).astype(np.uint64)
        else:
            codes, _ = _hashes(values)
        out = combined(out, codes)
    return out


def _span(table: Table, column: str) -> tuple[float, float]:
    """The first and the last point in time of a column."""
    tasks = [Task(_ends, part, (column,), part.n_rows) for part in parts_of(table.rows)]
    ends = list(asked(engine_of(table.rows), tasks, table.origin))
    low, high = min((low for low, _ in ends), default=np.inf), max((high for _, high in ends), default=-np.inf)
    return (low, high) if low <= high else (0.0, 0.0)


def _ends(source: Source, column: str) -> tuple[int, tuple[float, float]]:
    low, high, n_rows = np.inf, -np.inf, 0
    for chunk in source.chunks(column, CHUNK_ROWS):
        seconds = measured(chunk, np.dtype(np.float64))
        n_rows += len(chunk)
        if len(seconds):
            low, high = min(low, float(seconds.min())), max(high, float(seconds.max()))
    return n_rows, (low, high)


def _numbers_of(table: Table) -> list[pa.RecordBatch]:
    """Batches of as many rows as the table has, for hashes that need nothing of them."""
    empty = pa.schema([("", pa.null())])
    sizes = [min(CHUNK_ROWS, table.n_rows - start) for start in range(0, table.n_rows, CHUNK_ROWS)]
    return [pa.record_batch([pa.nulls(n)], schema=empty) for n in sizes]
