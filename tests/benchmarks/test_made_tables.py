"""The tables of the benchmark are what its page says of them, by seed, and drift where drifts are planted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import ruleout
from benchmarks.made_tables import CARDINALITIES, GROUP_ROWS, PLANTED, columns, row_groups, write_table

ROWS = 2_000


def whole(table: str, n_rows: int = ROWS, seed: int = 0) -> pa.Table:
    return pa.concat_tables(row_groups(table, n_rows, seed)).unify_dictionaries()


def test_fifty_columns_of_the_kinds_that_are_told() -> None:
    table = whole("reference")
    assert (table.num_rows, table.num_columns) == (ROWS, 50)
    kinds = [str(pa.types.is_dictionary(field.type) or field.type) for field in table.schema]
    assert (kinds.count("True"), kinds.count("timestamp[us]")) == (12, 2)
    rates = [table[name].null_count / ROWS for name in table.column_names]
    assert min(rates) == 0.0
    assert 0.45 < max(rates) < 0.55
    assert len(CARDINALITIES) == 12
    assert len(set(table["c00"].to_pylist())) == CARDINALITIES[0]
    assert 0.25 < np.mean(table["label"].to_pylist()) < 0.35


def test_a_seed_gives_the_same_rows_and_another_seed_others() -> None:
    assert whole("healthy").equals(whole("healthy"))
    assert not whole("healthy").equals(whole("healthy", seed=1))
    assert not whole("healthy").equals(whole("reference"))


def test_a_row_group_does_not_depend_on_how_many_follow() -> None:
    first = next(row_groups("reference", 3 * ROWS, group_rows=ROWS))
    assert first.equals(whole("reference"))
    sizes = [group.num_rows for group in row_groups("reference", 2 * ROWS + 7, group_rows=ROWS)]
    assert sizes == [ROWS, ROWS, 7]
    assert GROUP_ROWS * 8 * 50 < 250e6


def test_what_is_planted_is_found_and_nothing_else(tmp_path: Path) -> None:
    for name in ("reference", "healthy", "planted"):
        write_table(tmp_path / f"{name}.parquet", name, 20_000)
    names = {column.name for column in columns()}
    assert set(PLANTED) <= names
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("reference", "healthy", "planted")}
    assert ruleout.compare(paths["reference"], paths["healthy"]).verdict == "nothing-moved"
    moved = {move.column for move in ruleout.compare(paths["reference"], paths["planted"]).moved}
    assert moved <= set(PLANTED)
    assert set(PLANTED) - moved <= {"n28", "c02"}, "only the small drifts may be missed"


def test_a_table_is_written_once_as_texts_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "there" / "reference.parquet"
    write_table(path, "reference", ROWS)
    before = path.stat().st_mtime_ns
    write_table(path, "reference", ROWS)
    assert path.stat().st_mtime_ns == before
    read = pq.read_table(path)
    assert str(read.schema.field("c03").type) == "string"
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert [file.name for file in path.parent.iterdir()] == ["reference.parquet"]
