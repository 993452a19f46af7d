"""Tables that lie in many folders, or on another machine, are tables like any other."""

import datetime
import gzip
import json
import subprocess
import sys
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.errors import MissingExtra, TableError
from ruleout.tables import Table, pieces, read_table, write_profile
from ruleout.tables.addresses import located, shown_address
from ruleout.tables.remote import RemoteFile
from ruleout.tables.spool import Spooled


def rows(start, n=50):
    return pa.table({"x": np.arange(start, start + n, dtype=np.float64), "s": [f"t{at % 3}" for at in range(start, start + n)]})


@pytest.fixture
def parted(tmp_path):
    """Twelve files in two levels of folders."""
    for month in range(1, 4):
        for place in ("Ulm", "a%2Fb"):
            folder = tmp_path / "data" / f"day=2024-0{month}-01" / f"place={place}"
            folder.mkdir(parents=True)
            for part in range(2):
                pq.write_table(rows(1_000 * month + 100 * part), folder / f"{part}.parquet", row_group_size=7)
    (tmp_path / "data" / "_SUCCESS").write_text("")
    return tmp_path / "data"


def partition_values(table):
    return sorted({(str(day), place) for day, place in zip(table.values("day"), table.values("place"), strict=True)})


WANTED = [(f"2024-0{month}-01", place) for month in range(1, 4) for place in ("Ulm", "a/b")]


def test_folders_of_hive_partitions_become_columns(parted):
    table = read_table(parted)
    assert (table.n_rows, table.columns) == (600, ("x", "s", "day", "place"))
    assert partition_values(table) == WANTED
    assert (table.kind("day"), table.schema.field("day").type) == ("time", pa.date32())
    whole = table.arrow.combine_chunks()
    streamed = read_table(parted)
    assert pa.Table.from_batches(streamed.batches(33)).combine_chunks() == whole
    wanted = Table(whole).profile()
    for name, found in streamed.profile().items():
        assert (found.n, found.n_null, found.min, found.max) == (600, 0, wanted[name].min, wanted[name].max)
        assert (found.distinct, found.top) == (wanted[name].distinct, wanted[name].top)
    assert "arrow" not in vars(streamed)
    chosen = np.array([0, 60, 120, 599])
    assert streamed.rows.take(chosen) == whole.take(chosen).combine_chunks()
    assert streamed.select(["place", "x"]).arrow.combine_chunks() == whole.select(["place", "x"])


def test_a_pattern_takes_some_partitions(parted):
    table = read_table(parted / "day=2024-0[12]-01" / "*" / "*.parquet")
    assert partition_values(table) == WANTED[:4]
    one = read_table(str(parted / "day=2024-01-01" / "place=Ulm" / "*.parquet"))
    assert partition_values(one) == [("2024-01-01", "Ulm")]
    # A file by itself is what it holds, wherever it lies.
    assert read_table(parted / "day=2024-01-01" / "place=Ulm" / "0.parquet").columns == ("x", "s")


def test_a_folder_that_is_not_part_of_the_pattern_says_nothing(tmp_path):
    folder = tmp_path / "run=3" / "case" / "data"
    folder.mkdir(parents=True)
    pq.write_table(rows(0), folder / "a.parquet")
    assert read_table(folder / "*.parquet").columns == ("x", "s")


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "20"], pa.int64()),
        (["01", "20"], pa.string()),
        (["2024-02-30", "2024-01-01"], pa.string()),
        (["2024-02-29", "2024-01-01"], pa.date32()),
        (["__HIVE_DEFAULT_PARTITION__", "7"], pa.int64()),
        (["__HIVE_DEFAULT_PARTITION__", "x"], pa.string()),
        (["9" * 30, "1"], pa.string()),
    ],
)
def test_partition_values_have_the_type_that_all_of_them_fit(tmp_path, values, type_):
    for value in values:
        (tmp_path / f"k={value}").mkdir()
        pq.write_table(rows(0), tmp_path / f"k={value}" / "a.parquet")
    table = read_table(tmp_path)
    assert table.schema.field("k").type == type_
    assert table.profile()["k"].n_null == (50 if "__HIVE_DEFAULT_PARTITION__" in values else 0)


def test_a_column_that_the_file_holds_itself_is_the_files(tmp_path):
    (tmp_path / "k=1").mkdir()
    pq.write_table(pa.table({"k": [7, 8]}), tmp_path / "k=1" / "a.parquet")
    assert read_table(tmp_path).values("k").tolist() == [7, 8]


def test_partitions_of_csv_and_of_json(tmp_path):
    for year in (2023, 2024):
        for kind, content in (("csv", "a,b\n1,x\n"), ("jsonl", '{"a": 1, "b": "x"}\n'), ("json", '[{"a": 1, "b": "x"}]')):
            folder = tmp_path / kind / f"year={year}"
            folder.mkdir(parents=True)
            (folder / f"t.{kind}").write_text(content)
    for kind in ("csv", "jsonl", "json"):
        table = read_table(tmp_path / kind)
        assert (table.columns, table.values("year").tolist()) == (("a", "b", "year"), [2023, 2024])


def test_partitions_that_are_not_alike_are_one_sentence(parted):
    odd = parted / "day=2024-01-01" / "9.parquet"
    pq.write_table(rows(0), odd)
    with pytest.raises(TableError, match=r"its folders name day, place, but those of .*9\.parquet name day; partition all files alike\.$"):
        read_table(parted)


@pytest.mark.parametrize("size", [1, 7, 1_000, 200_000])
def test_row_groups_of_any_size_give_the_same_rows(tmp_path, size):
    n = 600 if size < 7 else 150_000 if size == 200_000 else 5_000
    table = pa.table({"x": np.random.default_rng(0).normal(size=n), "s": [f"t{at % 11}" for at in range(n)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=size)
    read = read_table(tmp_path / "t.parquet")
    chosen = np.unique(np.linspace(0, n - 1, 97).astype(int))
    assert read.rows.take(chosen) == table.take(chosen)
    found, wanted = read.profile(), Table(table).profile()
    assert (found["x"].n, found["x"].min, found["x"].max, found["x"].distinct) == (
        n,
        wanted["x"].min,
        wanted["x"].max,
        wanted["x"].distinct,
    )
    assert found["s"].top == wanted["s"].top


def test_a_file_without_rows_or_row_groups(tmp_path):
    pq.write_table(rows(0).slice(0, 0), tmp_path / "0.parquet")
    pq.write_table(rows(0), tmp_path / "1.parquet")
    assert (read_table(tmp_path / "0.parquet").profile()["x"].n, read_table(tmp_path / "*.parquet").n_rows) == (0, 50)


def test_a_list_of_objects_is_a_table(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"a": 1, "b": "x"}, {"a": 2.5, "c": [1]}, {"b": ""}]), encoding="utf-8-sig")
    table = read_table(path)
    assert (table.values("a").tolist(), table.values("b").tolist(), table.kind("c")) == ([1.0, 2.5, None], ["x", None, None], "other")
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert read_table(path).values("a").tolist() == [1, 2]
    for content, said in (("[1, 2]", "item 1 is int"), ('[{"a": 1}', "not a readable JSON file"), ("{", "line 1 is not JSON"), ("[]", "")):
        path.write_text(content)
        if not said:
            assert read_table(path).n_rows == 0
            continue
        with pytest.raises(TableError, match=said) as caught:
            read_table(path).arrow  # noqa: B018 - reading is what is asked
        assert "\n" not in str(caught.value)


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.fixture
def memory():
    """A store in memory, with a bucket of its own."""
    fsspec = pytest.importorskip("fsspec")
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]
    yield filesystem
    filesystem.store.clear()


def put(filesystem, path, table, **options):
    with filesystem.open(path, "wb") as file:
        pq.write_table(table, file, **options)


def test_parquet_elsewhere_is_read_in_pieces(memory):
    wanted = pa.table({"x": np.random.default_rng(0).normal(size=60_000), "y": np.arange(60_000), "s": ["a", "b"] * 30_000})
    put(memory, "/bucket/train.parquet", wanted, row_group_size=5_000)
    table = read_table("memory://bucket/train.parquet", name="train")
    assert (table.n_rows, table.columns, table.origin) == (60_000, ("x", "y", "s"), "memory://bucket/train.parquet")
    assert table.profile()["x"].to_dict() == Table(wanted).profile()["x"].to_dict()
    assert "arrow" not in vars(table)
    assert table.sample(100).n_rows == 100
    assert table.arrow.combine_chunks() == wanted


def test_row_groups_are_fetched_one_after_the_other(memory, monkeypatch):
    put(memory, "/bucket/train.parquet", pa.table({"x": np.random.default_rng(0).normal(size=200_000)}), row_group_size=10_000)
    fetched = []

    class Counting(BytesIO):
        def read(self, size=-1):
            held = super().read(size)
            fetched.append(len(held))
            return held

    monkeypatch.setattr(RemoteFile, "open", lambda file: Counting(memory.cat_file(file.path)))
    table = read_table("memory://bucket/train.parquet")
    fetched.clear()
    chunks = table.rows.chunks("x", 10_000)
    next(chunks)
    assert sum(fetched) < 3 * 8 * 10_000, "more than a row group or two is in memory"
    assert sum(len(chunk) for chunk in chunks) == 190_000
    assert sum(fetched) > 8 * 190_000


def test_patterns_and_partitions_elsewhere(memory):
    for month in (1, 2):
        for part in range(2):
            put(memory, f"/bucket/loans/month={month}/{part}.parquet", rows(100 * month + 10 * part))
    memory.pipe("/bucket/loans/_SUCCESS", b"")
    for address in ("memory://bucket/loans", "memory://bucket/loans/", "memory://bucket/loans/*/*.parquet"):
        table = read_table(address)
        assert (table.n_rows, set(table.values("month"))) == (200, {1, 2})
    assert read_table("memory://bucket/loans/month=2/*.parquet").n_rows == 100


class Stream(BytesIO):
    """A file of a store: counts what is read of it at once and at all, and fails where it is told to."""

    def __init__(self, content, seen, fails_at=None):
        super().__init__(content)
        self.seen, self.fails_at = seen, fails_at

    def read(self, size=-1):
        if self.fails_at is not None and self.tell() >= self.fails_at:
            raise ConnectionResetError("the peer hung up")
        held = super().read(size)
        self.seen.append(len(held))
        return held


CONTENT = {
    "csv": "a;b\n" + "".join(f"{n};x{n % 7}\n" for n in range(30_000)),
    "jsonl": "".join(f'{{"a": {n}, "b": "x{n % 7}"}}\n' for n in range(30_000)),
    "json": "[" + ",".join(f'{{"a": {n}, "b": "x{n % 7}"}}' for n in range(30_000)) + "]",
}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", CONTENT)
def test_large_text_elsewhere_is_streamed_in_pieces(memory, monkeypatch, tmp_path, ending, packed):
    monkeypatch.setattr(pieces, "LARGE", 100_000 if not packed else 20_000)
    monkeypatch.setattr(pieces, "BLOCK", 8_192)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content, seen = CONTENT[ending].encode(), []
    held = gzip.compress(content, mtime=0) if packed else content
    memory.pipe(f"/bucket/t.{ending}{packed}", held)
    monkeypatch.setattr(RemoteFile, "open", lambda file: Stream(memory.cat_file(file.path), seen))
    table = read_table(f"memory://bucket/t.{ending}{packed}")
    assert sum(seen) < 3 * len(held) and not list(tmp_path.iterdir()), "rows are read when they are asked for"
    seen.clear()
    assert (table.n_rows, table.profile()["b"].distinct, table.profile()["a"].max) == (30_000, 7, 29_999)
    assert max(seen) <= 64 * 1024 + 1, "what is fetched at once is a piece"
    assert [path.name.startswith("ruleout-rows-") for path in tmp_path.iterdir()] == [True], "nothing is copied whole"


def test_a_file_of_unknown_size_goes_in_pieces(memory, monkeypatch):
    memory.pipe("/bucket/t.csv", CONTENT["csv"].encode())
    monkeypatch.setattr(memory, "size", lambda path: None)
    table = read_table("memory://bucket/t.csv")
    assert isinstance(table.rows, Spooled) and table.n_rows == 30_000


@pytest.mark.parametrize("large", [0, 10**9])
def test_a_store_that_fails_in_the_middle_is_one_sentence(memory, monkeypatch, large):
    monkeypatch.setattr(pieces, "LARGE", large)
    content = b"a,b\n" + b"1,x\n" * 800_000
    memory.pipe("/bucket/t.csv", content)
    monkeypatch.setattr(RemoteFile, "open", lambda file: Stream(content, [], 2_500_000))
    # Arrow reads ahead: the failure may be met when the file is opened.
    with pytest.raises(TableError, match=r"^memory://bucket/t\.csv: cannot be read \(the peer hung up\); check the address"):
        _ = read_table("memory://bucket/t.csv").n_rows


def test_text_and_profiles_elsewhere_are_read(memory, tmp_path):
    memory.pipe("/bucket/1.csv", b"a;b\n1;x\n")
    memory.pipe("/bucket/2.csv", b"a;b\n2;\n")
    memory.pipe("/bucket/t.jsonl", b'{"a": 1}\n')
    memory.pipe("/bucket/t.profile", write_profile(Table(rows(0)), tmp_path / "t.profile").read_bytes())
    assert read_table("memory://bucket/*.csv").values("a").tolist() == [1, 2]
    assert read_table("memory://bucket/t.jsonl").values("a").tolist() == [1]
    assert read_table("memory://bucket/t.profile").profile()["x"].n == 50


def test_files_of_this_machine_by_address(tmp_path):
    pytest.importorskip("fsspec")
    pq.write_table(rows(0), tmp_path / "t.parquet")
    assert read_table(f"file://{tmp_path}/t.parquet").n_rows == 50


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://bucket/absent.parquet", "memory://bucket/absent.parquet: there is no file"),
        ("memory://bucket/*.nothing", "there is no file"),
        ("memory://bucket/t.xlsx", r"\.xlsx is no format that is read here"),
        ("memory://bucket/broken.parquet", "memory://bucket/broken.parquet: not a readable Parquet file"),
        ("memory://bucket/image.csv", "memory://bucket/image.csv: holds a PNG image"),
        ("memory://bucket/empty.csv", "memory://bucket/empty.csv: the file is empty"),
        ("nosuchscheme://bucket/t.parquet", "nosuchscheme://bucket/t.parquet: cannot be read"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(memory, address, said):
    for name, content in (
        ("t.xlsx", b"PK"),
        ("broken.parquet", b"PAR1" + bytes(99)),
        ("image.csv", b"\x89PNG" + bytes(99)),
        ("empty.csv", b""),
    ):
        memory.pipe(f"/bucket/{name}", content)
    with pytest.raises(TableError, match=said) as caught:
        read_table(address).arrow  # noqa: B018 - reading is what is asked
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".") and "ruleout-fetched" not in str(caught.value)


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"^s3://bucket/t\.parquet: reading s3:// needs fsspec.*pip install 'ruleout\[remote\]'\.$"):
        read_table("s3://bucket/t.parquet")


def test_without_the_stores_package_it_is_named(monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(MissingExtra, match=r"^az://bucket/t\.parquet: reading az:// needs more than is installed \(.*adlfs.*\)\.$"):
        read_table("az://bucket/t.parquet")


def test_passwords_are_not_said():
    assert shown_address("postgresql://me:s3cret@host:5432/base?table=t") == "postgresql://me:***@host:5432/base?table=t"
    assert shown_address("s3://bucket/t.parquet?secret=abc&x=1") == "s3://bucket/t.parquet?secret=***&x=1"
    assert shown_address("sqlite:////a/b.db?table=t") == "sqlite:////a/b.db?table=t"


def test_what_is_relative_lies_beside_the_case(tmp_path):
    assert located("a/t.parquet", tmp_path) == tmp_path / "a/t.parquet"
    assert located("/a/t.parquet", tmp_path).as_posix() == "/a/t.parquet"
    assert located("sqlite:///t.db?table=x", tmp_path) == f"sqlite:///{tmp_path}/t.db?table=x"
    assert located("sqlite:////a/t.db?table=x", tmp_path) == "sqlite:////a/t.db?table=x"
    assert located("s3://bucket/t.parquet", tmp_path) == "s3://bucket/t.parquet"
    with pytest.raises(TableError, match="chained addresses are not read"):
        located("simplecache::s3://bucket/t.parquet", tmp_path)


def test_files_on_this_machine_load_no_reader_of_others(tmp_path):
    pq.write_table(rows(0), tmp_path / "t.parquet")
    code = (
        f"import sys; from ruleout.tables import read_table; read_table({str(tmp_path / 't.parquet')!r}).profile()\n"
        "print(sorted({'fsspec', 'duckdb', 'adbc_driver_manager', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_dates_of_partitions_are_dates(parted):
    assert read_table(parted).arrow["day"][0].as_py() == datetime.date(2024, 1, 1)
