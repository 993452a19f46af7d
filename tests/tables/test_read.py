"""Files become tables, or one sentence that says what is wrong with them."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.errors import TableError
from ruleout.tables import Table, read_table

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def types(table):
    return {field.name: str(field.type) for field in table.schema}


def test_csv_columns_get_their_types_from_all_values(tmp_path):
    late = "\n".join(f"{number},{number},{number}" for number in range(400_000))
    file = write(tmp_path / "t.csv", f"a,b,c\n{late}\n1,2.5,x\n")
    table = read_table(file, name="train")
    assert types(table) == {"a": "int64", "b": "double", "c": "string"}
    assert (table.name, table.n_rows) == ("train", 400_001)


def test_csv_empty_text_is_null_and_na_is_a_category(tmp_path):
    file = write(tmp_path / "t.csv", '\ufeffname,größe,quoted,land\nAnna,1.5,"3","NA"\n,,"4",""\nBo,2,5,DE\n')
    table = read_table(file)
    assert table.values("name").tolist() == ["Anna", None, "Bo"]
    assert table.values("größe").tolist() == [1.5, None, 2.0]
    assert table.values("quoted").tolist() == [3, 4, 5]
    assert table.values("land").tolist() == ["NA", None, "DE"]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_csv_with_other_separators(tmp_path, separator):
    file = write(tmp_path / "t.csv", f"a{separator}b\n1{separator}x\n")
    assert read_table(file).columns == ("a", "b")


def test_csv_compressed(tmp_path):
    file = write(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n1,x\n"))
    assert read_table(file).n_rows == 1


def test_csv_with_a_header_alone_has_no_rows(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,b\n"))
    assert (table.n_rows, table.columns) == (0, ("a", "b"))


def test_csv_parts_whose_types_differ_are_text(tmp_path):
    write(tmp_path / "1.csv", "zip,x\n501,1\n")
    write(tmp_path / "2.csv", "zip,x\nK1A,1.5\n")
    table = read_table(tmp_path / "*.csv")
    assert table.values("zip").tolist() == ["501", "K1A"]
    assert table.values("x").tolist() == [1.0, 1.5]


def test_jsonl(tmp_path):
    file = write(tmp_path / "t.jsonl", '{"a": 1, "b": "x"}\n{"a": 2.5, "b": ""}\n\n{"a": null, "b": "y", "c": true}\n')
    table = read_table(file)
    assert table.values("a").tolist() == [1.0, 2.5, None]
    assert table.values("b").tolist() == ["x", None, "y"]
    mixed = read_table(write(tmp_path / "m.jsonl", '{"a": 1}\n{"a": "x"}\n{"a": null}\n'))
    assert mixed.values("a").tolist() == ["1", "x", None]


def test_parquet_is_lazy_and_streams(tmp_path):
    wanted = pa.table({"x": np.arange(10_000), "s": [str(n % 7) for n in range(10_000)], "n": [[1, 2]] * 10_000})
    pq.write_table(wanted, tmp_path / "t.parquet", row_group_size=1_000)
    table = read_table(tmp_path / "t.parquet")
    assert (table.n_rows, table.columns, table.kind("s")) == (10_000, ("x", "s", "n"), "category")
    batches = list(table.batches(300))
    assert max(batch.num_rows for batch in batches) <= 300
    assert pa.Table.from_batches(batches).equals(wanted)
    sampled = table.sample(50, seed=3)
    assert sampled.arrow.equals(Table(wanted).sample(50, seed=3).arrow)
    assert table.select(["s", "x"]).columns == ("s", "x")
    assert "arrow" not in vars(table)
    assert table.arrow.equals(wanted)
    assert table.select(["x", "s"]).fingerprint == Table(wanted.select(["x", "s"])).fingerprint


def test_parquet_parts_are_brought_together(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "s": ["x", "y"]}), tmp_path / "p1.parquet")
    pq.write_table(pa.table({"s": ["z"], "a": [1.5], "new": [True]}), tmp_path / "p2.parquet")
    table = read_table(tmp_path / "p*.parquet")
    assert types(table) == {"a": "double", "s": "string", "new": "bool"}
    assert pa.Table.from_batches(list(table.batches())).equals(table.arrow)
    profile = read_table(tmp_path / "p*.parquet").profile()
    assert (profile["a"].max, profile["new"].n_null, profile["s"].n) == (2.0, 2, 3)
    assert table.sample(2).n_rows == 2


def test_parquet_parts_that_disagree(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "p1.parquet")
    pq.write_table(pa.table({"a": ["x"], "b": [1]}), tmp_path / "p2.parquet")
    with pytest.raises(
        TableError, match=r"p2.parquet: column 'a' holds string, but int64 in .*p1.parquet; write it with one type in all 2 files."
    ):
        read_table(tmp_path / "*.parquet")
    pq.write_table(pa.table({"other": ["x"]}), tmp_path / "p2.parquet")
    with pytest.raises(TableError, match="shares no column with"):
        read_table(tmp_path / "*.parquet")


def parquet_bytes():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": np.arange(1_000)}), sink)
    return sink.getvalue().to_pybytes()


BROKEN = {
    "t.parquet": [
        (b"", "is empty"),
        (PNG, "holds a PNG image, expected Parquet"),
        (b"a,b\n1,2\n", r"holds text \(CSV or JSON lines\?\), expected Parquet"),
        (parquet_bytes()[:-100], "without a Parquet footer, so it is truncated"),
        (b"PAR1", "truncated"),
        (parquet_bytes()[:-40] + b"x" * 32 + parquet_bytes()[-8:], "not a readable Parquet file"),
    ],
    "t.csv": [
        (b"", "is empty"),
        (PNG, "holds a PNG image, expected CSV text"),
        (parquet_bytes(), "holds a Parquet file, expected CSV text"),
        (b"\n1,2\n", "the first line is blank"),
        (b"a,a\n1,2\n", "column 'a' occurs 2 times in the header"),
        (b"a,b\n1,2\n1,2,3\n", "Expected 2 columns, got 3"),
        (b"a\0b,c\n1,2\n", "holds binary data"),
    ],
    "t.csv.gz": [
        (b"a,b\n1,2\n", "expected a compressed file"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-20], "cannot be unpacked|not a readable CSV"),
    ],
    "t.jsonl": [
        (b"", "is empty"),
        (b"a,b\n", "line 1 is not JSON"),
        (b"[1, 2]\n", "line 1 is list, expected an object"),
    ],
    "t.xlsx": [(b"PK\x03\x04", "'?.xlsx'? is no format that is read here")],
    "table": [(b"a,b", "a name without an ending is no format")],
}


@pytest.mark.parametrize(("name", "content", "said"), [(name, *row) for name, rows in BROKEN.items() for row in rows])
def test_a_broken_file_is_refused_at_once_in_one_sentence(tmp_path, name, content, said):
    file = write(tmp_path / name, content)
    with pytest.raises(TableError, match=said) as caught:
        read_table(file)
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}: ")
    assert "\n" not in sentence


def test_a_broken_row_further_inside_is_said_when_rows_are_read(tmp_path):
    ragged = write(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 600_000 + "1,2,3\n")
    table = read_table(ragged)
    with pytest.raises(TableError, match=r"t.csv: not a readable CSV file .*Expected 2 columns, got 3"):
        _ = table.n_rows
    broken = write(tmp_path / "t.jsonl", '{"a": 1}\n{"a": 2\n')
    with pytest.raises(TableError, match="line 2 is not JSON"):
        _ = read_table(broken).n_rows
    latin = write(tmp_path / "l.csv", "a,b\n" + "x,y\n" * 600_000 + "größe,y\n".encode("latin-1").decode("latin-1"))
    latin.write_bytes(latin.read_text().encode("latin-1"))
    with pytest.raises(TableError, match="UTF-8"):
        _ = read_table(latin).n_rows


def test_damaged_pages_are_said_when_they_are_read(tmp_path):
    content = bytearray(parquet_bytes())
    content[4:400] = b"\xff" * 396
    table = read_table(write(tmp_path / "t.parquet", bytes(content)))
    for ask in (table.profile, lambda: table.arrow, lambda: list(table.batches())):
        with pytest.raises(TableError, match=r"t.parquet: not a readable Parquet file"):
            ask()


def test_absent_files_and_folders(tmp_path):
    write(tmp_path / "train.csv", "a\n1\n")
    with pytest.raises(TableError, match=r'no such file .* Did you mean "train.csv"\?'):
        read_table(tmp_path / "trian.csv")
    with pytest.raises(TableError, match="nor is there a folder"):
        read_table(tmp_path / "nowhere" / "train.csv")
    with pytest.raises(TableError, match=r"is a folder, expected a file; for all files in it give .*\*.csv"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="no file matches"):
        read_table(tmp_path / "*.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="expected files of one format"):
        read_table(tmp_path / "*.*")
    file = tmp_path / "a.parquet"
    table = read_table(file)
    file.unlink()
    with pytest.raises(TableError, match="the file is gone"):
        table.profile()
