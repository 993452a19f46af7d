"""Large CSV and JSON: written in pieces they hold what they hold when read whole, in bounded memory."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleout.errors import TableError
from ruleout.tables import pieces, read_table
from ruleout.tables.spool import Spooled


@pytest.fixture
def small(monkeypatch):
    """What is large, and the pieces, are a few hundred bytes."""
    monkeypatch.setattr(pieces, "LARGE", 0)
    monkeypatch.setattr(pieces, "BLOCK", 600)


def both(path, monkeypatch):
    """A file read whole and read in pieces."""
    whole = read_table(path).arrow
    with monkeypatch.context() as patched:
        patched.setattr(pieces, "LARGE", 0)
        patched.setattr(pieces, "BLOCK", 600)
        table = read_table(path)
        assert isinstance(table.rows, Spooled)
        assert table.n_rows == whole.num_rows
        return whole, table.arrow


def same(whole, cut):
    # Parquet has no whole seconds.
    finer = {pa.timestamp("s"): pa.timestamp("ms"), pa.timestamp("s", "UTC"): pa.timestamp("ms", "UTC"), pa.time32("s"): pa.time32("ms")}
    whole = whole.cast(pa.schema([(field.name, finer.get(field.type, field.type)) for field in whole.schema]))
    assert cut.schema.equals(whole.schema), (cut.schema, whole.schema)
    assert cut.combine_chunks().equals(whole.combine_chunks())


N = 400
LATE = {
    "integers, then a fraction": [str(n) for n in range(N)] + ["1.5"],
    "integers, then a text": [f"{n:04}" for n in range(N)] + ["K1A"],
    "nothing, then integers": [""] * N + ["7", "8"],
    "nothing, then a text": [""] * N + ["x"],
    "0 and 1, then true": ["0", "1"] * N + ["true"],
    "dates, then a time": ["2024-01-02"] * N + ["2024-01-02 03:04:05"],
    "times, then a fraction of a second": ["2024-01-02 03:04:05"] * N + ["2024-01-02 03:04:05.678"],
    "times, then a text": ["2024-01-02 03:04:05"] * N + ["yesterday"],
    "integers, then one that is too large": ["1"] * N + ["99999999999999999999"],
    "NA is a category, in numbers it is null": ["1"] * N + ["NA", "2"],
    "a text with a line's end": ["1"] * N + ["two\nlines, and a comma"],
    "texts, some of them empty": ["a", "", "b"] * N,
}


@pytest.mark.parametrize("name", LATE)
def test_csv_types_are_those_of_all_values(tmp_path, monkeypatch, name):
    rows = ["a,b,c", *(f'x{at},"{value}",{at}' if "\n" in value else f"x{at},{value},{at}" for at, value in enumerate(LATE[name]))]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    same(*both(tmp_path / "t.csv", monkeypatch))
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_text().replace(",", "\t").encode(), mtime=0))
    same(*both(tmp_path / "t.tsv.gz", monkeypatch))


VALUES = st.sampled_from(["", "1", "-7", "0", "true", "2.5", "1e9", "2024-01-02", "12:30:00", "2024-01-02T03:04:05Z", "NA", "x", "9" * 20])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4), st.integers(1, 90))
def test_csv_is_the_same_in_pieces_whatever_it_holds(tmp_path_factory, kinds, n_each):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" * n_each for a, b in kinds), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        same(*both(path, patched))


JSON = {
    "numbers, then fractions": [{"a": n, "b": "x"} for n in range(N)] + [{"a": 1.5, "b": None}],
    "numbers, then texts": [{"a": n} for n in range(N)] + [{"a": "x"}],
    "times, then texts": [{"a": "2024-01-02 03:04:05"}] * N + [{"a": "yesterday"}],
    "a column that comes late": [{"a": n} for n in range(N)] + [{"b": True, "a": 1}],
    "texts, some of them empty": [{"a": "", "b": "é"}, {"a": "ä"}] * N,
    "lists": [{"a": [n, 1]} for n in range(N)] + [{"a": None}],
}


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "json"])
@pytest.mark.parametrize("name", JSON)
def test_json_is_the_same_in_pieces(tmp_path, monkeypatch, name, ending):
    path, rows = tmp_path / f"t.{ending}", JSON[name]
    text = json.dumps(rows, indent=1) if ending == "json" else "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if ending.endswith("gz") else text.encode())
    same(*both(path, monkeypatch))


def test_objects_without_a_field_are_text_in_pieces(tmp_path, small):
    (tmp_path / "t.jsonl").write_text('{"a": {}, "b": 1}\n' * 100)
    table = read_table(tmp_path / "t.jsonl")
    assert (table.n_rows, table.kind("a"), table.values("a")[0]) == (100, "category", "{}")


def test_parts_go_together_as_small_ones_do(tmp_path, monkeypatch):
    for month in (1, 2):
        (tmp_path / f"month={month}").mkdir()
        zips = [f"{n:03}" for n in range(300)] if month == 1 else ["K1A"] * 100
        body = "".join(f"{code},{at / month}\n" for at, code in enumerate(zips))
        (tmp_path / f"month={month}" / "rows.csv").write_text("zip,x\n" + body)
    same(*both(tmp_path, monkeypatch))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "a,b\n" + "1,2\n" * 400 + "1,2,3\n", r"t\.csv: not a readable CSV file \(.*Expected 2 columns, got 3"),
        ("t.csv", b"a,b\n" + b"1,x\n" * 400 + b"1,\xff\xfe\n", r"t\.csv: is not UTF-8 text"),
        ("t.csv", b"a,b\n" + b"1,\xff\xfe\n" * 400, r"t\.csv: (column 'b' )?is not UTF-8 text"),
        ("t.jsonl", '{"a": 1}\n' * 400 + "{\n", r"t\.jsonl: line 401 is not JSON"),
        ("t.jsonl", '{"a": 1}\n' * 400 + "7\n", r"t\.jsonl: line 401 is int, expected an object"),
        ("t.json", "[" + '{"a": 1},' * 400 + "7]", r"t\.json: item 401 is int, expected a list of objects"),
        ("t.json", "[" + '{"a": 1},' * 400, r"t\.json: not a readable JSON file \(the list has no end; after item 400\)"),
        ("t.json", "[" + '{"a": 1},' * 400 + "{", r"t\.json: not a readable JSON file .*after item 400"),
        ("t.json", '[{"a": 1} {"a": 2}]', r"t\.json: not a readable JSON file \(there is no comma"),
        ("t.json", '[{"a": 1}] x', r"t\.json: not a readable JSON file \(there is more after"),
    ],
)
def test_what_is_wrong_further_inside_is_one_sentence(tmp_path, small, name, content, said):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TableError, match=said) as caught:
        _ = read_table(path).n_rows
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_the_temporary_files_go_with_the_table(tmp_path, small, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n" * 400)
    table = read_table(tmp_path / "t.csv")
    chosen = table.select(["b"])
    assert (chosen.n_rows, chosen.profile()["b"].top) == (400, (("x", 400),))
    assert len(list(tmp_path.glob("ruleout-rows-*/0/*.parquet"))) == 1
    del table
    assert chosen.rows.take(np.array([3])).to_pylist() == [{"b": "x"}]
    del chosen
    assert not list(tmp_path.glob("ruleout-rows-*"))


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json"])
def test_memory_does_not_grow_with_the_file(tmp_path, ending):
    """Half a gigabyte of text, profiled: the peak of the whole process, read whole it would be beyond a gigabyte."""
    path = tmp_path / f"t.{ending}"
    row = {"csv": "{0},{1},{2},word-{3}\n", "jsonl": '{{"a": {0}, "b": {1}, "c": {2}, "d": "word-{3}"}}\n'}
    piece = "".join(row.get(ending, row["jsonl"].strip() + ",\n").format(n, n * 0.37, n % 91 / 7, n % 13) for n in range(50_000))
    n_pieces = 500_000_000 // len(piece) if ending != "json" else 250_000_000 // len(piece)
    with path.open("w") as file:
        file.write({"csv": "a,b,c,d\n", "json": "["}.get(ending, ""))
        for _ in range(n_pieces):
            file.write(piece)
        file.write('{"a": 1}]' if ending == "json" else "")
    # What getrusage calls the peak begins at that of the process that started this one; the system's own count begins anew.
    code = (
        "import resource, sys; from pathlib import Path; from ruleout.tables import read_table\n"
        "t = read_table(sys.argv[1]); p = t.profile(); kept = Path('/proc/self/status')\n"
        "peak = [line.split()[1] for line in kept.read_text().splitlines() if line.startswith('VmHWM')] if kept.exists() else []\n"
        "peak = peak or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]\n"
        "print(t.n_rows, p['d'].distinct, int(peak[0]) // 1024)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=dict(os.environ))
    n_rows, n_words, megabytes = map(int, told.stdout.split())
    assert (n_rows, n_words) == (50_000 * n_pieces + (ending == "json"), 13)
    assert megabytes < 500, f"{megabytes} MB for {Path(path).stat().st_size / 1e6:.0f} MB of text"


def test_one_block_of_text_is_what_is_in_memory():
    assert pieces.BLOCK <= 16 * 1024 * 1024 < pieces.LARGE
    assert pa.types.is_string(pieces._CHAIN[-1])
