"""Rows by the place of their hash: what travels between those who read a table and those who hold rows against each other."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import row_numbers
from ruleout.tables.kernel import runs

__all__ = ["packed_rows", "place_of", "places_for", "unpacked_rows"]

_VALUES = 8_000_000
"""Values of a place, about: 64 MB of numbers."""
_MOST_PLACES = 512
"""More places mean smaller pieces; on a cluster each of them is a task for every part."""
_SIZE = struct.Struct("<q")


def places_for(n_values: int) -> int:
    """Over how many places so many values are spread, whoever does it."""
    return min(max(1, -(-n_values // _VALUES)), _MOST_PLACES)


def place_of(hashes: np.ndarray, n_places: int) -> np.ndarray:
    """The place of each hash, shape (n_rows,), the same in every process."""
    place: np.ndarray = (hashes >> np.uint64(32)) % np.uint64(n_places)
    return place


def packed_rows(rows: pa.RecordBatch, hashes: np.ndarray, n_places: int) -> Iterator[tuple[int, int, bytes]]:
    """Rows as pieces: a place, how many of them are of that place, and these, packed."""
    places = place_of(hashes, n_places)
    order = np.argsort(places, kind="stable")
    ordered = rows.take(row_numbers(order))
    for start, length in zip(*runs(places[order]), strict=True):
        piece = ordered.slice(start, length).serialize()
        yield int(places[order[start]]), int(length), _SIZE.pack(piece.size) + pa.compress(piece, "lz4", asbytes=True)


def unpacked_rows(pieces: Sequence[bytes], schema: pa.Schema) -> pa.Table:
    """The rows of some pieces."""
    batches = []
    for content in pieces:
        (size,) = _SIZE.unpack_from(content)
        held = pa.decompress(pa.py_buffer(content)[_SIZE.size :], size, "lz4")
        batches.append(pa.ipc.read_record_batch(held, schema))
    return pa.Table.from_batches(batches, schema)
