"""What a table holds, column by column, from one pass over its rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.buffers import domain, measured
from ruleout.tables.kernel import CHUNK_ROWS, edges_of
from ruleout.tables.state import CategoryState, NumberState, OtherState, State
from ruleout.tables.table import Kind, Table, kind_of

__all__ = ["ColumnProfile", "Plan", "Profile", "described", "plan_of", "profile_table", "sample_of"]

_SAMPLE_ROWS = 40_000
_FEW_ROWS = 20_000
"""Below this starting threads costs more than it saves."""


@dataclass(frozen=True)
class Plan:
    """How a column is read: its kind, and the edges between which its numbers are counted."""

    kind: Kind
    edges: np.ndarray | None = None


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Numbers are in the column's own unit; times are seconds since 1970.

    Parameters
    ----------
    name, kind, type
        Its name, how it is looked at, and its Arrow type in words ("double").
    n, n_null
        Rows, and those that are null.
    n_nan, n_infinite
        Rows that are NaN, plus or minus infinity. NaN is not null, but neither has a value.
    min, max, mean, std
        Of the finite values (std with n - 1); None where there are none, or not enough.
    distinct
        Number of distinct values: exact below 4,096, else estimated with a standard error of 1.6 %.
    top
        The most frequent values with their counts, the most frequent first. For categories all of them, up to 16,384.
    top_error
        What each of these counts may lack (0 where they are exact).
    state
        What it was made from; states of other rows merge into it, and two over the same edges compare.
    """

    name: str
    kind: Kind
    type: str
    n: int
    n_null: int
    n_nan: int = 0
    n_infinite: int = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    top: tuple[tuple[Any, int], ...] = ()
    top_error: int = 0
    state: State = field(default_factory=OtherState, repr=False, compare=False)

    @property
    def n_values(self) -> int:
        """Rows that are neither null nor NaN."""
        return self.n - self.n_null - self.n_nan

    @property
    def counted_only(self) -> bool:
        """Whether nothing but rows and nulls is known: lists, structs, bytes and times of day are not looked into."""
        return self.kind == "other"

    @property
    def null_rate(self) -> float:
        """Share of rows that are null or NaN, in [0, 1]; 0 for a table without rows."""
        return (self.n_null + self.n_nan) / self.n if self.n else 0.0

    @property
    def top_share(self) -> float:
        """Share of the values that are the most frequent one, in [0, 1]."""
        return self.top[0][1] / self.n_values if self.top and self.n_values else 0.0

    @cached_property
    def shares(self) -> Mapping[Any, float]:
        """Share of the values that each of the most frequent ones has."""
        return {value: count / self.n_values for value, count in self.top} if self.n_values else {}

    @property
    def edges(self) -> np.ndarray:
        """At most 1,023 ascending edges, shape (n_edges,); empty where the column holds no numbers."""
        return self.state.edges if isinstance(self.state, NumberState) else np.empty(0)

    @property
    def counts(self) -> np.ndarray:
        """Values in (-inf, e0], (e0, e1], …, (ek, inf), shape (n_edges + 1,); infinities are in the ends."""
        return self.state.counts if isinstance(self.state, NumberState) else np.empty(0, dtype=np.int64)

    def quantile(self, share: float) -> float | None:
        """The value below which a share of the values lies, by linear interpolation between edges; None where there are none."""
        if not isinstance(self.state, NumberState) or self.min is None or self.max is None:
            return None
        filled = np.flatnonzero(self.counts)
        heights = np.cumsum(self.counts[filled])
        wanted = min(max(share, 0.0), 1.0) * heights[-1]
        at = int(np.searchsorted(heights, wanted))
        bounds = np.concatenate([[self.min], np.clip(self.edges.astype(np.float64), self.min, self.max), [self.max]])
        low, high = bounds[filled[at]], bounds[filled[at] + 1]
        if self.edges.dtype.kind != "f" and filled[at]:
            low = min(low + 1, high)  # the smallest integer above the edge
        inside = (wanted - (heights[at] - self.counts[filled[at]])) / self.counts[filled[at]]
        return float(low * (1 - inside) + high * inside)

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON: figures, seven quantiles and the ten most frequent values."""
        levels = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        return {
            "kind": self.kind,
            "type": self.type,
            "counted_only": self.counted_only,
            "n": self.n,
            "n_null": self.n_null,
            "n_nan": self.n_nan,
            "n_infinite": self.n_infinite,
            "min": self.min,
            "max": self.max,
            "mean": self.mean,
            "std": self.std,
            "distinct": self.distinct,
            "quantiles": {str(level): self.quantile(level) for level in levels} if self.min is not None else {},
            "top": [[value, count] for value, count in self.top[:10]],
        }


class Profile(Mapping[str, ColumnProfile]):
    """The profile of every column of a table, by name, in the table's order.

    Parameters
    ----------
    name
        What the table is called.
    n_rows
        Its rows.
    columns
        A profile for each column.
    """

    def __init__(self, name: str, n_rows: int, columns: Mapping[str, ColumnProfile]) -> None:
        self.name = name
        self.n_rows = n_rows
        self._columns = dict(columns)

    def __getitem__(self, column: str) -> ColumnProfile:
        return self._columns[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {self.n_rows:,} rows x {len(self)} columns)"

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON."""
        return {"name": self.name, "n_rows": self.n_rows, "columns": {name: column.to_dict() for name, column in self.items()}}


def profile_table(table: Table, plans: Mapping[str, Plan] | None = None) -> Profile:
    """Read every column once, on threads, and say what it holds; what is stored already is not read again.

    Parameters
    ----------
    table
        In memory, or in Parquet files: then one row group of one column a thread is in memory.
    plans
        Columns to read and how; by default all of them, each between the quantiles of its own sample.

    Raises
    ------
    TableError
        The rows that came are not as many as the table said, or cannot be read.
    """
    columns = list(plans) if plans is not None else list(table.columns)
    if table.stored is not None:
        known = {column: table.stored[column] for column in columns}
        return Profile(table.name, table.n_rows, known if plans is None else {c: _planned(known[c], plan) for c, plan in plans.items()})

    def read(column: str) -> ColumnProfile:
        return _profile_column(table, column, plans[column] if plans is not None else plan_of(table, column))

    n_threads = min(len(columns), _cores()) if table.n_rows > _FEW_ROWS else 1
    if n_threads < 2:
        return Profile(table.name, table.n_rows, {column: read(column) for column in columns})
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(n_threads) as pool:
        return Profile(table.name, table.n_rows, dict(zip(columns, pool.map(read, columns), strict=True)))


def _cores() -> int:
    """Processors that this process may use. Arrow's own count follows OMP_NUM_THREADS, which is there for the arithmetic libraries."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan_of(table: Table, column: str) -> Plan:
    """How a column is read on its own: numbers and times between the quantiles of a sample."""
    type_ = table.schema.field(column).type
    kind = kind_of(type_)
    if kind not in {"numeric", "time"}:
        return Plan(kind)
    return Plan(kind, edges_of(sample_of(table, column, domain(type_))))


def sample_of(table: Table, column: str, dtype: np.dtype) -> np.ndarray:
    """About 40,000 values of a numeric or time column, evenly strided over its values that are not null, as `dtype`."""
    n_values, chunks = table.rows.spread(column, CHUNK_ROWS)
    stride = max(1, n_values // _SAMPLE_ROWS)
    parts, seen = [np.empty(0, dtype=dtype)], 0
    for chunk in chunks:
        values = measured(chunk, dtype)
        parts.append(values[-seen % stride :: stride])
        seen += len(values)
    return np.concatenate(parts)


def _planned(column: ColumnProfile, plan: Plan) -> ColumnProfile:
    """A stored column as the plan wants it: over the plan's edges, and of its kind where it holds nothing but nulls."""
    state = column.state
    if isinstance(state, OtherState) and plan.kind != "other":
        state = replace(_empty(plan), n=state.n, n_null=state.n_null)
    elif isinstance(state, NumberState) and plan.edges is not None:
        state = state.between(plan.edges)
    return described(column.name, plan.kind, column.type, state)


def _profile_column(table: Table, column: str, plan: Plan) -> ColumnProfile:
    state: State = reduce(_merged, _states(table, column, plan), _empty(plan))
    if state.n != table.n_rows:
        raise TableError(
            f"{table.origin}: column {column!r} gave {state.n:,} rows, expected {table.n_rows:,}; "
            "the file was changed while it was read: run again when nothing writes it."
        )
    return described(column, plan.kind, str(table.schema.field(column).type), state)


def _states(table: Table, column: str, plan: Plan) -> Iterator[State]:
    for chunk in table.rows.chunks(column, CHUNK_ROWS):
        if plan.edges is not None:
            yield NumberState.of(chunk, plan.edges)
        elif plan.kind == "category":
            yield CategoryState.of(chunk)
        else:
            yield OtherState.of(chunk)


def _empty(plan: Plan) -> State:
    if plan.edges is not None:
        return NumberState.of(pa.nulls(0, pa.float64()), plan.edges)
    if plan.kind == "category":
        return CategoryState.of(pa.nulls(0))
    return OtherState()


def _merged(first: State, second: State) -> State:
    return first.merge(second)  # type: ignore[arg-type]  # both come from one plan, so they are of one class


def described(name: str, kind: Kind, type_: str, state: State) -> ColumnProfile:
    """What a state says of its column."""
    if isinstance(state, CategoryState):
        return ColumnProfile(
            name,
            kind,
            type_,
            state.n,
            state.n_null,
            distinct=state.distinct.estimate(),
            top=state.frequent.ranked(),
            top_error=state.frequent.error,
            state=state,
        )
    if not isinstance(state, NumberState):
        return ColumnProfile(name, kind, type_, state.n, state.n_null, state=state)
    moments = state.moments
    order = np.lexsort((state.frequent.values, -state.frequent.counts))[:100]
    return ColumnProfile(
        name,
        kind,
        type_,
        state.n,
        state.n_null,
        state.n_nan,
        state.n_infinite,
        min=moments.smallest if moments.n else None,
        max=moments.largest if moments.n else None,
        mean=_finite(moments.mean) if moments.n else None,
        std=_finite(float(np.sqrt(moments.squares / (moments.n - 1)))) if moments.n > 1 else None,
        distinct=state.distinct.estimate(),
        top=tuple(zip(state.frequent.values[order].tolist(), state.frequent.counts[order].tolist(), strict=True)),
        top_error=state.frequent.error,
        state=state,
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
