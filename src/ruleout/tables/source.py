"""Where a table's rows come from: memory, or files that are read piece by piece. Each origin has the same furniture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeGuard

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import row_numbers
from ruleout.tables.engines.task import Engine
from ruleout.tables.engines.threads import THREADS

if TYPE_CHECKING:
    from ruleout.tables.profile import Profile

__all__ = ["Kept", "Memory", "Source", "can_move", "engine_of", "is_source", "parts_of", "profile_of"]


class Source(Protocol):
    """Rows that can be read whole, column by column or batch by batch, more than once and from several threads."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types, known without reading a row."""
        ...

    @property
    def n_rows(self) -> int:
        """Number of rows, known without reading one."""
        ...

    def __call__(self) -> pa.Table:
        """All rows in memory."""
        ...

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time."""
        ...

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time."""
        ...

    def spread(self, column: str) -> tuple[int, Source]:
        """Rows that stand for all of a column, and the number of its values in them that are not null."""
        ...

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these ascending numbers."""
        ...

    def select(self, columns: Sequence[str]) -> Source:
        """Some of the columns, in the order given."""
        ...


def is_source(given: object) -> TypeGuard[Source]:
    """Whether this is a source. Only its class is asked: its own number of rows may take reading them."""
    return all(hasattr(type(given), name) for name in ("batches", "chunks", "spread", "take", "select"))


def profile_of(source: Source) -> Profile | None:
    """The profile of a source that has no rows, None of all others."""
    profile: Profile | None = getattr(source, "profile", None)
    return profile


class _Movable(Source, Protocol):
    """Rows that an engine's workers can read by themselves."""

    def on(self, engine: Engine) -> Source: ...


def can_move(source: Source) -> TypeGuard[_Movable]:
    """Whether an engine beyond this process can read the rows."""
    return hasattr(source, "on")


def engine_of(source: Source) -> Engine:
    """Who reads the rows: threads of this process where nobody else was named."""
    engine: Engine = getattr(source, "engine", THREADS)
    return engine


def parts_of(source: Source) -> Sequence[Source]:
    """The rows in the parts in which they are read and their states merged; the same ones whoever reads them."""
    parts: Sequence[Source] = getattr(source, "parts", (source,))
    return parts


@dataclass(frozen=True)
class Memory:
    """An Arrow table."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """Names and types."""
        return self.table.schema

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    def __call__(self) -> pa.Table:
        """All rows."""
        return self.table

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time, without a copy."""
        yield from self.table.to_batches(max_chunksize=rows)

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time, without a copy."""
        for chunk in self.table.column(column).chunks:
            for start in range(0, len(chunk), rows):
                yield chunk.slice(start, rows)

    def spread(self, column: str) -> tuple[int, Memory]:
        """All rows."""
        values = self.table.column(column)
        return len(values) - values.null_count, self

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these numbers."""
        return self.table.take(row_numbers(rows)).combine_chunks()

    def select(self, columns: Sequence[str]) -> Memory:
        """Some of the columns."""
        return Memory(self.table.select(list(columns)))


class Kept:
    """Rows of which a column is read twice, for a sample and then for all of it: what the first reading decoded serves the second.

    Parameters
    ----------
    source
        Where the rows are.
    columns
        The columns that are read twice. After their second reading nothing of them is kept.
    """

    def __init__(self, source: Source, columns: Sequence[str]) -> None:
        self._source = source
        self._columns = frozenset(columns)
        self._kept: dict[str, list[pa.Array]] = {}

    @property
    def schema(self) -> pa.Schema:
        """Names and types."""
        return self._source.schema

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    def __call__(self) -> pa.Table:
        """All rows in memory."""
        return self._source()

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All columns, at most `rows` rows at a time."""
        return self._source.batches(rows)

    def chunks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """One column, at most `rows` rows at a time."""
        if column not in self._columns:
            yield from self._source.chunks(column, rows)
            return
        kept = self._kept.pop(column, None)
        if kept is None:
            kept = self._kept[column] = list(self._source.chunks(column, rows))
        yield from kept

    def spread(self, column: str) -> tuple[int, Source]:
        """Rows that stand for all of a column; where these are all rows, they are kept."""
        n_values, spread = self._source.spread(column)
        return n_values, self if spread.n_rows == self.n_rows else spread

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these ascending numbers."""
        return self._source.take(rows)

    def select(self, columns: Sequence[str]) -> Source:
        """Some of the columns."""
        return self._source.select(columns)
