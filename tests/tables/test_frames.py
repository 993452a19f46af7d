"""Data frames of every library become the same table."""

import datetime

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ruleout.errors import TableError
from ruleout.tables import Table, as_table

DATA = {"x": [1.5, None, 3.0], "n": [1, 2, 3], "s": ["a", None, "b"]}
ARROW = pa.table(DATA)

ORIGINS = {
    "dict": lambda: DATA,
    "dict of numpy": lambda: {"x": np.array([1.5, np.nan, 3.0]), "n": np.arange(1, 4), "s": np.array(["a", None, "b"], dtype=object)},
    "arrow table": lambda: ARROW,
    "arrow batch": lambda: ARROW.to_batches()[0],
    "arrow reader": lambda: pa.RecordBatchReader.from_batches(ARROW.schema, ARROW.to_batches()),
    "pandas": lambda: pd.DataFrame(DATA, index=[7, 8, 9]),
    "pandas on arrow": lambda: ARROW.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas objects": lambda: pd.DataFrame({"x": DATA["x"], "n": DATA["n"], "s": pd.Series(DATA["s"], dtype=object)}),
    "polars": lambda: pl.DataFrame(DATA),
    "polars lazy": lambda: pl.LazyFrame(DATA),
    "duckdb": lambda: duckdb.connect().from_arrow(ARROW),
    "table": lambda: Table(ARROW, name="other"),
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_origin_gives_the_same_table(origin):
    table = as_table(ORIGINS[origin](), name="train")
    assert (table.name, table.columns) == ("train", ("x", "n", "s"))
    assert [table.kind(column) for column in table.columns] == ["numeric", "numeric", "category"]
    np.testing.assert_array_equal(table.numbers("x"), [1.5, np.nan, 3.0])
    assert table.values("s").tolist() == ["a", None, "b"]
    assert table.profile()["x"].n_null == 1


def test_categoricals_stay_dictionaries():
    for frame in (
        pd.DataFrame({"c": pd.Categorical(["b", None, "b"], categories=["a", "b"])}),
        pl.DataFrame({"c": pl.Series(["b", None, "b"], dtype=pl.Categorical)}),
        pl.DataFrame({"c": pl.Series(["b", None, "b"], dtype=pl.Enum(["a", "b"]))}),
    ):
        table = as_table(frame)
        assert pa.types.is_dictionary(table.schema.field("c").type)
        assert table.profile()["c"].top == (("b", 2),)
        assert table.take(np.array([2, 1])).values("c").tolist() == ["b", None]


def test_a_mixed_column_is_text():
    frame = pd.DataFrame({"m": pd.Series([1, "x", 2.0, None, np.nan, True], dtype=object)})
    assert as_table(frame).values("m").tolist() == ["1", "x", "2", None, None, "True"]
    assert as_table({"m": [1, "x"]}).values("m").tolist() == ["1", "x"]


def test_pandas_oddities():
    frame = pd.DataFrame({0: [1, 2], ("a", "b"): [3, 4]})
    assert as_table(frame).columns == ("0", "a.b")
    nullable = pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")})
    assert as_table(nullable).values("b").tolist() == [True, None]
    dates = pd.DataFrame({"t": pd.to_datetime(["2026-01-01", None], utc=True), "o": [datetime.date(2026, 1, 1), None]})
    assert (as_table(dates).kind("t"), as_table(dates).kind("o")) == ("time", "time")
    sparse = pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 2.0, np.nan])})
    np.testing.assert_array_equal(as_table(sparse).numbers("x"), [0.0, 2.0, np.nan])
    assert as_table({"x": [2**70, 1]}).numbers("x").tolist() == [2.0**70, 1.0]
    assert as_table(pd.DataFrame({"x": []})).n_rows == 0
    assert as_table(pd.DataFrame()).n_rows == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' occurs more than once"),
        (pd.DataFrame({"o": [object(), 1]}), "column 'o' holds objects that Arrow has no type for"),
        (pd.DataFrame({"z": [1 + 2j]}), "column 'z' holds objects that Arrow has no type for"),
        ({"a": [1, 2], "b": [1]}, "column 'b' has 1 values and 'a' 2"),
        ({"a": np.zeros((2, 2))}, "column 'a' has 2 dimensions"),
        ({"a": 3}, "column 'a' is int, expected an array"),
        ({"a": "text"}, "column 'a' is str, expected an array"),
        (np.zeros((2, 2)), r"numpy.ndarray given, expected a pandas .*a dict of arrays"),
        (pd.Series([1]), "Series given, expected"),
        (pl.Series([1]), "Series given, expected"),
        ([1, 2], "builtins.list given"),
        (3, "builtins.int given"),
        ("train.csv", "use read_table"),
    ],
)
def test_anything_else_is_told_what_is_accepted(given, said):
    with pytest.raises(TableError, match=said) as caught:
        as_table(given, name="current.train")
    assert str(caught.value).startswith("current.train: ")
