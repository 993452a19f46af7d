"""Arrow arrays as numpy arrays and back through their buffers.

`to_numpy`, `pa.array` and `pa.scalar` import pandas wherever it is installed, which costs most of a second.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["as_seconds", "domain", "is_span", "measured", "plain_type", "primitive", "row_numbers", "valid"]

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}


def primitive(array: pa.Array) -> np.ndarray:
    """The values of an array of integers or floats without nulls, shape (n_rows,), not copied and not to be written to."""
    name = str(array.type)
    dtype = np.dtype(_NAMES.get(name, name))
    if not len(array):
        return np.empty(0, dtype=dtype)
    return np.frombuffer(array.buffers()[1], dtype=dtype, count=array.offset + len(array))[array.offset :]


def row_numbers(numbers: np.ndarray) -> pa.Array:
    """Row numbers, shape (n_rows,), as an Arrow array."""
    numbers = np.ascontiguousarray(numbers, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def valid(array: pa.Array) -> np.ndarray:
    """Where an array is not null, shape (n_rows,), booleans."""
    return primitive(array.is_valid().cast(pa.uint8())).astype(bool)


def as_seconds(array: pa.Array) -> np.ndarray:
    """Dates and timestamps without nulls as seconds since 1970 (UTC where a zone is given), spans as their seconds, shape (n_rows,)."""
    type_ = array.type
    if pa.types.is_time32(type_):
        return primitive(array.view(pa.int32())) / _PER_SECOND[type_.unit]
    if pa.types.is_date32(type_):
        return primitive(array.view(pa.int32())) * 86_400.0
    unit = 1e3 if pa.types.is_date64(type_) else _PER_SECOND[type_.unit]
    return primitive(array.view(pa.int64())) / unit


def is_span(type_: pa.DataType) -> bool:
    """Whether a column holds durations or times of day: both are looked at as numbers, in seconds."""
    return bool(pa.types.is_duration(type_) or pa.types.is_time(type_))


def domain(type_: pa.DataType) -> np.dtype:
    """The numpy type in which a column's numbers are sorted: integers stay integers, so that those above 2^53 stay apart."""
    type_ = plain_type(type_)
    if pa.types.is_integer(type_):
        return np.dtype(np.uint64 if pa.types.is_uint64(type_) else np.int64)
    return np.dtype(np.float64)


def plain_type(type_: pa.DataType) -> pa.DataType:
    """The type of the values, whether they are kept in a dictionary or not."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def measured(array: pa.Array, dtype: np.dtype) -> np.ndarray:
    """The values of a numeric or time column that are not null, shape (n_values,), as a copy that may be sorted in place."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return np.empty(0, dtype=dtype)
    if array.null_count:
        array = array.drop_null()
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type) or is_span(array.type):
        return as_seconds(array).astype(dtype)
    if pa.types.is_decimal(array.type):
        array = pc.cast(array, pa.float64(), safe=False)
    return primitive(array).astype(dtype)
