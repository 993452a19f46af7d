"""The training history: one row per epoch or step."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ruleout.case.events import holds_events, read_events
from ruleout.case.text import parse_json, read_text
from ruleout.errors import FieldError, TableError, nearest
from ruleout.tables.table import Table

__all__ = ["history_table", "read_history"]

ABSENT_WORDS = frozenset({"", "null", "none", "na", "n/a"})


def read_history(path: Path, said: str) -> Table:
    """The history in a CSV or JSONL file, or in TensorBoard event files, as a table; `inf` and `nan` are numbers.

    An empty cell is null. It is small, so it is read at once; a diverged run writes `nan` and `inf`, and these must survive.

    Raises
    ------
    FieldError, TableError
        It is absent, empty, of another format, or a line does not fit the header (its number is given).
    """
    if holds_events(path):
        return _table(read_events(path, said), str(path))
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".tsv", ".jsonl", ".ndjson", ".json"}:
        raise FieldError(
            f"{said}: {suffix or 'a file without suffix'} given, expected .csv, .jsonl or events; export the history as one of these."
        )
    text = read_text(path, said)
    rows = _csv_rows(text, said, "\t" if suffix == ".tsv" else ",") if suffix in {".csv", ".tsv"} else _json_rows(text, said, suffix)
    return _table(rows, str(path))


def history_table(value: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]], said: str) -> Table:
    """A history in memory: columns by name, or one mapping an epoch."""
    if not isinstance(value, Mapping):
        return _table(_columns(list(value), said), said)
    return _table(_even({str(name): list(cells) for name, cells in value.items()}, said), said)


def _even(columns: dict[str, list[Any]], said: str) -> dict[str, list[Any]]:
    """The columns themselves, where they are of one length."""
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise FieldError(
            f"{said}: columns of unequal length ({lengths}), expected one value an epoch in each; cut them to the same length."
        )
    return columns


def _table(columns: Mapping[str, list[Any]], origin: str) -> Table:
    return Table(pa.table({name: _array(cells) for name, cells in columns.items()}), name="history", origin=origin)


def _csv_rows(text: str, said: str, separator: str) -> dict[str, list[Any]]:
    if "\0" in text:
        raise TableError(f"{said}: a binary file, expected a CSV with a header; export the history as text.")
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    header = [name.strip() for name in next(reader)]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise TableError(f"{said}: the header names {twice[0]!r} twice, expected each column once; rename one of them.")
    columns: dict[str, list[Any]] = {name: [] for name in header}
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            given, wanted = len(cells), len(header)
            raise TableError(
                f"{said} line {reader.line_num}: {given} values, expected {wanted} as in the header; mend or remove that line."
            )
        for name, cell in zip(header, cells, strict=True):
            columns[name].append(None if cell.strip().lower() in ABSENT_WORDS else cell.strip())
    if not any(_number(name) is None for name in header):
        first = ", ".join(header[:3])
        raise TableError(
            f"{said} line 1: {first!r} are numbers, expected a header like 'epoch,train_loss,val_loss'; add one as first line."
        )
    return columns


def _json_rows(text: str, said: str, suffix: str) -> dict[str, list[Any]]:
    if suffix == ".json":
        value = parse_json(text, said)
        if isinstance(value, dict) and all(isinstance(cells, list) for cells in value.values()):
            return _even({str(name): list(cells) for name, cells in value.items()}, said)
        return _columns(value if isinstance(value, list) else [value], said)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return _columns([parse_json(line, f"{said} line {number}") for number, line in lines], said)


def _columns(rows: Sequence[Any], said: str) -> dict[str, list[Any]]:
    names: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            wanted = 'expected an object like {"epoch": 1, "train_loss": 0.5}'
            raise TableError(f"{said} row {number}: {row!r:.60} given, {wanted}; mend or remove it.{nearest(str(row), names)}")
        names.update(dict.fromkeys(str(name) for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _array(cells: Sequence[Any]) -> pa.Array:
    numbers = [_number(cell) for cell in cells]
    if any(number is None and cell is not None for number, cell in zip(numbers, cells, strict=True)):
        return pa.array([None if cell is None else str(cell) for cell in cells], type=pa.string())
    whole = [number for number in numbers if number is not None]
    if whole and all(isinstance(number, int) for number in whole) and max(map(abs, whole)) < 2**63:
        return pa.array(numbers, type=pa.int64())
    return pa.array([None if number is None else float(number) for number in numbers], type=pa.float64(), from_pandas=False)


def _number(cell: Any) -> int | float | None:
    """A cell as a number; None where it is empty or text."""
    if cell is None or isinstance(cell, bool | list | dict):
        return None
    if isinstance(cell, int | float):
        return cell
    try:
        return int(cell)
    except (TypeError, ValueError):
        try:
            return float(cell)
        except (TypeError, ValueError):
            return None
