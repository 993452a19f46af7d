"""What a profile says is what numpy says of the same values, and states merge."""

import os
import subprocess
import sys
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.errors import TableError
from ruleout.tables import Table, as_table, read_table
from ruleout.tables.kernel import edges_of
from ruleout.tables.parquet import ParquetFiles
from ruleout.tables.profile import Plan, profile_table
from ruleout.tables.sketch import DistinctSketch
from ruleout.tables.state import CategoryState, NumberState


def column(values, type_=None):
    return Table(pa.table({"x": pa.array(values, type_)})).profile()["x"]


def test_moments_and_quantiles_are_those_of_the_values():
    values = np.random.default_rng(0).lognormal(size=300_000)
    found = column(values)
    assert (found.n, found.n_null, found.min, found.max) == (300_000, 0, values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.std == pytest.approx(values.std(ddof=1), rel=1e-12)
    for share in (0.01, 0.25, 0.5, 0.9, 0.99):
        assert (values <= found.quantile(share)).mean() == pytest.approx(share, abs=1e-3)


def test_welford_merging_survives_a_large_offset():
    values = 1e9 + np.random.default_rng(1).normal(size=300_000)
    assert column(values).std == pytest.approx(values.std(ddof=1), rel=1e-6)


def test_counts_between_edges_are_exact():
    values = np.random.default_rng(2).integers(0, 3_000, 200_000)
    found = column(values)
    assert len(found.edges) <= 1_023
    cumulative = np.cumsum(found.counts)[:-1]
    assert (cumulative == [(values <= edge).sum() for edge in found.edges]).all()
    assert found.counts.sum() == len(values)


def test_a_discrete_column_has_its_own_quantiles():
    values = np.repeat([0, 1, 5], [50, 30, 20])
    found = column(values)
    assert [found.quantile(share) for share in (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)] == [0, 0, 0, 1, 5, 5]
    assert found.top == ((0, 50), (1, 30), (5, 20))
    assert found.distinct == 3


def test_null_nan_and_infinity_are_three_things():
    found = column([1.0, None, float("nan"), float("inf"), -float("inf"), 3.0, None])
    assert (found.n, found.n_null, found.n_nan, found.n_infinite, found.n_values) == (7, 2, 1, 2, 4)
    assert (found.min, found.max, found.mean) == (1.0, 3.0, 2.0)
    assert found.counts.sum() == 4


@pytest.mark.parametrize("n_distinct", [10, 16_000, 20_000, 60_000, 400_000])
@pytest.mark.parametrize("kind", ["float", "text"])
def test_distinct_is_within_three_and_a_half_percent(n_distinct, kind):
    rng = np.random.default_rng(n_distinct)
    codes = np.concatenate([np.arange(n_distinct), rng.integers(0, n_distinct, 50_000)])
    values = pa.array(rng.normal(size=n_distinct)[codes] if kind == "float" else [f"user-{code}" for code in codes])
    found = Table(pa.table({"x": values})).profile()["x"].distinct
    assert found == pytest.approx(n_distinct, rel=0.0 if n_distinct < 16_384 else 0.035)


def test_there_are_never_more_distinct_values_than_values():
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=40_000)
        assert 0.965 * 40_000 <= column(values).distinct <= 40_000


def test_distinct_values_are_counted_alike_however_the_rows_are_cut():
    hashes = np.unique(np.random.default_rng(0).integers(0, 2**63, 300_000).astype(np.uint64) * np.uint64(2))
    whole = DistinctSketch.of(hashes)
    order = np.random.default_rng(1).permutation(hashes)
    for cuts in ([5], [16_383, 16_384, 16_385], [60_000, 70_000, 200_000], [100_000, 100_001]):
        parts = [DistinctSketch.of(part) for part in np.split(order, cuts)]
        merged = reduce(DistinctSketch.merge, parts)
        assert merged.hashes.tolist() == whole.hashes.tolist() == (np.sort(hashes)[:16_384] >> np.uint64(16)).tolist()


def test_integers_above_two_to_the_53_stay_apart():
    base = 2**62
    assert column([base, base + 1, base + 2, base + 2]).distinct == 3
    assert column([2**64 - 1, 2**64 - 2], pa.uint64()).distinct == 2


def test_minus_zero_is_zero():
    assert column([0.0, -0.0]).distinct == 1


def test_times_are_seconds_since_1970():
    stamps = pa.array([0, 1_500, None], pa.timestamp("ms", "Europe/Berlin"))
    dates = pa.array([0, 2, None], pa.date32())
    profile = Table(pa.table({"stamp": stamps, "date": dates})).profile()
    assert (profile["stamp"].min, profile["stamp"].max, profile["stamp"].kind) == (0.0, 1.5, "time")
    assert (profile["date"].min, profile["date"].max, profile["date"].n_null) == (0.0, 2 * 86_400.0, 1)


def test_categories_of_every_arrow_type_are_counted_alike():
    values = ["b", "a", None, "b", ""]
    wanted = (("b", 2), ("", 1), ("a", 1))
    for type_ in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        found = Table(pa.table({"x": pa.array(values, pa.string()).cast(type_)})).profile()["x"]
        assert (found.kind, found.top, found.n_null, found.distinct) == ("category", wanted, 1, 3)
    odd = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 0, 3, None]), pa.array(["x", None, "unused", "x"]).slice(0, 4))
    found = Table(pa.table({"x": odd})).profile()["x"]
    assert (found.top, found.n_null) == ((("x", 3), ("unused", 1)), 2)
    assert column([True, False, True, None]).top == (("True", 2), ("False", 1))


def test_a_category_among_many_rare_ones_keeps_its_count():
    values = [f"id-{n}" for n in range(60_000)] + ["often"] * 9_000
    np.random.default_rng(0).shuffle(values)
    found = column(values)
    assert found.top[0][0] == "often"
    assert found.top[0][1] <= 9_000 <= found.top[0][1] + found.top_error
    assert found.top_error < 20


def test_states_of_parts_merge_to_the_state_of_the_whole():
    rng = np.random.default_rng(3)
    numbers = pa.array(np.where(rng.random(50_000) < 0.1, 7.0, rng.normal(size=50_000)), mask=rng.random(50_000) < 0.2)
    edges = edges_of(rng.normal(size=5_000))
    parts = [NumberState.of(numbers.slice(start, 7_000), edges) for start in range(0, 50_000, 7_000)]
    whole = NumberState.of(numbers, edges)
    for merged in (reduce(NumberState.merge, parts), reduce(NumberState.merge, parts[::-1])):
        assert (merged.counts == whole.counts).all()
        assert (merged.n, merged.n_null, merged.distinct.estimate()) == (whole.n, whole.n_null, whole.distinct.estimate())
        assert merged.moments.squares == pytest.approx(whole.moments.squares, rel=1e-9)
        assert merged.sums == pytest.approx(whole.sums, abs=1e-8)
        assert dict(zip(merged.frequent.values, merged.frequent.counts, strict=True))[7.0] == (numbers.drop_null().to_numpy() == 7.0).sum()
    texts = pa.array(rng.choice(["a", "bb", "ccc"], 9_000).tolist())
    merged = CategoryState.of(texts.slice(0, 100)).merge(CategoryState.of(texts.slice(100)))
    assert merged.frequent.ranked() == CategoryState.of(texts).frequent.ranked()


def test_parquet_is_profiled_without_being_loaded(tmp_path):
    rng = np.random.default_rng(4)
    table = pa.table({"x": rng.normal(size=40_000), "a": rng.choice(["u", "v"], 40_000).tolist(), "a.b": np.arange(40_000)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3_000)
    streamed = read_table(tmp_path / "t.parquet")
    found, wanted = streamed.profile(), Table(table).profile()
    assert "arrow" not in vars(streamed)
    for name in table.column_names:
        assert found[name].to_dict() == wanted[name].to_dict()
    assert found.n_rows == 40_000


def test_sorted_row_groups_get_edges_over_their_whole_range(tmp_path):
    pq.write_table(pa.table({"x": np.arange(3_000_000.0)}), tmp_path / "t.parquet", row_group_size=500_000)
    found = read_table(tmp_path / "t.parquet").profile()["x"]
    assert found.counts.max() < 3_000_000 / 500
    assert found.quantile(0.5) == pytest.approx(1_500_000, rel=1e-3)


def test_a_source_that_gives_other_rows_than_it_says_is_an_error():
    class Short:
        schema = pa.schema([("x", pa.float64())])
        n_rows = 3

        def chunks(self, column, rows):
            yield pa.array([1.0])

        spread = batches = take = select = __call__ = lambda self, *a: (1, iter([pa.array([1.0])]))

    with pytest.raises(TableError, match="gave 1 rows, expected 3"):
        profile_table(Table(Short(), name="train"), {"x": Plan("numeric", np.array([1.0]))})


def test_the_hot_path_imports_neither_pandas_nor_scipy():
    code = (
        "import sys, pyarrow as pa, pyarrow.compute as pc; from ruleout.tables import Table; x = pc.random(30_000)\n"
        "t = Table(pa.Table.from_arrays([x, x.cast(pa.string())], names=['x', 's'])); t.profile(); t.numbers('x'); t.sample(9)\n"
        "print(sorted({'pandas', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_many_threads_give_what_one_gives():
    rng = np.random.default_rng(5)
    data = {f"c{at}": rng.normal(size=30_000) for at in range(6)}
    together = as_table(data).profile()
    assert all(together[name].to_dict() == as_table({name: values}).profile()[name].to_dict() for name, values in data.items())


def test_the_threads_of_a_profile_are_not_those_of_the_arithmetic_libraries():
    code = (
        "import os, sys, threading, numpy as np; os.sched_getaffinity = lambda _: {0, 1, 2}; threads = set()\n"
        "from ruleout.tables import as_table; from ruleout.tables.state import NumberState; of = NumberState.of\n"
        "NumberState.of = lambda *given: (threads.add(threading.current_thread().name), of(*given))[1]\n"
        "as_table({f'c{at}': np.arange(200_000.0) for at in range(30)}).profile(); print(len(threads - {'MainThread'}) > 1)"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
    assert said == "True\n"


def test_a_column_of_few_row_groups_is_decoded_once(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = pa.table({**{f"n{at}": rng.normal(size=3_000) for at in range(5)}, "word": ["a", "b", "c"] * 1_000})
    pq.write_table(rows, tmp_path / "t.parquet", row_group_size=1_500)
    decoded = []
    chunks = ParquetFiles.chunks
    monkeypatch.setattr(ParquetFiles, "chunks", lambda self, column, rows: decoded.append(column) or chunks(self, column, rows))
    found = read_table(tmp_path / "t.parquet").profile()
    assert sorted(decoded) == sorted(rows.column_names)
    pq.write_table(rows, tmp_path / "many.parquet", row_group_size=1_000)
    twice = read_table(tmp_path / "many.parquet").profile()
    assert sorted(decoded) == sorted([*rows.column_names * 2, *rows.column_names[:5]])
    assert found.to_dict()["columns"] == Table(rows).profile().to_dict()["columns"] == twice.to_dict()["columns"]
    assert list(found) == rows.column_names
