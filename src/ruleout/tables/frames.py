"""Tables from data frames that are already in memory, through the Arrow PyCapsule interface and Narwhals."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import TableError
from ruleout.tables.table import Table

__all__ = ["as_table"]

_ACCEPTED = "a pandas or Polars data frame, an Arrow table or record batch reader, a DuckDB relation, or a dict of arrays by column name"


def as_table(obj: Any, *, name: str = "table") -> Table:
    """Whatever holds columns in memory, as a table.

    A pandas index is dropped; its NaN is null. Categoricals stay dictionaries. A column of objects of several kinds becomes text.

    Parameters
    ----------
    obj
        A pandas or Polars frame (lazy ones are collected), an Arrow table, batch or reader (which is read to its end), a DuckDB relation,
        any other frame that speaks the Arrow PyCapsule interface or that Narwhals knows, or a dict of arrays of equal length.
    name
        What findings and errors call the table.

    Raises
    ------
    TableError
        It is something else, a column's name occurs twice, or a column cannot be held as Arrow.
    """
    if isinstance(obj, Table):
        return obj.named(name)
    if isinstance(obj, str | bytes):
        raise TableError(f"{name}: a {type(obj).__name__} given, expected {_ACCEPTED}; for a file's path use read_table.")
    if isinstance(obj, Mapping):
        arrow = _from_columns([(str(column), values) for column, values in obj.items()], name)
    elif _is_pandas(obj):
        _once([_label(column) for column in obj.columns], name)
        arrow = _from_columns([(_label(column), obj.iloc[:, at]) for at, column in enumerate(obj.columns)], name)
    elif hasattr(obj, "__arrow_c_stream__") and not _is_series(obj):
        arrow = _from_stream(obj, name)
    elif isinstance(obj, pa.RecordBatch):
        arrow = pa.Table.from_batches([obj])
    else:
        arrow = _by_narwhals(obj, name)
    _once(arrow.column_names, name)
    return Table(_plain(arrow), name=name, origin=name)


def _is_pandas(obj: Any) -> bool:
    # pandas is not imported for the question: who has not imported it holds no data frame of it.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(obj, pandas.DataFrame)


def _is_series(obj: Any) -> bool:
    """A single column also streams; a frame has columns, a schema or fields."""
    return not any(hasattr(obj, sign) for sign in ("columns", "schema", "column_names", "fetchone"))


def _label(column: Any) -> str:
    return ".".join(map(str, column)) if isinstance(column, tuple) else str(column)


def _once(names: Iterable[str], name: str) -> None:
    seen: set[str] = set()
    for column in names:
        if column in seen:
            raise TableError(f"{name}: column {column!r} occurs more than once, expected each name once; rename one.")
        seen.add(column)


def _from_stream(obj: Any, name: str) -> pa.Table:
    try:
        return pa.table(obj) if not isinstance(obj, pa.RecordBatchReader) else obj.read_all()
    except (pa.ArrowException, TypeError, ValueError, BufferError) as error:
        raise TableError(
            f"{name}: {type(obj).__name__} could not be handed on as Arrow ({_first(error)}); convert its columns to plain types."
        ) from error
    except Exception as error:
        # The stream runs the other library's code (a query, an export), which raises errors of its own.
        raise TableError(
            f"{name}: {type(obj).__name__} failed while it was read ({_first(error)}); see that it gives rows by itself."
        ) from error


def _by_narwhals(obj: Any, name: str) -> pa.Table:
    import narwhals as nw

    try:
        frame = nw.from_native(obj)
    except TypeError:
        hint = " Name its columns: a dict of arrays." if isinstance(obj, np.ndarray | list | tuple) else ""
        raise TableError(f"{name}: {type(obj).__module__}.{type(obj).__name__} given, expected {_ACCEPTED}.{hint}") from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="pyarrow")
    return frame.to_arrow()


def _from_columns(columns: list[tuple[str, Any]], name: str) -> pa.Table:
    _once([column for column, _ in columns], name)
    arrays = {column: _array(column, values, name) for column, values in columns}
    sizes = {column: len(array) for column, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        fewest, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
        raise TableError(
            f"{name}: column {fewest!r} has {sizes[fewest]:,} values and {most!r} {sizes[most]:,}, expected columns of equal length."
        )
    return pa.table(arrays) if arrays else pa.table({})


def _array(column: str, values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
        raise TableError(f"{name}: column {column!r} is {type(values).__name__}, expected an array of values; give a list or an array.")
    if getattr(values, "ndim", 1) != 1:
        raise TableError(f"{name}: column {column!r} has {values.ndim} dimensions, expected 1; give each of its columns a name.")
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        mixed = [None if _missing(value) else value for value in values]
        if all(value is None or isinstance(value, int | float | np.number) for value in mixed):
            return pa.array([None if value is None else float(value) for value in mixed], pa.float64())
        if all(value is None or isinstance(value, bool | int | float | str | np.generic) for value in mixed):
            return pa.array([None if value is None else _text(value) for value in mixed], pa.large_string())
        kind = next(type(value).__name__ for value in mixed if not isinstance(value, bool | int | float | str | np.generic | None))
        raise TableError(
            f"{name}: column {column!r} holds objects that Arrow has no type for (a {kind}; {_first(error)}); "
            "make them numbers, text or dates."
        ) from error


def _missing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA are missing: the last three do not equal themselves."""
    if value is None or type(value).__name__ == "NAType":
        return True
    same = value == value  # noqa: PLR0124 - NaN and NaT are told by not being equal to themselves
    return isinstance(same, bool | np.bool_) and not same


def _text(value: Any) -> str:
    """A value of a mixed column as text; 3.0 and 3 are the same."""
    value = value.item() if isinstance(value, np.generic) else value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0].rstrip(".")


def _plain(table: pa.Table) -> pa.Table:
    """The table without views and without the exporter's notes: views of text become text."""
    fields = [pa.field(field.name, _without_views(field.type)) for field in table.schema]
    columns = [
        column if column.type == field.type else _cast(column, field.type) for column, field in zip(table.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _without_views(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(type_):
        return pa.large_string()
    if pa.types.is_binary_view(type_):
        return pa.large_binary()
    if pa.types.is_dictionary(type_):
        return pa.dictionary(type_.index_type, _without_views(type_.value_type), ordered=type_.ordered)
    return type_


def _cast(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(type_):
        return column.cast(type_)
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(type_.value_type), ordered=type_.ordered)
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, type=type_)
