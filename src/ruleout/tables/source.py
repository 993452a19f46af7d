"""Where a table's rows come from: memory, or files that are read piece by piece. Each origin has the same furniture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeGuard

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import row_numbers

if TYPE_CHECKING:
    from ruleout.tables.profile import Profile

__all__ = ["Memory", "Source", "is_source", "profile_of"]


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

    def spread(self, column: str, rows: int) -> tuple[int, Iterator[pa.Array]]:
        """Chunks of a column that stand for all of it, and the number of values in them that are not null."""
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

    def spread(self, column: str, rows: int) -> tuple[int, Iterator[pa.Array]]:
        """The whole column."""
        values = self.table.column(column)
        return len(values) - values.null_count, self.chunks(column, rows)

    def take(self, rows: np.ndarray) -> pa.Table:
        """The rows with these numbers."""
        return self.table.take(row_numbers(rows)).combine_chunks()

    def select(self, columns: Sequence[str]) -> Memory:
        """Some of the columns."""
        return Memory(self.table.select(list(columns)))
