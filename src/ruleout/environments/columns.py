"""Columns: a table as what another interpreter can read with numpy alone, whatever versions it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import ModelError
from ruleout.tables.table import Table

__all__ = ["packed", "unpacked"]

CSV = (".csv", ".tsv", ".txt", ".gz", ".bz2", ".zst")


def packed(table: Table) -> tuple[dict[str, Any], list[bytes]]:
    """A table as a header (JSON) and the bytes of its columns, each typed as pandas reads it from the file it came from.

    Whole numbers with nulls are floats there; missing text is NaN in a table that came from CSV, None in any other.
    """
    columns, payloads = [], []
    for field in table.arrow.schema:
        said, data = _column(table.arrow.column(field.name), field.type, field.name)
        columns.append({"name": field.name, **said})
        if data is not None:
            payloads.append(data)
    null = "nan" if table.origin.lower().endswith(CSV) else "none"
    return {"rows": table.n_rows, "null": null, "columns": columns}, payloads


def _column(values: pa.ChunkedArray, kind: pa.DataType, name: str) -> tuple[dict[str, Any], bytes | None]:
    if pa.types.is_dictionary(kind):
        whole = values.combine_chunks()
        codes = pc.fill_null(whole.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
        return {"kind": "category", "categories": whole.dictionary.to_pylist(), "ordered": bool(kind.ordered)}, _raw(codes, "int64")
    if pa.types.is_boolean(kind) and not values.null_count:
        return {"kind": "number", "dtype": "bool"}, _raw(values.to_numpy(), "bool")
    if pa.types.is_integer(kind) and not values.null_count:
        return {"kind": "number", "dtype": str(np.dtype(kind.to_pandas_dtype()))}, _raw(values.to_numpy(), kind.to_pandas_dtype())
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        width = np.float32 if pa.types.is_float32(kind) else np.float64
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return {"kind": "number", "dtype": str(np.dtype(width))}, _raw(numbers, width)
    if pa.types.is_timestamp(kind):
        counted = pc.fill_null(values.cast(pa.int64()), np.iinfo(np.int64).min).to_numpy()
        return {"kind": "time", "unit": kind.unit, "zone": kind.tz}, _raw(counted, "int64")
    if pa.types.is_date(kind):
        return {"kind": "date", "values": [None if v is None else v.isoformat() for v in values.to_pylist()]}, None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return {"kind": "object", "values": values.to_pylist()}, None
    raise ModelError(f"{name}: columns of type {kind} are not taken into another environment; leave it out with [case] ignore.")


def _raw(values: np.ndarray, dtype: Any) -> bytes:
    return np.ascontiguousarray(values, dtype=dtype).tobytes()


def unpacked(said: dict[str, Any], payloads: list[bytes]) -> np.ndarray:
    """The values that the other interpreter answered with: numbers from their bytes, anything else as objects.

    Raises
    ------
    ModelError
        The answer does not hold what it says it holds.
    """
    try:
        if said["dtype"] == "object":
            out = np.empty(len(said["values"]), dtype=object)
            out[:] = said["values"]
            return out
        shape = [int(n) for n in said["shape"]]
        return np.frombuffer(payloads.pop(0), dtype=np.dtype(said["dtype"])).reshape(shape)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"the environment's answer cannot be read ({error}).") from error
