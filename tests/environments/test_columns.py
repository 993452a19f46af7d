"""Tables as another interpreter reads them: each column has the type that pandas gives it."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ruleout.environments import inside
from ruleout.environments.columns import packed, unpacked
from ruleout.errors import ModelError
from ruleout.tables.table import Table

STAMPS = [datetime.datetime(2024, 5, 1, 12), None, datetime.datetime(1969, 1, 1)]
COLUMNS = pa.table(
    {
        "whole": pa.array([1, 2, 3], pa.int32()),
        "gaps": pa.array([1, None, 3], pa.int64()),
        "real": [0.5, None, -1.0],
        "flag": [True, False, True],
        "maybe": [True, None, False],
        "text": ["a", None, "ü"],
        "level": pa.array(["x", None, "y"]).dictionary_encode(),
        "stamp": pa.array(STAMPS, pa.timestamp("us")),
        "zoned": pa.array(STAMPS, pa.timestamp("us", tz="Europe/Paris")),
        "day": pa.array([datetime.date(2024, 5, 1), None, datetime.date(1970, 1, 1)]),
        "money": pa.array([1, 2, 3], pa.decimal128(10, 2)),
        "nothing": pa.nulls(3),
    }
)


def there_and_back(origin: str) -> Any:
    said, payloads = packed(Table(COLUMNS, name="train", origin=origin))
    return inside.frame_of(json.loads(json.dumps(said)), payloads)


def test_columns_arrive_as_pandas_reads_them() -> None:
    frame, direct = there_and_back("train.parquet"), COLUMNS.to_pandas()
    for column in ("whole", "gaps", "real", "flag", "text", "level", "stamp", "zoned"):
        pd.testing.assert_series_equal(frame[column], direct[column], check_dtype=True)
    assert frame["maybe"].tolist() == [True, None, False]
    assert frame["day"].tolist() == [datetime.date(2024, 5, 1), None, datetime.date(1970, 1, 1)]
    assert frame["money"].dtype == np.float64
    assert frame["nothing"].isna().all()


def test_what_is_missing_is_nan_where_it_came_from_csv() -> None:
    missing = there_and_back("train.csv")["maybe"][1]
    assert isinstance(missing, float) and np.isnan(missing)


def test_a_column_that_no_frame_holds_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="steps"):
        packed(Table(pa.table({"steps": [[1, 2], [3]]}), name="train", origin="train.parquet"))


@pytest.mark.parametrize("values", [np.array([1, 2]), np.array([0.5, np.nan]), np.array([[0.1, 0.9]]), np.array([True, False])])
def test_answers_come_back_as_they_were(values: np.ndarray) -> None:
    said, payloads = inside.packed(values)
    np.testing.assert_array_equal(unpacked(json.loads(json.dumps(said)), payloads), values)


def test_text_answers_come_back_as_objects() -> None:
    said, payloads = inside.packed(np.array(["yes", "no"]))
    assert unpacked(json.loads(json.dumps(said)), payloads).tolist() == ["yes", "no"]


def test_an_answer_that_lacks_its_bytes_is_no_answer() -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        unpacked({"dtype": "float64", "shape": [3]}, [b"12345678"])
