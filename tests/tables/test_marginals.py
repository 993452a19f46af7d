"""Rows made of a stored profile have every column's distribution, and no column knows of another."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from ruleout.tables import Table, compare
from ruleout.tables.marginals import MOST_ROWS, marginal_rows


def made(**columns):
    table = Table(pa.table(columns), name="train")
    return table, marginal_rows(table.profile(), table.schema, name="train", origin="train.profile")


def test_columns_are_distributed_as_they_were():
    rng = np.random.default_rng(0)
    n = 60_000
    table, rows = made(
        x=rng.normal(size=n),
        money=np.round(rng.lognormal(3, 1, n), 2),
        atoms=np.where(rng.random(n) < 0.3, 0.0, rng.exponential(1, n)),
        count=rng.poisson(3, n),
        big=rng.integers(0, 2**62, n),
        holes=pa.array(rng.normal(size=n), mask=rng.random(n) < 0.25),
        place=rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).tolist(),
        paid=(rng.random(n) < 0.2).tolist(),
        at=pa.array(rng.integers(0, 10**9, n), pa.timestamp("s", "UTC")),
        day=pa.array((rng.integers(0, 10_000, n)).astype(np.int32), pa.date32()),
        single=pa.array(rng.normal(size=n).astype(np.float32)),
        code=pa.array(rng.choice(["u", "v"], n).tolist()).dictionary_encode(),
    )
    assert rows.n_rows == MOST_ROWS
    found = compare(table, rows)
    assert (found.moved, found.kind_changes, found.only_reference) == ((), {}, ())
    for name, change in found.items():
        assert (change.ks or 0) < 0.003 and (change.tvd or 0) < 0.003, name
        assert abs(change.null_rate_change) < 1e-3
    assert set(found.type_changes) == set()
    money = rows.numbers("money")
    np.testing.assert_array_equal(money, np.round(money, 2))
    assert np.abs(np.corrcoef(rows.numbers("x"), rows.numbers("count"))[0, 1]) < 0.03


def test_columns_that_stood_together_do_not_any_more():
    values = np.random.default_rng(0).normal(size=5_000)
    _, rows = made(x=values, y=values)
    assert abs(np.corrcoef(rows.numbers("x"), rows.numbers("y"))[0, 1]) < 0.05


def test_few_distinct_values_come_back_one_by_one():
    table, rows = made(x=[1.5, None, 1.5, float("nan"), float("inf")], n=[2**62, 2**62 + 1, None, 7, 7], s=["a", None, "b", "a", ""])
    for column in ("n", "s"):
        assert sorted(map(str, rows.values(column))) == sorted(map(str, table.values(column)))
    assert sorted(map(str, rows.arrow["x"].to_pylist())) == ["1.5", "1.5", "None", "inf", "nan"]


def test_values_that_were_not_listed_are_none_that_anyone_has():
    ids = [f"id-{number}" for number in range(40_000)] + ["often"] * 10_000
    _, rows = made(s=ids)
    texts = rows.texts("s")
    assert np.mean(texts == "often") == pytest.approx(0.2, abs=0.01)
    assert all(text == "often" or text.startswith("(not listed") for text in texts)


@pytest.mark.parametrize(
    "array",
    [
        pa.nulls(9),
        pa.nulls(9, pa.float64()),
        pa.array([[1]] * 9),
        pa.array([], pa.int64()),
        pa.array([], pa.string()),
        pa.array([float("nan")] * 9),
        pa.array([float("inf")] * 9),
        pa.array([datetime.date(2024, 1, 1), None]),
        pa.array([2**64 - 1], pa.uint64()),
    ],
    ids=str,
)
def test_strange_columns_have_rows_too(array):
    table, rows = made(x=array)
    assert (rows.n_rows, rows.schema.field("x").type) == (len(array), array.type)
    # What is not looked into cannot be made up either.
    assert rows.arrow["x"].null_count == (len(array) if table.kind("x") == "other" else array.null_count)
    assert table.kind("x") == rows.kind("x")
