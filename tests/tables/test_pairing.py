"""Samples that pair: the same rows wherever they stand, in whatever order, type, file or process."""

import decimal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.errors import TableError
from ruleout.statistics.sample_size import effect_seen, rows_needed
from ruleout.tables import Table, read_table
from ruleout.tables.pairing import paired_rows, paired_sample, row_hashes


def table(n, seed=0, **more):
    rng = np.random.default_rng(seed)
    columns = {"id": np.arange(n), "x": rng.normal(size=n), "y": rng.choice(["a", "b", "c"], n, p=[0.69, 0.3, 0.01]).tolist()}
    return Table(pa.table(columns | more), name="train")


def ids(rows):
    return set(rows.numbers("id").tolist())


def test_two_tables_that_share_rows_share_them_in_their_samples():
    whole = table(60_000)
    other = whole.take(np.random.default_rng(1).permutation(60_000)[:50_000]).with_column("x", np.zeros(50_000))
    first = paired_sample(whole, 6_000, by=["id"], of=60_000)
    second = paired_sample(other, 6_000, by=["id"], of=60_000)
    assert (first.n_rows, second.n_rows) == (6_000, 5_000)
    # Rows drawn apart would have a tenth in common.
    assert len(ids(first) & ids(second)) > 0.97 * 5_000


def test_a_smaller_sample_lies_in_a_larger_one():
    whole = table(40_000)
    assert ids(paired_sample(whole, 1_000, by=["id"])) < ids(paired_sample(whole, 4_000, by=["id"]))


def test_order_chunks_files_and_processes_change_nothing(tmp_path):
    whole = table(30_000)
    wanted = ids(paired_sample(whole, 3_000, by=["id"], strata=["y"]))
    shuffled = whole.take(np.random.default_rng(2).permutation(30_000))
    assert ids(paired_sample(shuffled, 3_000, by=["id"], strata=["y"])) == wanted
    pq.write_table(whole.arrow, tmp_path / "t.parquet", row_group_size=999)
    streamed = read_table(tmp_path / "t.parquet")
    assert ids(paired_sample(streamed, 3_000, by=["id"], strata=["y"])) == wanted
    assert "arrow" not in vars(streamed)
    code = (
        "from ruleout.tables import read_table; from ruleout.tables.pairing import paired_sample\n"
        f"t = paired_sample(read_table({str(tmp_path / 't.parquet')!r}), 3_000, by=['id'], strata=['y'])\n"
        "print(int(t.numbers('id').sum()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}).stdout
    assert int(said) == sum(wanted)


def test_a_value_has_one_hash_whatever_type_holds_it():
    def hashes(values, type_):
        return row_hashes(pa.record_batch({"k": pa.array(values, type_)}), ["k"]).tolist()

    numbers = hashes([1, 0, 70, None], pa.int64())
    for type_ in (pa.int8(), pa.uint16(), pa.uint64(), pa.float32(), pa.float64()):
        assert hashes([1, 0, 70, None], type_) == numbers
    assert hashes([decimal.Decimal(v) for v in (1, 0, 70)], pa.decimal128(9, 2)) == numbers[:3]
    assert hashes([-0.0], pa.float64()) == numbers[1:2]
    texts = hashes(["a", "é", ""], pa.string())
    assert hashes(["a", "é", ""], pa.large_string()) == texts
    encoded = pa.array(["é", "a", "", "a"]).dictionary_encode()
    assert row_hashes(pa.record_batch({"k": encoded}), ["k"]).tolist() == [texts[1], texts[0], texts[2], texts[0]]
    assert len({*numbers, *texts}) >= 6


def test_rows_of_one_entity_come_together_or_not_at_all():
    whole = table(20_000, entity=np.arange(20_000) // 4)
    sample = paired_sample(whole, 2_000, by=["entity"])
    counts = np.unique(sample.numbers("entity"), return_counts=True)[1]
    assert set(counts.tolist()) == {4}
    assert 2_000 <= sample.n_rows < 2_004


def test_strata_keep_their_shares_to_within_a_row():
    n = 50_000
    stamps = pa.array(np.random.default_rng(3).integers(0, 1_000_000, n), pa.timestamp("s"))
    whole = table(n, at=stamps)
    sample = paired_sample(whole, 5_000, by=["id"], strata=["y", "at"])
    for place in ("a", "b", "c"):
        was, now = (np.mean(rows.texts("y") == place) for rows in (whole, sample))
        assert now == pytest.approx(was, abs=11 / 5_000)
    spans = [np.histogram(rows.numbers("at"), np.linspace(0, 1_000_000, 11))[0] / rows.n_rows for rows in (whole, sample)]
    assert np.abs(spans[0] - spans[1]).max() < 5 / 5_000 + 1e-3


def test_without_a_key_the_rows_number_decides():
    first, second = table(20_000), table(20_000, seed=9)
    np.testing.assert_array_equal(paired_rows(first, 0.1), paired_rows(second, 0.1))
    assert len(paired_rows(first, 0.1)) == 2_000


def test_rows_without_a_key_are_drawn_one_by_one():
    whole = table(20_000, key=pa.array([None if at % 2 else at for at in range(20_000)], pa.int64()))
    sample = paired_sample(whole, 2_000, by=["key"])
    assert 1_800 < sample.n_rows < 2_200
    assert sample.arrow["key"].null_count == pytest.approx(1_000, abs=150)


def test_a_sample_stands_for_the_whole():
    whole = table(100_000)
    sample = paired_sample(whole, 10_000, by=["id"])
    assert sample.numbers("x").mean() == pytest.approx(0, abs=0.04)
    assert sample.numbers("id").mean() == pytest.approx(50_000, rel=0.02)


def test_small_and_strange_tables():
    assert paired_sample(table(10), 10, by=["id"]).n_rows == 10
    assert len(paired_rows(table(0), 0.5, by=["id"])) == 0
    assert paired_sample(table(1_000, tags=[[1]] * 1_000), 100, by=["tags"]).n_rows == 100
    with pytest.raises(TableError, match=r"no column 'idd'.*Did you mean"):
        paired_sample(table(1_000), 10, by=["idd"])


def test_rows_needed_are_those_of_the_formula():
    assert rows_needed(0.01, 0.1) == pytest.approx(7.85 * 0.1 / 0.01**2, rel=1e-3)
    rng = np.random.default_rng(0)
    n = rows_needed(0.05, 1.0)
    seen = [abs(values.mean()) > 1.96 * values.std() / np.sqrt(n) for values in rng.normal(0.05, 1.0, (300, n))]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.07)
    assert effect_seen(rows_needed(0.01, 0.1), 0.1) == pytest.approx(0.01, rel=1e-3)
    with pytest.raises(ValueError, match="expected above 0"):
        rows_needed(0.0, 1.0)
