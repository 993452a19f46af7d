"""What nobody said of a case, inferred from its evidence: each answer with the sentence that says it was assumed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.case.case import Case, Side
from ruleout.case.given import tables
from ruleout.case.glance import first_rows, some_rows
from ruleout.case.scorers import COLLOQUIAL, COMMON, NEEDS_POSITIVE, default_metric
from ruleout.tables.addresses import is_address
from ruleout.tables.table import Table, kind_of

__all__ = [
    "Assumed",
    "classes_of",
    "infer_metric",
    "infer_positive",
    "infer_row_keys",
    "infer_target",
    "infer_task",
    "infer_time",
    "shown",
    "tables_of",
]

MOST_CLASSES = 20
"""A whole-numbered target with more distinct values is taken for a quantity."""

FEWEST_ROWS = 50
"""Below so many rows, values that all differ say nothing about a key."""

TARGET_NAMES = ("target", "label", "y", "labels", "class", "outcome")
TARGET_KEYS = ("target", "label", "target_column", "label_column", "target_name")
POSITIVE_WORDS = ("yes", "true", "1", "y", "t", "positive", "pos")
REGRESSION_METRICS = frozenset({"r2", "neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error"})


class Assumed(NamedTuple):
    """An inferred value and the sentence that says so."""

    value: Any
    sentence: str


def tables_of(case: Case, names: tuple[str, ...] = tables) -> Iterator[tuple[str, Table]]:
    """Yield the case's tables with what to call them, the reference's first."""
    for side_name, side in _sides(case):
        for name in names:
            table = getattr(side, name)
            if table is not None:
                yield shown(case, side_name, table), table


def shown(case: Case, side: str, table: Table) -> str:
    """What a sentence calls a table: its file relative to the case, or `current.train` where it came from memory."""
    if table.origin in {table.name, ""} or is_address(table.origin) or "/" not in table.origin.replace("\\", "/"):
        return f"{side}.{table.name}"
    path = Path(table.origin)
    if case.folder is not None and path.is_relative_to(case.folder):
        return path.relative_to(case.folder).as_posix()
    return f"{path.parent.name}/{path.name}"


def infer_target(case: Case) -> Assumed | None:
    """The label column: named in the configuration, called so, absent where the model serves, or the last one."""
    labelled = list(tables_of(case, ("train", "validation")))
    if not labelled:
        return None
    every = [column for column in labelled[0][1].columns if all(column in table.columns for _, table in labelled)]
    for side_name, side in _sides(case):
        for key in TARGET_KEYS:
            named = (side.config or {}).get(key)
            if isinstance(named, str) and any(named in table.columns for _, table in labelled):
                return _target(named, f"the configuration of the {side_name} side says {key} = {named!r}")
    for name in TARGET_NAMES:
        found = [column for column in every if column.lower() == name]
        beside = {column.lower() for column in every}
        if found and not (name == "y" and beside & {"x", "z"}):  # else it is a coordinate
            return _target(found[0], f"by its name, in {labelled[0][0]}")
    serving = list(tables_of(case, ("serving",)))
    if serving:
        served = set().union(*(table.columns for _, table in serving))
        unserved = [column for column in every if column not in served]
        if len(unserved) == 1:
            return _target(unserved[0], f"the only column of {labelled[0][0]} that {serving[0][0]} lacks")
    taken = {case.key, case.entity, case.time, *case.ignore}
    free = [column for column in every or labelled[0][1].columns if column not in taken]
    return _target(free[-1], f"the last column of {labelled[0][0]}") if free else None


def _target(column: str, why: str) -> Assumed:
    return Assumed(column, f'Nobody named the target: "{column}" is assumed ({why}).')


def infer_task(case: Case) -> Assumed | None:
    """Classification for text, booleans and few whole numbers; regression for the rest."""
    for where, values in _targets(case):
        n_distinct = len(pc.unique(values))
        seen = f"{n_distinct:,} distinct values in {len(values):,} rows of {where}"
        if kind_of(values.type) == "category":
            return _task("classification", f'"{case.target}" holds {"booleans" if pa.types.is_boolean(values.type) else "text"}: {seen}')
        if kind_of(values.type) != "numeric":
            continue
        numbers = values.to_numpy(zero_copy_only=False).astype(float)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) == 0:
            continue
        few = n_distinct <= MOST_CLASSES and (n_distinct == 2 or n_distinct <= len(numbers) / 5)
        if few and bool(np.all(numbers == np.round(numbers))):
            return _task("classification", f'"{case.target}" holds few whole numbers: {seen}')
        return _task("regression", f'"{case.target}" holds numbers: {seen}')
    for side_name, side in _sides(case):
        said = (side.config or {}).get("task")
        if said in {"classification", "regression"}:
            return _task(said, f"the configuration of the {side_name} side says so")
    return None


def _task(task: str, why: str) -> Assumed:
    return Assumed(task, f"Nobody named the task: {task} is assumed ({why}).")


def infer_metric(case: Case) -> Assumed | None:
    """A metric that the pipeline reports itself, the task's usual one before others; else the task's usual one."""
    if case.task is None or not any(True for _ in tables_of(case)):
        return None
    usual = default_metric(case.task)
    reported: dict[str, str] = {}
    for side_name, side in _sides(case):
        for name in side.metrics or {}:
            scorer = name if name in COMMON else COLLOQUIAL.get(name.lower(), "")
            if scorer and (scorer in REGRESSION_METRICS) == (case.task == "regression"):
                reported.setdefault(scorer, f"the {side_name} side reports {name!r}")
    metric = usual if usual in reported or not reported else next(iter(reported))
    why = reported.get(metric, f"the usual one for {case.task}")
    return Assumed(metric, f'Nobody named the metric: "{metric}" is assumed ({why}).')


def infer_positive(case: Case) -> Assumed | None:
    """The positive class where a binary metric means one: "yes", true or 1, else the rarer class."""
    if case.metric not in NEEDS_POSITIVE or case.task != "classification":
        return None
    for where, counts in classes_of(case):
        if len(counts) != 2:
            continue
        for word in POSITIVE_WORDS:
            for value in counts:
                if _plain(value) == word:
                    return _positive(case, value, "by its name")
        rarer = min(counts, key=lambda value: (counts[value], str(value)))
        share = counts[rarer] / sum(counts.values())
        return _positive(case, rarer, f"the rarer class, {share:.1%} of {sum(counts.values()):,} rows of {where}")
    return None


def _positive(case: Case, value: Any, why: str) -> Assumed:
    return Assumed(value, f'Nobody named the positive class of "{case.target}": {value!r} is assumed ({why}).')


def infer_time(case: Case) -> Assumed | None:
    """The event time, where the tables have exactly one column of points in time."""
    found: dict[str, str] = {}
    for where, table in tables_of(case):
        for column in table.columns:
            if column not in case.ignore and column != case.target and column not in found and table.kind(column) == "time":
                found[column] = where
    if len(found) != 1:
        return None
    column, where = next(iter(found.items()))
    return Assumed(column, f'Nobody named the event time: "{column}" is assumed (the only column of times, in {where}).')


def infer_row_keys(case: Case) -> list[Assumed]:
    """Columns that identify rows, the likeliest first: unique ones called so, unique text, and numbers that count the rows.

    Whole numbers that all differ although they were drawn from a narrow range are a count, not a quantity: n of them from R
    possible values would repeat n(n - 1) / 2R times (the birthday problem). A column that the configuration lists is a feature.
    """
    whole = ((where, table) for where, table in tables_of(case) if table.n_rows >= FEWEST_ROWS and table.stored is None)
    where, table = next(whole, ("", None))
    if table is None:
        return []
    taken = {case.target, case.key, case.entity, case.time, *case.ignore, "prediction", "score"}
    for _, side in _sides(case):
        taken |= set(_listed(side.config or {}))
    columns = tuple(entry.name for entry in table.schema if entry.name not in taken and _could_be_key(entry.type))
    rows = first_rows(table, columns)
    found: list[tuple[int, Assumed]] = []
    for column in columns:
        values = rows.column(column)
        if values.null_count or len(pc.unique(values)) < len(values):
            continue
        called_so = bool(re.search(r"(?:^|[_\s-])(?:id|key|uuid|guid)$|[a-z](?:Id|ID|Key)$", column, re.IGNORECASE if "_" in column else 0))
        called_so = called_so or column.lower() in {"id", "key", "uuid", "guid", "index"}
        counts = pa.types.is_integer(values.type) and _counts_rows(values)
        if called_so or counts or not pa.types.is_integer(values.type):
            why = f"all {len(values):,} values in {where} differ"
            sentence = f'Nobody named "{column}" as a feature or a key: it is taken as a row key and is no feature ({why}).'
            found.append((0 if called_so else 1, Assumed(column, sentence)))
    return [assumed for _, assumed in sorted(found, key=lambda pair: pair[0])]


def classes_of(case: Case) -> Iterator[tuple[str, dict[Any, int]]]:
    """Yield, for each table with labels, what to call it and how many rows of a sample each class has."""
    for where, values in _targets(case):
        counted = pc.value_counts(values)
        yield where, dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))


def _targets(case: Case) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The target's values, or a sample of them, in every table that has some; nulls left out."""
    for where, table in tables_of(case):
        if case.target in table.columns and table.stored is None:
            values = some_rows(table, (case.target,)).column(0)
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            if pa.types.is_floating(values.type):
                values = values.filter(pc.invert(pc.fill_null(pc.is_nan(values), True)))
            values = values.drop_null()
            if len(values):
                yield where, values


def _sides(case: Case) -> Iterator[tuple[str, Side]]:
    if case.reference is not None:
        yield "reference", case.reference
    yield "current", case.current


def _plain(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower()


def _could_be_key(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_) or pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def _counts_rows(values: pa.ChunkedArray) -> bool:
    extent = pc.min_max(values).as_py()
    n, n_possible = len(values), extent["max"] - extent["min"] + 1
    if n * (n - 1) / (2 * n_possible) > 20:
        return True
    return bool(pc.all(pc.greater(values.slice(1), values.slice(0, n - 1))).as_py())


def _listed(config: Mapping[str, Any]) -> Iterator[str]:
    """Every name that a list somewhere in the configuration holds."""
    for value in config.values():
        if isinstance(value, Mapping):
            yield from _listed(value)
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, str))
