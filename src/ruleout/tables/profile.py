"""What a table holds, column by column, from one pass over its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.buffers import domain, measured
from ruleout.tables.engines import Task, asked
from ruleout.tables.kernel import CHUNK_ROWS, edges_of
from ruleout.tables.source import Kept, Source, engine_of, parts_of
from ruleout.tables.state import CategoryState, NumberState, OtherState, State
from ruleout.tables.table import Kind, Table, kind_of

__all__ = ["ColumnProfile", "Plan", "Profile", "a_few", "described", "in_turn", "plans_of", "profile_table", "samples_of"]

_SAMPLE_ROWS = 40_000
_SAMPLES_AT_ONCE = 16
_KEPT_ROWS = 1_048_576
_KEPT_COLUMNS = 2

Of = TypeVar("Of")


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
        Number of distinct values: exact below 16,384, else estimated with a standard error of 0.8 %.
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
        """Whether nothing but rows and nulls is known: lists, structs and bytes are not looked into."""
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
    """Read every column once, by the table's engine, and say what it holds; what is stored already is not read again.

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
    if table.stored is not None:
        known = {column: table.stored[column] for column in (plans if plans is not None else table.columns)}
        return Profile(table.name, table.n_rows, known if plans is None else {c: _planned(known[c], plan) for c, plan in plans.items()})
    if plans is None:
        found: dict[str, ColumnProfile] = {}
        for columns, (held,) in in_turn([table], table.columns):
            found |= profile_table(held, plans_of(held, columns))
        return Profile(table.name, table.n_rows, found)
    states: dict[str, State] = {}
    for part in asked(engine_of(table.rows), list(_tasks(table.rows, plans)), table.origin):
        for column, state in part.items():
            states[column] = _merged(states[column], state) if column in states else state
    for column, state in states.items():
        if state.n != table.n_rows:
            raise TableError(
                f"{table.origin}: column {column!r} gave {state.n:,} rows, expected {table.n_rows:,}; "
                "the file was changed while it was read: run again when nothing writes it."
            )
    types = {column: str(table.schema.field(column).type) for column in plans}
    return Profile(table.name, table.n_rows, {c: described(c, plan.kind, types[c], states[c]) for c, plan in plans.items()})


def in_turn(tables: Sequence[Table], columns: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[Table]]]:
    """Columns to sample and then to read, and the tables to do it with: two at a time where what is decoded for the sample is kept.

    A sample of one or two row groups decodes all of them, so that all would be decoded twice. What is kept of a million rows is small.
    """
    twice = [
        engine_of(source).here and 0 < len(getattr(source, "groups", ())) <= 2 and source.n_rows <= _KEPT_ROWS
        for source in (table.rows for table in tables)
    ]
    if not any(twice):
        yield columns, tables
        return
    for start in range(0, len(columns), _KEPT_COLUMNS):
        some = columns[start : start + _KEPT_COLUMNS]
        yield some, [_keeping(table, some) if kept else table for table, kept in zip(tables, twice, strict=True)]


def _keeping(table: Table, columns: Sequence[str]) -> Table:
    sampled = [column for column in columns if column in table and table.kind(column) in {"numeric", "time"}]
    return Table(Kept(table.rows, sampled), name=table.name, origin=table.origin)


def plans_of(table: Table, columns: Sequence[str]) -> dict[str, Plan]:
    """How columns are read on their own: numbers and times between the quantiles of a sample."""
    types = {column: table.schema.field(column).type for column in columns}
    measured_ones = {column: domain(type_) for column, type_ in types.items() if kind_of(type_) in {"numeric", "time"}}
    edges: dict[str, np.ndarray] = {}
    for some in a_few(measured_ones):
        edges |= {column: edges_of(sample) for column, sample in samples_of(table, some).items()}
    return {column: Plan(kind_of(type_), edges.get(column)) for column, type_ in types.items()}


def a_few(dtypes: Mapping[str, np.dtype]) -> Iterator[dict[str, np.dtype]]:
    """The columns in groups of which the samples may be in memory together."""
    return _few(dtypes, _SAMPLES_AT_ONCE)


def _few(columns: Mapping[str, Of], n_columns: int) -> Iterator[dict[str, Of]]:
    items = list(columns.items())
    for start in range(0, len(items), n_columns):
        yield dict(items[start : start + n_columns])


def samples_of(table: Table, dtypes: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    """About 40,000 values of each numeric or time column, evenly strided over its values that are not null, in the given types."""
    source, engine, tasks = table.rows, engine_of(table.rows), []
    alike: dict[Any, tuple[Source, dict[str, tuple[np.dtype, int]]]] = {}
    for column, dtype in dtypes.items():
        n_values, spread = source.spread(column)
        # Columns that the same row groups stand for are read together.
        _, chosen = alike.setdefault(getattr(spread, "groups", ()), (spread, {}))
        chosen[column] = dtype, max(1, n_values // _SAMPLE_ROWS)
    for spread, chosen in alike.values():
        for some in _few(chosen, engine.n_columns):
            tasks += [
                Task(_strided, part if engine.here else part.select(list(some)), (some,), part.n_rows * len(some))
                for part in parts_of(spread)
            ]
    parts = {column: [np.empty(0, dtype=dtype)] for column, dtype in dtypes.items()}
    for found in asked(engine, tasks, table.origin):
        for column, values in found.items():
            parts[column].append(values)
    return {column: np.concatenate(found) for column, found in parts.items()}


def _strided(source: Source, chosen: Mapping[str, tuple[np.dtype, int]]) -> tuple[int, dict[str, np.ndarray]]:
    """Every so many-th value of some columns that is not null, and the rows that were seen, once for each column."""
    found, n_rows = {}, 0
    for column, (dtype, stride) in chosen.items():
        parts, seen = [np.empty(0, dtype=dtype)], 0
        for chunk in source.chunks(column, CHUNK_ROWS):
            values = measured(chunk, dtype)
            # A copy: a slice would keep all of the chunk's values in memory.
            parts.append(values[-seen % stride :: stride].copy())
            n_rows, seen = n_rows + len(chunk), seen + len(values)
        found[column] = np.concatenate(parts)
    return n_rows, found


def _tasks(source: Source, plans: Mapping[str, Plan]) -> Iterator[Task]:
    """A task for each part of the rows and each few columns, the parts of a column one after the other."""
    engine, parts = engine_of(source), parts_of(source)
    for chosen in _few(plans, engine.n_columns):
        for part in parts:
            yield Task(_states, part if engine.here else part.select(list(chosen)), (chosen,), part.n_rows * len(chosen))


def _states(source: Source, plans: Mapping[str, Plan]) -> tuple[int, dict[str, State]]:
    """The states of some columns over all rows of a source, and the rows that they saw."""
    states = {column: reduce(_merged, _chunk_states(source, column, plan), _empty(plan)) for column, plan in plans.items()}
    return sum(state.n for state in states.values()), states


def _planned(column: ColumnProfile, plan: Plan) -> ColumnProfile:
    """A stored column as the plan wants it: over the plan's edges, and of its kind where it holds nothing but nulls."""
    state = column.state
    if isinstance(state, OtherState) and plan.kind != "other":
        state = replace(_empty(plan), n=state.n, n_null=state.n_null)
    elif isinstance(state, NumberState) and plan.edges is not None:
        state = state.between(plan.edges)
    return described(column.name, plan.kind, column.type, state)


def _chunk_states(source: Source, column: str, plan: Plan) -> Iterator[State]:
    for chunk in source.chunks(column, CHUNK_ROWS):
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
            distinct=min(state.distinct.estimate(), state.n - state.n_null),
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
        distinct=min(state.distinct.estimate(), state.n - state.n_null - state.n_nan),
        top=tuple(zip(state.frequent.values[order].tolist(), state.frequent.counts[order].tolist(), strict=True)),
        top_error=state.frequent.error,
        state=state,
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
