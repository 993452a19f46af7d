"""Rows that come again are counted over all rows, as they are when every row is held against every other."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleout.errors import EngineError, TableError
from ruleout.tables import Table, parquet, places, read_table
from ruleout.tables.pairing import row_hashes
from ruleout.tables.repeated import Repeats, SharedCopies, count_repeats, count_shared
from tests.tables.test_joined import Parcels

COLUMNS = ("n", "s", "x", "b", "l")
ROW = st.tuples(
    st.one_of(st.none(), st.integers(0, 2)),
    st.sampled_from(["a", "b", "", None]),
    st.sampled_from([0.0, -0.0, 1.5, float("nan"), None]),
    st.booleans(),
    st.sampled_from([[1], [1, 2], None]),
)


def written(path, rows):
    types = (pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.list_(pa.int64()))
    columns = {name: pa.array([row[at] for row in rows], type_) for at, (name, type_) in enumerate(zip(COLUMNS, types, strict=True))}
    pq.write_table(pa.table(columns), path, row_group_size=5)
    return read_table(path)


def plain(rows, ways):
    return [[tuple(str(row[COLUMNS.index(name)]).replace("-0.0", "0.0") for name in way) for row in rows] for way in ways]


def wanted(keys):
    counts = Counter(keys).values()
    return Repeats(len(keys), sum(n - 1 for n in counts), sum(n * (n - 1) // 2 for n in counts))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(parquet, "PART_ROWS", 10)
    monkeypatch.setattr(places, "_VALUES", 8)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40), st.lists(ROW, max_size=40))
def test_counts_are_those_of_every_row_against_every_other(tmp_path_factory, first, second):
    folder, ways = tmp_path_factory.mktemp("rows"), [COLUMNS, ("n",), ("s", "x"), ("l",)]
    tables = [written(folder / f"{at}.parquet", rows) for at, rows in enumerate((first, second))]
    assert count_repeats(tables[0], ways) == [wanted(keys) for keys in plain(first, ways)]
    there, here = (plain(rows, [COLUMNS])[0] for rows in (first, second))
    counts = Counter(there)
    shared = sum(key in counts for key in here)
    expected = SharedCopies(len(there), len(here), shared, sum(n for n in counts.values() if n > 1), wanted(here).n_pairs)
    assert count_shared(*tables, COLUMNS) == expected
    assert count_shared(*(Table(table.arrow) for table in tables), COLUMNS) == expected


def test_parcels_count_what_threads_count(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(int(n), f"t{n % 5}", float(n % 3), bool(n % 2), None) for n in rng.integers(0, 60, 200)]
    table, engine = written(tmp_path / "t.parquet", rows), Parcels()
    ways = [COLUMNS, ("n",)]
    assert count_repeats(table.on(engine), ways) == count_repeats(table, ways)
    assert count_shared(table.on(engine), table.on(engine), COLUMNS) == count_shared(table, table, COLUMNS)
    with pytest.raises(EngineError, match=r"t\.parquet: parcels brought [\d,]+ rows together, expected 20, of part"):
        count_repeats(table.on(Parcels(lambda pieces: pieces[1:])), ways)
    with pytest.raises(TableError, match="no column 'm'"):
        count_repeats(table, [("m",)])


def test_numbers_are_equal_whatever_type_holds_them():
    values = [0, 3, 2**40]
    types = (pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(20, 2))
    hashes = [row_hashes(pa.record_batch({"n": pa.array(values, type_)}), ["n"]).tolist() for type_ in types]
    assert hashes.count(hashes[0]) == len(types)


def test_neighbours_beyond_what_a_float_tells_apart_are_two_rows():
    table = Table(pa.table({"id": pa.array(np.arange(1_000, dtype=np.uint64) + np.uint64(2**63))}))
    assert count_repeats(table, [("id",)]) == [Repeats(1_000, 0, 0)]
    assert count_repeats(Table(pa.table({"id": np.arange(1_000) + 2**60})), [("id",)]) == [Repeats(1_000, 0, 0)]


def test_a_text_is_hashed_alike_in_a_dictionary():
    texts = pa.array(["a", None, "b", "a", ""])
    with_null = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 0, 3]), pa.array(["a", None, "b", ""]))
    hashes = [row_hashes(pa.record_batch({"s": array}), ["s"]).tolist() for array in (texts, texts.dictionary_encode(), with_null)]
    assert hashes[0] == hashes[1] == hashes[2]
