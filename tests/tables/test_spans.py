"""Durations and times of day are looked at as numbers, in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ruleout
from ruleout.tables.read import read_table
from ruleout.tables.stored import write_profile
from ruleout.tables.table import Table

SPANS = [
    pa.duration("s"),
    pa.duration("ms"),
    pa.duration("us"),
    pa.duration("ns"),
    pa.time32("s"),
    pa.time32("ms"),
    pa.time64("us"),
    pa.time64("ns"),
]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def column(type_: pa.DataType, seconds: list[int | None]) -> pa.Array:
    scaled = [None if s is None else s * PER_SECOND[type_.unit] for s in seconds]
    whole = pa.int32() if pa.types.is_time32(type_) else pa.int64()
    return pa.array(scaled, whole).cast(type_)


@pytest.mark.parametrize("type_", SPANS, ids=str)
def test_a_span_is_a_number_of_seconds_whatever_its_unit(type_: pa.DataType) -> None:
    table = Table(pa.table({"took": column(type_, [60, None, 3_600, 0])}))
    assert table.kind("took") == "numeric"
    np.testing.assert_array_equal(table.numbers("took"), [60.0, np.nan, 3_600.0, 0.0])
    assert table.values("took").tolist() == [60.0, None, 3_600.0, 0.0]
    assert table.texts("took").tolist() == ["60", None, "3600", "0"]
    profile = table.profile()["took"]
    assert (profile.n_null, profile.quantile(0.0), profile.quantile(1.0)) == (1, 0.0, 3_600.0)


@pytest.mark.parametrize("type_", SPANS, ids=str)
def test_spans_that_grew_longer_are_seen_in_files(tmp_path: Path, type_: pa.DataType) -> None:
    draw = np.random.default_rng(0).integers(0, 20_000, 4_000)
    pq.write_table(pa.table({"took": column(type_, draw.tolist())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"took": column(type_, (draw * 3).tolist())}), tmp_path / "b.parquet")
    found = ruleout.compare(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert [move.column for move in found.moved] == ["took"]
    assert ruleout.compare(tmp_path / "a.parquet", tmp_path / "a.parquet").verdict == "nothing-moved"


@pytest.mark.parametrize("type_", SPANS, ids=str)
def test_a_stored_profile_of_spans_stands_in_for_the_table(tmp_path: Path, type_: pa.DataType) -> None:
    draw = np.random.default_rng(0).integers(0, 80_000, 4_000)
    pq.write_table(pa.table({"took": column(type_, draw.tolist())}), tmp_path / "a.parquet")
    write_profile(read_table(tmp_path / "a.parquet"), tmp_path / "a.profile")
    assert ruleout.compare(tmp_path / "a.profile", tmp_path / "a.parquet").verdict == "nothing-moved"
