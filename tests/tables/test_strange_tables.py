"""No table is so strange that it cannot be profiled, compared, hashed and sampled."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruleout.tables import Table, compare, read_table

TYPES = {
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float16(): st.floats(width=16).map(np.float16),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.decimal128(30, 5): st.decimals(-(10**20), 10**20, places=5),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.large_string(): st.sampled_from(["", "é", "日本", "a\0b", "🙂"]),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["x", "y"]),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.timestamp("ns", "Asia/Tokyo"): st.integers(-(2**62), 2**62),
    pa.timestamp("s"): st.integers(-(2**40), 2**40),
    pa.timestamp("us"): st.integers(-(2**62), 2**62),
    pa.time64("us"): st.times(),
    pa.duration("s"): st.integers(0, 10**6),
    pa.binary(): st.binary(max_size=3),
    pa.list_(pa.int32()): st.lists(st.integers(0, 9), max_size=2),
    pa.struct([("a", pa.int32())]): st.fixed_dictionaries({"a": st.integers(0, 9)}),
}


def array(values, type_):
    if pa.types.is_dictionary(type_):
        return pa.array(values, type_.value_type).cast(type_)
    return pa.array(values, type_)


@st.composite
def tables(draw, schema=None):
    schema = schema or draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=5))
    n_rows = draw(st.integers(0, 12))
    names = [f"spälte {at} ü.b" for at in range(len(schema))]
    columns = [array(draw(st.lists(st.none() | TYPES[type_], min_size=n_rows, max_size=n_rows)), type_) for type_ in schema]
    table = pa.Table.from_arrays(columns, names=names)
    return table.slice(draw(st.integers(0, 3)))


@st.composite
def pairs(draw):
    schema = draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=4))
    other = [draw(st.sampled_from(list(TYPES))) if draw(st.integers(0, 4)) == 0 else type_ for type_ in schema]
    return draw(tables(schema)), draw(tables(other))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables())
def test_every_table_has_a_profile(arrow):
    table = Table(arrow)
    profile = table.profile()
    assert list(profile) == list(table.columns)
    for name, found in profile.items():
        values = arrow.column(name)
        assert (found.n, found.n_null) == (len(values), values.null_count)
        assert found.counts.sum() == (found.n_values if found.kind in {"numeric", "time"} else 0)
        if found.kind == "category":
            assert sum(count for _, count in found.top) == found.n_values
            assert found.distinct == len({str(text) for text in table.texts(name) if text is not None})
        if found.kind in {"numeric", "time"}:
            numbers = table.numbers(name)
            assert np.isnan(numbers).sum() == found.n_null + found.n_nan
            finite = numbers[np.isfinite(numbers)]
            assert (found.min, found.max) == ((finite.min(), finite.max()) if len(finite) else (None, None))
            assert found.distinct == len(
                set(arrow.column(name).drop_null().to_pylist()) if found.edges.dtype.kind != "f" else np.unique(numbers[~np.isnan(numbers)])
            )
            assert found.quantile(0.5) is None or found.min <= found.quantile(0.5) <= found.max
    assert profile.to_dict()["n_rows"] == arrow.num_rows


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pairs())
def test_every_pair_compares(both):
    reference, current = (Table(arrow, name=name) for arrow, name in zip(both, ("reference", "current"), strict=True))
    found = compare(reference, current)
    assert set(found) | set(found.kind_changes) == set(reference.columns)
    for change in found.values():
        for share in (change.ks, change.tvd, change.jensen_shannon, change.new_share):
            assert share is None or 0 <= share <= 1 + 1e-12
        assert change.psi is None or change.psi >= 0
        assert change.statement().endswith(".")
    assert not compare(reference, reference).moved


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), st.integers(1, 5), st.integers(0, 9))
def test_content_decides_the_fingerprint_and_not_the_chunks(arrow, rows, seed):
    chunked = pa.Table.from_batches(arrow.to_batches(max_chunksize=rows), arrow.schema)
    assert Table(arrow).fingerprint == Table(chunked).fingerprint
    copied = Table(arrow).take(np.arange(arrow.num_rows))
    assert Table(arrow).fingerprint == copied.fingerprint
    assert Table(arrow).sample(3, seed).n_rows == min(3, arrow.num_rows)
    for name, found in Table(chunked).profile().items():
        wanted = Table(arrow).profile()[name]
        assert (found.n_null, found.n_infinite, found.min, found.max, found.distinct, found.top, found.counts.tolist()) == (
            (wanted.n_null, wanted.n_infinite, wanted.min, wanted.max, wanted.distinct, wanted.top, wanted.counts.tolist())
        )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(tables([t for t in TYPES if t not in {pa.float16(), pa.duration("s"), pa.timestamp("s"), pa.date64()}]), st.integers(1, 6))
def test_parquet_says_what_memory_says(tmp_path, arrow, rows):
    path = tmp_path / "t.parquet"
    pq.write_table(arrow, path, row_group_size=rows)
    streamed = read_table(path)
    wanted = Table(arrow).profile()
    assert {name: (found.n_null, found.top, found.max) for name, found in streamed.profile().items()} == {
        name: (found.n_null, found.top, found.max) for name, found in wanted.items()
    }


@pytest.mark.parametrize("values", [[1e308, -1e308, 1e308], [5e-324, 0.0], [float("inf")] * 3, [float("nan")] * 2, [None] * 3])
def test_numbers_at_the_ends_of_their_range(values):
    table = Table(pa.table({"x": pa.array(values, pa.float64())}))
    assert table.profile()["x"].to_dict()
    assert not compare(table, table.named("again")).moved


def test_decimals_dates_and_zones_are_numbers():
    table = Table(
        pa.table(
            {
                "price": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3")]),
                "day": [datetime.date(1970, 1, 2), None, datetime.date(1969, 12, 31)],
                "at": pa.array([10**18 + 1, None, 0], pa.timestamp("ns", "UTC")),
            }
        )
    )
    np.testing.assert_array_equal(table.numbers("price"), [1.25, np.nan, -3.0])
    np.testing.assert_array_equal(table.numbers("day"), [86_400.0, np.nan, -86_400.0])
    np.testing.assert_array_equal(table.numbers("at"), [1e9, np.nan, 0.0])
