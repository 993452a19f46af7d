"""Hive partitions: a folder `month=2024-03` says the value of a column for all files in it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from ruleout.errors import TableError

__all__ = ["NULL", "folders_with_values", "partition_columns"]

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark write for null."""

_FOLDER = re.compile(r"([^/=]+)=([^/]*)")


def folders_with_values(path: str, start: int) -> dict[str, str | None]:
    """The values that the folders of a file say by column, from character `start` of its path on."""
    found = (_FOLDER.fullmatch(part) for part in path[start:].replace("\\", "/").split("/")[:-1])
    return {unquote(match[1]): None if match[2] == NULL else unquote(match[2]) for match in found if match}


def partition_columns(values: Sequence[Mapping[str, str | None]], paths: Sequence[Any]) -> tuple[pa.Schema, list[dict[str, Any]]]:
    """Types of the partition columns, and their value for every file: whole numbers, dates such as 2024-03-31, else text.

    Raises
    ------
    TableError
        A file does not lie in folders for the same columns as the others.
    """
    for here, path in zip(values, paths, strict=True):
        if set(here) != set(values[0]):
            said = [", ".join(sorted(names)) or "nothing" for names in (here, values[0])]
            raise TableError(f"{path}: its folders name {said[0]}, but those of {paths[0]} name {said[1]}; partition all files alike.")
    columns: dict[str, list[Any]] = {}
    fields = []
    for column in values[0] if values else ():
        texts = [here[column] for here in values]
        columns[column], type_ = _typed(texts)
        fields.append(pa.field(column, type_))
    return pa.schema(fields), [{column: found[at] for column, found in columns.items()} for at in range(len(paths))]


def _typed(texts: Sequence[str | None]) -> tuple[list[Any], pa.DataType]:
    known = [text for text in texts if text is not None]
    # "007" is a code, not the number 7.
    if known and all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", text) for text in known):
        return [None if text is None else int(text) for text in texts], pa.int64()
    try:
        if known and all(re.fullmatch(r"\d{4}-\d\d-\d\d", text) for text in known):
            return [None if text is None else datetime.date.fromisoformat(text) for text in texts], pa.date32()
    except ValueError:
        pass
    return list(texts), pa.string()
