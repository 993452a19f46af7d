"""Rows that have every column's distribution and nothing else: what a stored profile can show to whoever looks at one column at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import is_span, plain_type
from ruleout.tables.profile import ColumnProfile, Profile
from ruleout.tables.state import CategoryState, NumberState
from ruleout.tables.table import Table

__all__ = ["MOST_ROWS", "marginal_rows"]

MOST_ROWS = 20_000
"""Rows made of a profile: as many as a page looks at of a table."""

_MOST_DECIMALS = 6

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def marginal_rows(profile: Profile, schema: pa.Schema, *, name: str, origin: str) -> Table:
    """Make a table of at most 20,000 rows whose columns are distributed as in the profile, each by itself.

    Columns are shuffled independently: how they stand together is not in a profile, so nothing may be concluded from these rows but what
    a column shows alone. Values are at evenly spread ranks, so that shares and quantiles are the profile's to within one row; where more
    distinct values were met than the profile lists, those between its edges are interpolated, with as many decimals as the edges have.

    Parameters
    ----------
    profile
        Of the table that the rows stand for.
    schema
        Its types.
    name, origin
        What findings and errors call the rows.
    """
    n_rows = min(profile.n_rows, MOST_ROWS)
    columns = {column: _column(found, schema.field(column).type, n_rows) for column, found in profile.items()}
    return Table(pa.table(columns) if columns else pa.table({}), name=name, origin=origin)


def _column(column: ColumnProfile, type_: pa.DataType, n_rows: int) -> pa.Array:
    if not n_rows or isinstance(column.state, NumberState) is isinstance(column.state, CategoryState):
        return pa.nulls(n_rows, type_)
    # Evenly spread ranks among all rows: first those with a value, then NaN, then null.
    ranks = (np.arange(n_rows) + 0.5) * column.n / n_rows
    digest = hashlib.blake2b(column.name.encode(), digest_size=8).digest()
    ranks = np.random.default_rng(int.from_bytes(digest, "little")).permutation(ranks)
    make: Callable[[ColumnProfile, np.ndarray, pa.DataType], pa.Array] = _texts if isinstance(column.state, CategoryState) else _numbers
    return make(column, ranks, plain_type(type_))


def _texts(column: ColumnProfile, ranks: np.ndarray, type_: pa.DataType) -> pa.Array:
    values = [text for text, _ in column.top]
    heights = np.cumsum([count for _, count in column.top])
    at = np.searchsorted(heights, ranks, side="right")
    listed = int(heights[-1]) if len(heights) else 0
    out = [
        values[place] if place < len(values) else f"(not listed, {int(rank) - listed})" if rank < column.n_values else None
        for place, rank in zip(at.tolist(), ranks.tolist(), strict=True)
    ]
    if pa.types.is_boolean(type_):
        return pa.array([None if text is None else text == "True" for text in out], pa.bool_())
    return pa.array(out, pa.large_string())


def _numbers(column: ColumnProfile, ranks: np.ndarray, type_: pa.DataType) -> pa.Array:
    state = column.state
    if not isinstance(state, NumberState):
        return pa.nulls(len(ranks), type_)
    present = ranks < column.n_values
    values = np.zeros(len(ranks), dtype=state.edges.dtype)
    if not state.frequent.error:
        heights = np.cumsum(state.frequent.counts)
        values[present] = state.frequent.values[np.searchsorted(heights, ranks[present], side="right")]
    else:
        values[present] = _between(column, state, ranks[present])
    known = ranks < column.n_values + column.n_nan
    if values.dtype.kind == "f":
        values[known & ~present] = np.nan
    return _typed(values, known, type_)


def _between(column: ColumnProfile, state: NumberState, ranks: np.ndarray) -> np.ndarray:
    """Values at ranks, interpolated within the bins between edges; infinite ones, of whichever sign, are not made."""
    shares = ranks / max(column.n_values, 1)
    low, high = state.moments.smallest, state.moments.largest
    heights = np.concatenate([[0], np.cumsum(state.counts)]) / max(int(state.counts.sum()), 1)
    places = np.concatenate([[low], np.clip(state.edges.astype(np.float64), low, high), [high]])
    # The first bin that reaches up to the share holds something, so that its width is not 0.
    at = np.clip(np.searchsorted(heights, shares, side="left"), 1, len(heights) - 1)
    inside = (shares - heights[at - 1]) / (heights[at] - heights[at - 1])
    found: np.ndarray = places[at - 1] + inside * (places[at] - places[at - 1])
    if state.edges.dtype.kind != "f":
        info = np.iinfo(state.edges.dtype)
        # Values of a bin lie above its lower edge and not above its upper one.
        whole: np.ndarray = np.clip(np.ceil(found), float(info.min), float(np.nextafter(float(info.max), 0))).astype(state.edges.dtype)
        return whole
    decimals = _decimals(np.concatenate([state.frequent.values, [low, high]]))
    rounded: np.ndarray = found if decimals is None else np.clip(np.round(found, decimals), low, high)
    return rounded


def _decimals(values: np.ndarray) -> int | None:
    """As many decimals as all of these values can be written with, None where six are not enough."""
    values = values[np.isfinite(values)]
    for decimals in range(_MOST_DECIMALS + 1):
        if np.all(np.abs(values - np.round(values, decimals)) <= 1e-12 * np.maximum(1.0, np.abs(values))):
            return decimals
    return None


def _typed(values: np.ndarray, known: np.ndarray, type_: pa.DataType) -> pa.Array:
    """Numbers in the column's own type, where they fit it; times from seconds since 1970, spans from seconds."""
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        unit = type_.unit if pa.types.is_timestamp(type_) else "ms"
        ticks = np.clip(np.where(known, values, 0.0) * _PER_SECOND[unit], -(2.0**62), 2.0**62).astype(np.int64)
        stamps = pa.array(ticks, mask=~known).cast(pa.timestamp(unit, getattr(type_, "tz", None)))
        return stamps if pa.types.is_timestamp(type_) else stamps.cast(type_, safe=False)
    if is_span(type_):
        per_unit = _PER_SECOND[type_.unit]
        ticks = pa.array(np.where(known, np.round(values * per_unit), 0.0).astype(np.int64), mask=~known)
        return ticks.cast(pa.int32() if pa.types.is_time32(type_) else pa.int64()).cast(type_)
    array = pa.array(values, mask=~known)
    try:
        return array.cast(type_, safe=not pa.types.is_floating(type_))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array
