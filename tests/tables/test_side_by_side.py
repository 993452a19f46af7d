"""What is said of two tables is what was done to them, and how sure it is is right."""

import re
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import ruleout
from ruleout.errors import TableError
from ruleout.tables import as_table, compare
from ruleout.tables.gaps import gap_interval, visible_from
from ruleout.tables.shape import shape_of
from ruleout.tables.spoken import duration, figure, moment, part, quoted


def columns(rng, n):
    return {
        "id": np.arange(n),
        "amount": rng.lognormal(3, 0.6, n),
        "age": rng.integers(18, 90, n),
        "level": rng.normal(10, 2, n),
        "colour": rng.choice(["red", "green", "blue", "grey"], n, p=[0.5, 0.3, 0.15, 0.05]).tolist(),
        "flag": rng.random(n) < 0.2,
        "when": [datetime(2024, 1, 1) + timedelta(minutes=int(minute)) for minute in np.sort(rng.integers(0, 40_000, n))],
    }


@pytest.fixture
def pair():
    rng = np.random.default_rng(5)
    return columns(rng, 3_000), columns(rng, 3_000)


def said(found, column):
    return "; ".join(fact.said for fact in found[column].facts)


def test_nothing_moved_between_two_samples(pair):
    found = ruleout.compare(*pair, ignore="id")
    assert (found.verdict, found.exit_code, found.moved) == ("nothing-moved", 0, ())
    assert [move.facts for move in found.moves] == [()] * 6


@pytest.mark.parametrize(
    ("column", "change", "expected"),
    [
        ("amount", lambda x: x * 100, "every quantile x about 99"),
        ("amount", lambda x: -x, "the sign turned"),
        ("level", lambda x: x + 3, "every quantile + about 3"),
        ("level", lambda x: x - 3, "every quantile - about 3"),
        ("level", lambda x: np.where(np.arange(len(x)) % 5, x, np.nan), "nulls 0 % → 20 %"),
        ("level", lambda x: np.where(np.arange(len(x)) % 10, x, -999.0), "the value -999: 0 % → 10 %"),
        ("level", lambda x: 10 + 2.5 * (x - 10), "standard deviation 2.026 → 4.982 (x 2.46)"),
        ("level", lambda x: np.full(len(x), np.nan), "every row is null; none was"),
        ("colour", lambda x: ["Red" if c == "red" else c for c in x], '1 category is new, 50 % of the values: "Red" 50 %'),
        ("colour", lambda x: ["Red" if c == "red" else c for c in x], '1 category is gone, 50 % of the reference\'s values: "red"'),
        ("colour", lambda x: ["blue" if c == "green" else c for c in x], '"blue" 14 % → 44 %'),
        ("flag", lambda x: ~x, '"False" 80 % → 2'),
        ("when", lambda x: [t + timedelta(days=60) for t in x], "all later"),
        ("when", lambda x: [t + timedelta(days=60) for t in x], "the middle lies 59.8 days later"),
        ("when", lambda x: [t - timedelta(days=60) for t in x], "all earlier"),
    ],
)
def test_what_was_done_is_said(pair, column, change, expected):
    reference, current = pair
    found = ruleout.compare(reference, {**current, column: change(current[column])}, ignore="id")
    assert [move.column for move in found.moved] == [column]
    assert expected in said(found, column)
    assert found.exit_code == 1
    assert re.match(rf"{column}: [01]\.\d{{3}} of the rows moved \(95 % interval ", found[column].statement())
    assert found[column].statement().endswith("n = 3,000 and 3,000.")


def test_the_farthest_comes_first_and_those_that_stayed_come_last(pair):
    reference, current = pair
    found = ruleout.compare(reference, {**current, "level": current["level"] + 1, "amount": current["amount"] * 50}, ignore="id")
    assert [move.column for move in found.moved] == ["amount", "level"]
    assert list(found)[:2] == ["amount", "level"]
    gaps = [move.gap.value for move in found.moves[2:]]
    assert gaps == sorted(gaps, reverse=True)


def test_the_mean_is_told_in_standard_deviations_with_its_interval(pair):
    reference, current = pair
    found = ruleout.compare(reference, {**current, "level": current["level"] ** 1.2}, columns="level")
    mean = next(fact for fact in found["level"].facts if fact.what == "mean")
    units = ((current["level"] ** 1.2).mean() - reference["level"].mean()) / reference["level"].std(ddof=1)
    assert mean.change == pytest.approx(units, rel=1e-6)
    assert mean.interval[0] < units < mean.interval[1]
    assert mean.interval[1] - mean.interval[0] < 0.25


def test_intervals_hold_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    held, covered = 400, {"share": 0, "ks": 0, "tvd": 0, "mean": 0}
    p, q = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.3, 0.3, 0.2, 0.2])
    for _ in range(held):
        n, m = 300, 500
        low, high = gap_interval(rng.binomial(n, 0.03), n, rng.binomial(m, 0.1), m)
        covered["share"] += low <= 0.07 <= high
        there = {"x": rng.normal(size=n), "c": rng.choice(list("abcd"), n, p=p).tolist()}
        here = {"x": rng.normal(0.8, size=m), "c": rng.choice(list("abcd"), m, p=q).tolist()}
        found = ruleout.compare(there, here)
        low, high = found["x"].gap.interval
        covered["ks"] += low <= 0.3108 <= high  # 2 Phi(0.4) - 1
        low, high = found["c"].gap.interval
        covered["tvd"] += low <= 0.2 <= high
        mean = next(fact for fact in found["x"].facts if fact.what == "mean")
        covered["mean"] += mean.interval[0] <= 0.8 <= mean.interval[1]
    assert all(count / held >= 0.91 for count in covered.values()), covered


@pytest.mark.parametrize("n_levels", [3, 40, 2_000])
def test_many_rare_categories_are_no_move_and_their_noise_is_right(n_levels):
    rng = np.random.default_rng(3)
    below = []
    for _ in range(60):
        sides = [{"c": [f"v{level}" for level in rng.integers(0, n_levels, 1_500)]} for _ in range(2)]
        gap = ruleout.compare(*sides)["c"].gap
        below.append(gap.value <= gap.noise)
        assert gap.value < 0.1
    assert np.mean(below) >= 0.85


def test_a_move_as_large_as_is_promised_is_mostly_seen():
    rng = np.random.default_rng(4)
    promised = visible_from(200, 200, 30, 0.01)
    assert 0.2 < promised < 0.3
    seen = []
    for _ in range(60):
        # Ten columns give about thirty tests; one of them has that share of its rows moved away.
        there = {f"x{at}": rng.normal(size=200) for at in range(10)}
        here = {f"x{at}": rng.normal(size=200) for at in range(10)}
        here["x0"] = np.where(rng.random(200) < promised, 9.0 + rng.normal(size=200), here["x0"])
        seen.append(ruleout.compare(there, here)["x0"].moved)
    assert np.mean(seen) >= 0.7
    assert visible_from(10**6, 10**6, 500, 0.01) == 0.1
    assert visible_from(0, 5, 3, 0.01) == 1.0


def test_columns_that_are_gone_new_or_of_another_kind(pair):
    reference, current = pair
    current = {name: values for name, values in current.items() if name != "flag"}
    current |= {"age": [f"{age} years" for age in current["age"]], "score": current["level"]}
    found = ruleout.compare(reference, current, ignore="id")
    assert (found.comparison.only_reference, found.comparison.only_current) == (("flag",), ("score",))
    assert found.comparison.kind_changes == {"age": ("int64", "string")}
    assert all(value.endswith(" years") for value in found.examples["age"])
    assert (found.moved, found.verdict, found.exit_code) == ((), "moved", 1)


def test_an_empty_side_is_no_healthy_pair(pair):
    empty = {name: values[:0] for name, values in pair[1].items()}
    assert ruleout.compare(pair[0], as_table(pair[0]).filter(np.zeros(3_000, dtype=bool))).verdict == "no-rows"
    assert ruleout.compare({"x": pa.array([], pa.float64())}, {"x": pa.array([], pa.float64())}).exit_code == 0
    assert str(ruleout.compare(pair[0], {"level": np.array(empty["level"])})).count("NO ROWS TO COMPARE  the current table is empty")


def test_values_of_another_kind_are_remarked_although_too_few_to_be_a_move(pair):
    reference, current = pair
    level = current["level"].copy()
    level[:3] = 1e9
    found = ruleout.compare(reference, {**current, "level": level}, columns=["level"])
    assert found.exit_code == 0
    assert "1.00e+09" in said(found, "level") or "1e+09" in said(found, "level")
    level[:3] = np.inf
    assert said(ruleout.compare(reference, {**current, "level": level}), "level") == "3 infinite values, none in the reference"


def test_rows_are_joined_by_key_and_their_differences_named(pair):
    reference, _ = pair
    n = 3_000
    order = np.random.default_rng(0).permutation(n)[:2_000]
    current = {name: np.array(values)[order] for name, values in reference.items()}
    current["id"] = np.concatenate([order[:1_900], 10_000 + np.arange(90), np.full(10, 20_000)])
    current["amount"] = current["amount"] * 60
    current["when"] = [t + timedelta(hours=1) for t in current["when"].tolist()]
    current["colour"] = ["crimson" if c == "red" else c for c in current["colour"].tolist()]
    current["level"] = np.where(np.arange(2_000) < 50, np.nan, current["level"])
    found = ruleout.compare(reference, current, key="id")
    rows = found.rows
    assert (rows.n_shared, rows.n_only_reference, rows.n_only_current, rows.n_repeated_current) == (1_900, 1_100, 90, 10)
    told = {change.column: change for change in rows.differing}
    assert told["amount"].said == "every one x 60"
    assert told["when"].said == "every one + 60 min"
    assert told["colour"].said == '"red" → "crimson"'
    assert (told["level"].n_differ, told["level"].n_became_null) == (50, 50)
    assert set(rows.same) == {"age", "flag"}
    assert "id" not in found


def test_the_same_rows_in_another_order_differ_nowhere(pair):
    reference, _ = pair
    order = np.random.default_rng(1).permutation(3_000)
    current = {name: np.array(values)[order] for name, values in reference.items()}
    current["level"] = current["level"].astype(np.float32)
    found = ruleout.compare(reference, current, key=["id"])
    assert (found.rows.n_shared, found.rows.n_differ, found.exit_code) == (3_000, 0, 0)


def test_keys_of_several_columns_and_keys_that_are_null():
    reference = {"a": [1, 1, 2, None], "b": ["x", "y", "x", "x"], "v": [1.0, 2.0, 3.0, 4.0]}
    current = {"a": [2, 1, 1, None], "b": ["x", "x", "y", "x"], "v": [3.0, 1.0, 5.0, 4.0]}
    rows = ruleout.compare(reference, current, key="a,b").rows
    assert (rows.n_shared, rows.n_without_key_reference, rows.n_differ) == (3, 1, 1)
    none = ruleout.compare({"k": [1], "v": [1]}, {"k": [2], "v": [1]}, key="k").rows
    assert (none.n_shared, none.n_differ) == (0, 0)


def test_whole_numbers_are_drawn_where_they_lie():
    rng = np.random.default_rng(2)
    values = rng.integers(0, 5, 2_000)
    shape = shape_of(compare(as_table({"x": values}), as_table({"x": values}))["x"], 12)
    assert shape.bins == (-0.5, 0.5, 1.5, 2.5, 3.5, 4.5)
    assert shape.reference == pytest.approx(np.bincount(values) / 2_000, abs=1e-5)


@pytest.mark.parametrize("name", ["amount", "age", "level", "colour", "flag", "when"])
def test_shapes_add_up_to_one(pair, name):
    shape = ruleout.compare(*pair)[name].shape(16)
    assert len(shape.reference) == len(shape.current) <= 16
    assert shape.reference.sum() == pytest.approx(1)
    assert shape.current.sum() == pytest.approx(1)


def test_shapes_of_odd_columns():
    odd = {"same": [3.0] * 5, "none": pa.nulls(5, pa.float64()), "far": [1.0, 10.0, 100.0, 1e4, 1e6], "list": [[1]] * 5}
    found = ruleout.compare(odd, odd)
    assert found["none"].shape() is None
    assert found["list"].shape() is None
    assert found["same"].shape(8).reference.max() == 1.0
    many = {"c": [f"v{at}" for at in range(400)] + ["often"] * 100}
    shape = ruleout.compare(many, many)["c"].shape(10)
    assert (shape.bins[0], shape.bins[-1], shape.scale) == ("often", None, "categories")
    assert shape.reference.sum() == pytest.approx(1)


def test_frames_of_every_make_and_files_answer_alike(pair, tmp_path):
    import pandas as pd
    import pyarrow.parquet as pq

    arrow = [pa.table(side) for side in pair]
    for at, table in enumerate(arrow):
        pq.write_table(table, tmp_path / f"{at}.parquet")
    answers = [
        ruleout.compare(*sides, ignore=["id"]).to_dict()["columns"]
        for sides in (
            arrow,
            [pd.DataFrame(side) for side in pair],
            [pl.from_arrow(table) for table in arrow],
            [tmp_path / "0.parquet", str(tmp_path / "1.parquet")],
        )
    ]
    for other in answers[1:]:
        assert [(c["column"], pytest.approx(c["effect"]["value"], abs=1e-9)) for c in answers[0]] == [
            (c["column"], c["effect"]["value"]) for c in other
        ]


def test_row_numbers_that_pandas_wrote_are_no_column(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"x": np.arange(100.0)})
    for name, rows in (("a", frame[:50]), ("b", frame[50:])):
        rows.assign(x=1.0).sample(frac=1, random_state=0).to_parquet(tmp_path / f"{name}.parquet")
    found = ruleout.compare(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert (list(found), found.exit_code) == (["x"], 0)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"columns": "levle"}, r"no column 'levle' in reference or current \(7 columns\)\. Did you mean \"level\"\?$"),
        ({"ignore": ["hue"]}, r"no column 'hue' in"),
        (
            {"key": "idd"},
            r"^reference: no column 'idd' to join rows by \(7 columns\); name one that both tables have\. Did you mean \"id\"\?$",
        ),
        ({"columns": "id", "ignore": "id"}, "no column is left to compare"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(pair, more, words):
    with pytest.raises(TableError, match=words):
        ruleout.compare(*pair, **more)


def test_a_key_of_two_kinds_is_refused():
    with pytest.raises(TableError, match=r"^current: key 'k' holds string, but int64 in reference; write it as"):
        ruleout.compare({"k": [1, 2], "v": [1, 2]}, {"k": ["1", "2"], "v": [1, 2]}, key="k")


def test_a_key_of_lists_is_refused():
    table = {"k": [[1], [2]], "v": [1, 2]}
    with pytest.raises(TableError, match=r"^reference: key 'k' holds list<item: int64>, expected numbers, text or times; name another"):
        ruleout.compare(table, table, key="k")


ODD = {
    "decimal": pa.array(range(60)).cast(pa.decimal128(21, 2)),
    "unsigned": pa.array(np.arange(60, dtype=np.uint64) * 2**58),
    "date": pa.array(np.arange(60).astype("datetime64[D]")),
    "zoned": pa.array(np.arange(60), pa.timestamp("ms", "UTC")),
    "dictionary": pa.array(["a", "b", None] * 20).dictionary_encode(),
    "bytes": pa.array([b"x"] * 60),
    "lists": pa.array([[1]] * 60),
    "null": pa.nulls(60),
    "infinite": pa.array([np.inf, -np.inf, np.nan] * 20),
    "huge": pa.array(np.linspace(-1, 1, 60) * 1.7e308),
    "single": pa.array(np.linspace(-1, 1, 60, dtype=np.float32)),
    "truth": pa.array([True, False, None] * 20),
    "unique": pa.array([f"{at}é" for at in range(60)]),
}


@pytest.mark.parametrize("first", ODD)
def test_whatever_a_column_holds_something_is_said(first):
    for second in ODD.values():
        for n, m in ((60, 60), (1, 60), (60, 0), (0, 0)):
            sides = [pa.table({"k": np.arange(k), "c": values.slice(0, k)}) for values, k in ((ODD[first], n), (second, m))]
            found = ruleout.compare(*sides, key="k")
            assert str(found)
            assert found._repr_html_()
            assert all(move.statement().endswith(".") for move in found.moves)


def test_names_with_commas_are_names():
    table = {"a,b": [1, 2], "c": [1, 2]}
    assert list(ruleout.compare(table, table, columns="a,b")) == ["a,b"]
    assert set(ruleout.compare(table, {"a,b": [1, 2], "c": [1, 2], "d": [1, 1]}, columns="c, d")) == {"c"}


def test_values_are_said_plainly():
    assert [figure(value) for value in (0.0, 12.5, 1234.56, 0.000123, 3e9, 42.0, float("inf"))] == [
        "0", "12.5", "1,235", "0.000123", "3e+09", "42", "inf",
    ]  # fmt: skip
    assert [part(share) for share in (0.0, 0.0001, 0.0123, 0.5, 0.99999, 1.0)] == ["0 %", "<0.1 %", "1.2 %", "50 %", ">99.9 %", "100 %"]
    assert moment(0, fine=True) == "1970-01-01 00:00"
    assert moment(1e30).endswith("s since 1970")
    assert [duration(s) for s in (30, 3_600, 7_200, 86_400 * 60)] == ["30 s", "60 min", "2 h", "60 days"]
    assert quoted("x" * 40) == '"' + "x" * 23 + '…"'


def test_of_what_is_not_looked_into_it_is_said_that_nulls_alone_are_counted():
    columns = {"x": [1, 2, 3], "tags": [["a"], ["b"], []], "raw": [b"1", b"2", b"3"], "none": pa.nulls(3)}
    found = ruleout.compare(pa.table(columns), pa.table(columns))
    assert found.nulls_alone == ("raw", "tags")
    assert "nulls alone are counted" in found["tags"].statement() and "nulls alone" not in found["x"].statement()
    said = " ".join(str(found).split())
    assert "Lists, structs and bytes are not looked into: of 2 columns nulls alone are counted (raw, tags)." in said
    assert "nulls alone" not in str(ruleout.compare({"x": [1]}, {"x": [1]}))
