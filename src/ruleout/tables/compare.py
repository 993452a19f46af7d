"""Two tables held side by side: both are read once, between edges that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from ruleout.tables import distances
from ruleout.tables.buffers import domain, plain_type
from ruleout.tables.changes import FLOORS, ColumnChange, Comparison
from ruleout.tables.kernel import edges_of
from ruleout.tables.levels import Levels
from ruleout.tables.profile import ColumnProfile, Plan, a_few, in_turn, profile_table, samples_of
from ruleout.tables.state import CategoryState, NumberState
from ruleout.tables.table import Kind, Table, kind_of

__all__ = ["compare", "judged"]

_FALSE_DISCOVERIES = 0.05

_known: WeakKeyDictionary[Table, WeakKeyDictionary[Table, Comparison]] = WeakKeyDictionary()


def compare(reference: Table, current: Table) -> Comparison:
    """Hold two tables side by side, column by column. The answer is kept while both tables live.

    A column *moved* when a measure reaches its effect floor and is still beyond chance after Benjamini-Hochberg (q = 0.05) over all
    columns and measures of the pair: with few rows chance decides, with many the floor does. A stored profile is compared between its own
    edges, which the Kolmogorov-Smirnov distance can miss by what one of its bins holds, about 0.001 (two that were stored, by 0.002).

    Raises
    ------
    TableError
        A table cannot be read.
    """
    beside = _known.setdefault(reference, WeakKeyDictionary())
    if current not in beside:
        beside[current] = _compare(reference, current)
    return beside[current]


def _compare(reference: Table, current: Table) -> Comparison:
    shared = [column for column in reference.columns if column in current]
    types = {column: (reference.schema.field(column).type, current.schema.field(column).type) for column in shared}
    kinds = {column: _common_kind(*both) for column, both in types.items()}
    compared = {column: kind for column, kind in kinds.items() if kind is not None}
    changes: dict[str, ColumnChange] = {}
    for columns, held in in_turn((reference, current), tuple(compared)):
        plans = _plans(held[0], held[1], {column: compared[column] for column in columns}, types)
        profiles = profile_table(held[0], plans), profile_table(held[1], plans)
        changes |= {column: _change(plan.kind, profiles[0][column], profiles[1][column]) for column, plan in plans.items()}
    return Comparison(
        reference.name,
        current.name,
        reference.n_rows,
        current.n_rows,
        judged(changes),
        only_reference=tuple(column for column in reference.columns if column not in current),
        only_current=tuple(column for column in current.columns if column not in reference),
        kind_changes={column: _words(types[column]) for column, kind in kinds.items() if kind is None},
        type_changes={column: _words(types[column]) for column in compared if not _same_type(*types[column])},
    )


def _common_kind(first: pa.DataType, second: pa.DataType) -> Kind | None:
    """The kind of a column on both sides; one that holds nothing but nulls is of the other side's kind. None where they differ."""
    if pa.types.is_null(first) or pa.types.is_null(second):
        return kind_of(second if pa.types.is_null(first) else first)
    kind = kind_of(first)
    return kind if kind == kind_of(second) else None


def _same_type(first: pa.DataType, second: pa.DataType) -> bool:
    first, second = (plain_type(type_) for type_ in (first, second))
    texts = [pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_) for type_ in (first, second)]
    return bool(first == second or all(texts))


def _words(types: tuple[pa.DataType, pa.DataType]) -> tuple[str, str]:
    return str(types[0]), str(types[1])


def _plans(
    reference: Table, current: Table, kinds: Mapping[str, Kind], types: Mapping[str, tuple[pa.DataType, pa.DataType]]
) -> dict[str, Plan]:
    """How each shared column is read on both sides: numbers and times between the quantiles of both samples together."""
    dtypes, edges = {}, {}
    for column in (column for column, kind in kinds.items() if kind in {"numeric", "time"}):
        found = {domain(type_) for type_ in types[column] if not pa.types.is_null(type_)}
        dtype = found.pop() if len(found) == 1 else np.dtype(np.float64)
        stored = [table.stored[column].edges.astype(dtype) for table in (reference, current) if table.stored is not None]
        if any(len(known) for known in stored):
            # A stored profile has counted its values already: the other table is counted between the same edges.
            edges[column] = np.unique(np.concatenate(stored))
        else:
            dtypes[column] = dtype
    for some in a_few(dtypes):
        samples = [samples_of(table, some) for table in (reference, current) if table.stored is None]
        for column, dtype in some.items():
            edges[column] = edges_of(np.concatenate([np.empty(0, dtype=dtype), *(sample[column] for sample in samples)]))
    return {column: Plan(kind, edges.get(column)) for column, kind in kinds.items()}


def _change(kind: Kind, reference: ColumnProfile, current: ColumnProfile) -> ColumnChange:
    gap = current.null_rate - reference.null_rate
    nulls = tuple(profile.n_null + profile.n_nan for profile in (reference, current))
    change = ColumnChange(
        reference.name,
        kind,
        reference,
        current,
        null_rate_change=gap,
        effects={"nulls": abs(gap)},
        p_values={"nulls": distances.shares_p(nulls[0], reference.n, nulls[1], current.n)},
    )
    if not reference.n_values or not current.n_values:
        return change
    if isinstance(reference.state, NumberState) and isinstance(current.state, NumberState):
        return _with_top(_with_numbers(change, reference.state, current.state))
    if isinstance(reference.state, CategoryState) and isinstance(current.state, CategoryState):
        return _with_top(_with_categories(change, reference.state, current.state))
    return change


def _with_numbers(change: ColumnChange, reference: NumberState, current: NumberState) -> ColumnChange:
    n, m = change.reference.n_values, change.current.n_values
    ks = distances.kolmogorov_smirnov(reference.counts, current.counts)
    bins = distances.coarse(reference.counts, current.counts)
    psi = distances.population_stability(*bins)
    shift, scale = distances.wasserstein(reference, current), change.reference.std or change.current.std
    return _measured(
        change,
        {"ks": (ks, distances.kolmogorov_smirnov_p(ks, n, m)), "psi": (psi, distances.chi_square_p(*bins))},
        ks=ks,
        psi=psi,
        jensen_shannon=distances.jensen_shannon(*bins),
        wasserstein=shift if not shift else shift / scale if scale else None,
    )


def _with_categories(change: ColumnChange, reference: CategoryState, current: CategoryState) -> ColumnChange:
    n, m = change.reference.n_values, change.current.n_values
    levels = Levels.of(reference, current)
    bins = levels.bins
    tvd, psi, p = distances.total_variation(*bins), distances.population_stability(*bins), distances.chi_square_p(*bins)
    n_new = int(levels.current[levels.new].sum())
    expected, p_new = distances.unseen(levels.reference + levels.current, n_new, n, m)
    return _measured(
        change,
        {"tvd": (tvd, p), "psi": (psi, p), "new": (max(0.0, (n_new - expected) / m), p_new)},
        tvd=tvd,
        psi=psi,
        jensen_shannon=distances.jensen_shannon(*bins),
        new_share=n_new / m,
        new_categories=levels.listed(levels.current, levels.new),
        missing_categories=levels.listed(levels.reference, levels.missing),
    )


def _with_top(change: ColumnChange) -> ColumnChange:
    """The frequent value whose share changed most, of the two that are the most frequent ones of a side."""
    n, m = change.reference.n_values, change.current.n_values
    there, here = _counts(change.reference), _counts(change.current)
    candidates = [profile.top[0][0] for profile in (change.reference, change.current) if profile.top]
    if not candidates:
        return change
    gaps = {value: here.get(value, 0) / m - there.get(value, 0) / n for value in candidates}
    value = max(gaps, key=lambda candidate: abs(gaps[candidate]))
    # The most frequent of many values was chosen for its count, so the test pays for each that it was chosen from.
    n_choices = max(change.reference.distinct or 1, change.current.distinct or 1)
    p = min(1.0, n_choices * distances.shares_p(there.get(value, 0), n, here.get(value, 0), m))
    return _measured(change, {"top": (abs(gaps[value]), p)}, top_value=value, top_share_change=gaps[value])


def _counts(profile: ColumnProfile) -> Mapping[Any, int]:
    if isinstance(profile.state, NumberState):
        frequent = profile.state.frequent
        return dict(zip(frequent.values.tolist(), frequent.counts.tolist(), strict=True))
    return dict(profile.top)


def _measured(change: ColumnChange, found: Mapping[str, tuple[float, float]], **fields: Any) -> ColumnChange:
    return replace(
        change,
        effects={**(change.effects or {}), **{measure: effect for measure, (effect, _) in found.items()}},
        p_values={**(change.p_values or {}), **{measure: p for measure, (_, p) in found.items()}},
        **fields,
    )


def judged(changes: Mapping[str, ColumnChange], rate: float = _FALSE_DISCOVERIES) -> dict[str, ColumnChange]:
    """The changes with what moved them: effect floors, and Benjamini-Hochberg at `rate` over all columns and measures at once."""
    tests = [(column, measure, p) for column, change in changes.items() for measure, p in (change.p_values or {}).items()]
    sure = distances.benjamini_hochberg(np.array([p for _, _, p in tests]), rate)
    moved: dict[str, list[str]] = {column: [] for column in changes}
    for (column, measure, _), rejected in zip(tests, sure, strict=True):
        if rejected and (changes[column].effects or {})[measure] >= FLOORS[measure]:
            moved[column].append(measure)
    return {column: replace(change, moved_by=tuple(moved[column])) for column, change in changes.items()}
