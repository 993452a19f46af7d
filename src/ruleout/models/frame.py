"""A table as the data frame that a model's training code would have read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ruleout.tables.table import Table

__all__ = ["frame_of", "honest"]

KINDS = {"unicode": "text", "bool": "bool", "datetime": "time", "datetimetz": "time", "date": "date", "empty": "empty"}
"""What pandas' notes call a column, and what this module calls it; everything else is a number."""


def frame_of(table: Table, categories: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """Return the rows as pandas would have read them: text as its default text type, decimals as floats, rows numbered from 0.

    Parameters
    ----------
    table
        Rows.
    categories
        What a fitted encoder learned, by column. A date whose encoder learned text was read as text (pandas parses no
        dates unasked), so it is given as text; nothing else is bent to what the encoder would like.
    """
    arrow = table.arrow
    for number, field in enumerate(arrow.schema):
        known = (categories or {}).get(field.name)
        if pa.types.is_decimal(field.type):
            arrow = arrow.set_column(number, field.name, arrow.column(number).cast(pa.float64()))
        elif pa.types.is_temporal(field.type) and known and all(isinstance(v, (str, type(None))) for v in known):
            arrow = arrow.set_column(number, field.name, arrow.column(number).cast(pa.string()))
    return honest(arrow, index=False).to_pandas()


def honest(arrow: pa.Table, *, index: bool = True) -> pa.Table:
    """Return the table without pandas' notes on its columns where they no longer tell the truth.

    Notes that say "text" of a column that has been replaced by numbers would make pandas read the numbers as text.

    Parameters
    ----------
    arrow
        A table that may come from a file that pandas wrote.
    index
        Keep the note on which columns are the frame's index.
    """
    metadata = dict(arrow.schema.metadata or {})
    if b"pandas" not in metadata:
        return arrow
    try:
        notes = json.loads(metadata[b"pandas"])
        said = {column["field_name"]: _noted(column) for column in notes["columns"] if column.get("field_name")}
        true = all(said.get(f.name, "any") in ("any", _kind(f.type)) for f in arrow.schema)
    except (ValueError, KeyError, TypeError, AttributeError):
        true = False
    if not true:
        del metadata[b"pandas"]
    elif not index:
        metadata[b"pandas"] = json.dumps({**notes, "index_columns": []}).encode()
    return arrow.replace_schema_metadata(metadata)


def _noted(column: Mapping[str, str]) -> str:
    if column["numpy_type"].startswith("str"):
        return "text"
    if column["numpy_type"] == "object":
        return "any"
    return column["pandas_type"] if column["pandas_type"] == "categorical" else KINDS.get(column["pandas_type"], "number")


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return "categorical"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    if pa.types.is_boolean(type_):
        return "bool"
    if pa.types.is_timestamp(type_):
        return "time"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_null(type_):
        return "empty"
    return "number"
