"""A stored profile says what the table said, whatever its columns hold, and stands in for it where no rows are needed."""

import datetime
import decimal
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.errors import RowsNeeded, TableError
from ruleout.tables import Table, compare, read_table, write_profile
from ruleout.tables.profile import Plan, plans_of, profile_table
from ruleout.tables.state import CategoryState, NumberState

N = 400
DAY = datetime.date(2024, 2, 29)
NAN, INF = float("nan"), float("inf")


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


def stamps(unit, zone=None):
    return pa.array(cycle(0, 1_500, None, -7, 86_400), pa.timestamp(unit, zone))


# Every Arrow type that a user meets: an array of N rows, how it is looked at, and what its profile says of it.
COLUMNS = {
    **{
        f"{type_}": (pa.array(cycle(0, 1, None, 100), type_), "numeric", {"n_null": N // 4, "min": 0, "max": 100, "distinct": 3})
        for type_ in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
    },
    "int64 at its ends": (pa.array(cycle(-(2**63), 2**63 - 1, 2**63 - 2)), "numeric", {"distinct": 3}),
    "uint64 at its end": (pa.array(cycle(2**64 - 1, 2**64 - 2, 0), pa.uint64()), "numeric", {"distinct": 3, "min": 0}),
    **{
        f"{type_}": (pa.array(cycle(0.5, -2.0, None, 0.5), pa.float64()).cast(type_), "numeric", {"n_null": N // 4, "min": -2, "max": 0.5})
        for type_ in (pa.float16(), pa.float32(), pa.float64())
    },
    "nan is not null": (pa.array(cycle(NAN, None, 1.0, 2.0)), "numeric", {"n_null": N // 4, "n_nan": N // 4, "mean": 1.5}),
    "infinities": (pa.array(cycle(INF, -INF, 1.0, 3.0)), "numeric", {"n_infinite": N // 2, "min": 1.0, "max": 3.0, "mean": 2.0}),
    "minus zero": (pa.array(cycle(-0.0, 0.0)), "numeric", {"distinct": 1, "min": 0.0, "top": ((0.0, N),)}),
    "all nan": (pa.array(cycle(NAN)), "numeric", {"n_nan": N, "min": None, "mean": None, "distinct": 0}),
    "all null numbers": (pa.nulls(N, pa.int32()), "numeric", {"n_null": N, "min": None, "distinct": 0}),
    "nothing but null": (pa.nulls(N), "other", {"n_null": N, "counted_only": True}),
    "decimal128": (
        pa.array(cycle(decimal.Decimal("1.25"), None, decimal.Decimal("-3.00"))).cast(pa.decimal128(20, 2)),
        "numeric",
        {"min": -3.0, "max": 1.25, "distinct": 2},
    ),
    "decimal256": (pa.array(cycle(decimal.Decimal("1.5"), None), pa.decimal256(50, 3)), "numeric", {"min": 1.5, "distinct": 1}),
    "boolean": (pa.array(cycle(True, False, None, True)), "category", {"top": (("True", N // 2), ("False", N // 4)), "n_null": N // 4}),
    **{
        f"{type_}": (pa.array(values, type_), "numeric", {"n_null": N // 2, "max": most, "distinct": 1})
        for type_, values, most in (
            (pa.time32("s"), cycle(datetime.time(1), None), 3_600.0),
            (pa.time64("us"), cycle(datetime.time(1), None), 3_600.0),
            (pa.duration("ms"), cycle(datetime.timedelta(1), None), 86_400.0),
        )
    },
    "date32": (pa.array(cycle(DAY, None), pa.date32()), "time", {"max": 1_709_164_800.0, "n_null": N // 2}),
    "date64": (pa.array(cycle(DAY, None), pa.date64()), "time", {"max": 1_709_164_800.0, "n_null": N // 2}),
    **{f"timestamp[{unit}]": (stamps(unit), "time", {"n_null": N // 5, "distinct": 4}) for unit in ("s", "ms", "us", "ns")},
    "timestamp with zone": (stamps("us", "Europe/Berlin"), "time", {"n_null": N // 5, "distinct": 4}),
    "timestamp in UTC": (stamps("ns", "UTC"), "time", {"n_null": N // 5, "distinct": 4}),
    **{
        f"{type_}": (pa.array(cycle("b", "é", None, "")).cast(type_), "category", {"distinct": 3, "n_null": N // 4})
        for type_ in (pa.string(), pa.large_string(), pa.string_view())
    },
    "dictionary of text": (pa.array(cycle("u", "v", None)).dictionary_encode(), "category", {"distinct": 2}),
    "dictionary, large, ordered": (
        pa.DictionaryArray.from_arrays(pa.array(cycle(0, 1, None), pa.int16()), pa.array(["lo", "hi"], pa.large_string()), ordered=True),
        "category",
        {"distinct": 2},
    ),
    "dictionary of numbers": (pa.array(cycle(7, 9, None)).dictionary_encode(), "numeric", {"distinct": 2, "min": 7, "max": 9}),
    "dictionary of times": (stamps("s").dictionary_encode(), "time", {"distinct": 4, "n_null": N // 5}),
    **{
        f"{type_}": (pa.array(values, type_), "other", {"n_null": N // 2, "counted_only": True})
        for type_, values in (
            (pa.binary(), cycle(b"\0", None)),
            (pa.large_binary(), cycle(b"x", None)),
            (pa.binary(2), cycle(b"ab", None)),
            (pa.list_(pa.int32()), cycle([1, 2], None)),
            (pa.large_list(pa.string()), cycle(["a"], None)),
            (pa.list_(pa.float32(), 2), cycle([1.0, 2.0], None)),
            (pa.struct([("a", pa.int32()), ("b", pa.string())]), cycle({"a": 1, "b": "x"}, None)),
            (pa.map_(pa.string(), pa.int8()), cycle([("k", 1)], None)),
            (pa.month_day_nano_interval(), cycle((1, 2, 3), None)),
        )
    },
}


def of(array):
    return Table(pa.table({"x": array}), name="train")


def stored(table, folder):
    return read_table(write_profile(table, folder / "t.profile"), name="train")


@pytest.mark.parametrize("name", COLUMNS)
def test_every_arrow_type_is_said_and_comes_back_as_it_was(name, tmp_path):
    array, kind, said = COLUMNS[name]
    found = of(array).profile()["x"]
    assert (found.kind, found.n) == (kind, N)
    assert {figure: getattr(found, figure) for figure in said} == said
    table = stored(of(array), tmp_path)
    again = table.profile()["x"]
    assert again == found
    assert (again.to_dict(), table.kind("x"), table.schema) == (found.to_dict(), kind, of(array).schema)
    if isinstance(found.state, NumberState):
        for mine, theirs in zip(arrays(again.state), arrays(found.state), strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)
    elif isinstance(found.state, CategoryState):
        assert again.state.frequent.ranked() == found.state.frequent.ranked()
        np.testing.assert_array_equal(again.state.distinct.hashes, found.state.distinct.hashes)


def arrays(state):
    return state.edges, state.counts, state.sums, state.distinct.hashes, state.frequent.values, state.frequent.counts


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("parts", [(0, 1, 137, N), (0, 0, N), (0, 399, 400)])
def test_states_of_parts_merge_to_the_state_of_the_whole(name, parts):
    table = of(COLUMNS[name][0])
    plan = plans_of(table, ["x"])["x"]
    cut = [Table(table.arrow.slice(start, stop - start)) for start, stop in pairwise(parts)]
    states = [profile_table(part, {"x": plan})["x"].state for part in cut]
    whole = profile_table(table, {"x": plan})["x"].state
    for ordered in (states, states[::-1]):
        merged = ordered[0]
        for state in ordered[1:]:
            merged = merged.merge(state)
        assert (merged.n, merged.n_null) == (whole.n, whole.n_null)
        if isinstance(whole, NumberState):
            assert (merged.n_nan, merged.n_infinite, merged.moments.n) == (whole.n_nan, whole.n_infinite, whole.moments.n)
            assert (merged.moments.smallest, merged.moments.largest) == (whole.moments.smallest, whole.moments.largest)
            for mine, theirs in zip(arrays(merged), arrays(whole), strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=0)
            assert merged.moments.mean == pytest.approx(whole.moments.mean, rel=1e-12)
            assert merged.moments.squares == pytest.approx(whole.moments.squares, rel=1e-9)
        elif isinstance(whole, CategoryState):
            assert (merged.frequent.ranked(), merged.distinct.estimate()) == (whole.frequent.ranked(), whole.distinct.estimate())


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_without_rows_has_a_profile(name, tmp_path):
    table = of(COLUMNS[name][0].slice(0, 0))
    found = table.profile()["x"]
    assert (found.n, found.n_null, found.null_rate, found.top) == (0, 0, 0.0, ())
    assert stored(table, tmp_path).profile()["x"] == found


@pytest.mark.parametrize("name", COLUMNS)
def test_a_stored_profile_compared_with_its_own_table_has_not_moved(name, tmp_path):
    table = of(COLUMNS[name][0])
    for pair in ((stored(table, tmp_path), table), (table, stored(table, tmp_path))):
        found = compare(*pair)
        assert (found.moved, found.kind_changes, found.type_changes) == ((), {}, {})
        assert not any(effect for effect in (found["x"].effects or {}).values())


def wide(rng, n, shift=0.0):
    return Table(
        pa.table(
            {
                "x": rng.normal(shift, 1, n),
                "heavy": rng.lognormal(shift, 2, n),
                "atoms": np.where(rng.random(n) < 0.4, 0.0, rng.exponential(1 + shift, n)),
                "count": rng.poisson(3 + shift, n),
                "place": rng.choice(["a", "b", "c"], n, p=[0.5 - shift / 2, 0.3 + shift / 2, 0.2]).tolist(),
                "at": pa.array(rng.integers(0, 10**9, n), pa.timestamp("s")),
            }
        )
    )


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_distances_from_stored_profiles_are_those_of_the_tables(tmp_path, shift):
    rng = np.random.default_rng(0)
    first, second = wide(rng, 60_000), wide(rng, 50_000, shift)
    wanted = compare(first, second)
    mine = read_table(write_profile(first, tmp_path / "1.profile"))
    theirs = read_table(write_profile(second, tmp_path / "2.profile"))
    # Of two that were stored neither knows how the other's last bin, which reaches to the largest value, is filled.
    for pair, within, far in (((mine, second), 0.0015, 0.01), ((first, theirs), 0.0015, 0.01), ((mine, theirs), 0.003, 0.05)):
        found = compare(*pair)
        assert [change.column for change in found.moved] == [change.column for change in wanted.moved]
        for name, change in found.items():
            for measure in ("ks", "tvd"):
                assert (getattr(change, measure) or 0) == pytest.approx(getattr(wanted[name], measure) or 0, abs=within), (name, measure)
            assert (change.wasserstein or 0) == pytest.approx(wanted[name].wasserstein or 0, abs=far)
            assert (change.reference.n, change.current.n) == (60_000, 50_000)


def test_types_may_differ_between_a_stored_profile_and_a_table(tmp_path):
    integers, floats = of(pa.array(range(N))), of(pa.array([float(v) for v in range(N)]))
    nulls = of(pa.nulls(N))
    for first, second in ((integers, floats), (floats, integers)):
        found = compare(stored(first, tmp_path), second)
        assert (found.moved, list(found.type_changes)) == ((), ["x"])
    for first, second in ((nulls, floats), (floats, nulls)):
        assert compare(stored(first, tmp_path), second)["x"].moved_by == ("nulls",)


def test_edges_of_the_own_state_are_exact_and_foreign_ones_within_a_bin():
    values = np.random.default_rng(1).normal(size=30_000)
    own = of(pa.array(values)).profile()["x"].state
    assert own.between(own.edges).counts.tolist() == own.counts.tolist()
    edges = np.linspace(-6, 6, 77)
    moved = own.between(edges)
    assert moved.counts.sum() == 30_000 and moved.sums.sum() == pytest.approx(own.sums.sum())
    exact = np.array([(values <= edge).sum() for edge in edges])
    assert np.abs(np.cumsum(moved.counts)[:-1] - exact).max() <= 1.5 * own.counts.max()


def test_what_needs_rows_says_so(tmp_path):
    table = stored(wide(np.random.default_rng(0), 500), tmp_path)
    assert (table.n_rows, table.columns[0], table.stored is not None) == (500, "x", True)
    asked = [
        lambda: table.arrow,
        lambda: table.numbers("x"),
        lambda: table.sample(10),
        lambda: list(table.batches()),
        lambda: table.fingerprint,
        lambda: table.filter(np.ones(500, dtype=bool)),
        lambda: table.select(["x"]).arrow,
    ]
    for ask in asked:
        with pytest.raises(RowsNeeded, match=r"t\.profile: a stored profile holds no rows.*give the table itself\.$"):
            ask()
    assert list(table.without(["x"]).profile()) == ["heavy", "atoms", "count", "place", "at"]
    assert table.named("validation").profile()["x"] == table.profile()["x"]


def test_other_programs_can_read_the_figures(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = write_profile(wide(np.random.default_rng(0), 500), tmp_path / "t.profile")
    found = duckdb.sql(f"select n, n_null, n_distinct from read_parquet('{path}') where \"column\" = 'place'").fetchall()
    assert found == [(500, 0, 3)]


def meddled(path, **changes):
    """The same file with other metadata."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"ruleout.profile"]) | changes
    pq.write_table(table.replace_schema_metadata({b"ruleout.profile": json.dumps(about)}), path)


def headless(path):
    """The same file less its first column's row."""
    table = pq.read_table(path)
    return table.slice(1).replace_schema_metadata(table.schema.metadata)


def test_a_profile_of_the_first_version_is_read(tmp_path):
    values = pa.array(np.arange(30_000.0))
    path = write_profile(of(values), tmp_path / "t.profile")
    table = pq.read_table(path)
    first = [[hash_ << 16 for hash_ in table["hashes"][0].as_py()[:4_096]]]
    at = table.column_names.index("hashes")
    older = table.set_column(at, table.schema.field(at), pa.array(first, pa.list_(pa.uint64())))
    pq.write_table(older.replace_schema_metadata(table.schema.metadata), path)
    meddled(path, version=1)
    found, now = read_table(path).profile()["x"], of(values).profile()["x"]
    assert found.distinct == pytest.approx(30_000, rel=0.05)
    both = found.state.distinct.merge(now.state.distinct)
    assert (both.estimate(), len(both.hashes)) == (found.distinct, 4_096)
    assert now.state.distinct.merge(found.state.distinct).estimate() == found.distinct


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "truncated"),
        (lambda path: path.write_text("a,b\n1,2\n"), "holds text .*, expected a stored profile"),
        (lambda path: pq.write_table(pa.table({"x": [1]}), path), "holds Parquet rows, expected a profile"),
        (lambda path: meddled(path, version=3), "a profile of version 3, expected 2 at most"),
        (lambda path: meddled(path, version="new"), "damaged"),
        (lambda path: meddled(path, n_rows=7), "damaged .*column 'x' does not fit"),
        (lambda path: meddled(path, schema="!"), "damaged"),
        (
            lambda path: pq.write_table(headless(path), path),
            "damaged .*describes 5 columns of 6",
        ),
    ],
)
def test_what_is_no_profile_is_one_sentence(tmp_path, spoil, said):
    path = write_profile(wide(np.random.default_rng(0), 500), tmp_path / "t.profile")
    spoil(path)
    with pytest.raises(TableError, match=said) as caught:
        read_table(path)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_profile_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(TableError, match="cannot be written"):
        write_profile(of(pa.array([1])), tmp_path / "absent" / "t.profile")
    with pytest.raises(TableError, match="matches 2 stored profiles"):
        for name in ("a", "b"):
            write_profile(of(pa.array([1])), tmp_path / f"{name}.profile")
        read_table(tmp_path / "*.profile")


def test_a_plan_of_another_kind_counts_a_column_of_nulls_as_nulls(tmp_path):
    table = stored(of(pa.nulls(N)), tmp_path)
    found = profile_table(table, {"x": Plan("numeric", np.array([1.0]))})["x"]
    assert (found.n, found.n_null, found.n_values, found.counts.tolist()) == (N, N, 0, [0, 0])
