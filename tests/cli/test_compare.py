"""`ruleout compare`: its exit codes, its streams, its options, and what it says of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ruleout.cli import cli
from ruleout.tables import read_table, write_profile


@pytest.fixture
def run() -> Callable[..., Any]:
    runner = CliRunner()
    return lambda *arguments: runner.invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    rng = np.random.default_rng(0)
    made = []
    for name, shift in (("a", 0.0), ("b", 0.0), ("c", 3.0)):
        table = pa.table({"id": np.arange(2_000), "income": rng.normal(shift, size=2_000), "age": rng.integers(18, 90, 2_000)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        pv.write_csv(table, tmp_path / f"{name}.csv")
        made.append(tmp_path / f"{name}.parquet")
    return made[0], made[1], made[2]


def test_the_exit_code_says_whether_something_moved(run: Any, files: Any) -> None:
    a, b, c = files
    healthy, moved = run(a, b), run(a, c)
    assert (healthy.exit_code, moved.exit_code) == (0, 1)
    assert "NOTHING MOVED  in 3 columns" in healthy.stdout
    assert "1 OF 3 COLUMNS MOVED  income" in moved.stdout
    assert healthy.stderr == moved.stderr == ""
    assert "\x1b" not in moved.stdout


def test_files_of_different_formats_and_patterns_compare(run: Any, files: Any) -> None:
    a, _, _ = files
    assert run(a, a.with_suffix(".csv")).exit_code == 0
    assert run(a, a.parent / "[ab].parquet").exit_code == 0


def test_a_stored_profile_stands_in_for_either_table_and_its_rows_are_missed_by_name(run: Any, files: Any) -> None:
    a, b, c = files
    kept = {path: path.with_suffix(".profile") for path in files}
    for path, profile in kept.items():
        write_profile(read_table(path), profile)
    for pair, which in (((kept[a], c), "The reference is a"), ((a, kept[c]), "The current table is a"), ((kept[a], kept[c]), "Both are")):
        result = run(*pair)
        assert (result.exit_code, result.stderr) == (1, "")
        assert "1 OF 3 COLUMNS MOVED  income" in result.stdout
        assert f"{which} stored profile" in " ".join(result.stdout.split())
    assert run(kept[a], b).exit_code == run(a, kept[b]).exit_code == run(kept[a], kept[a]).exit_code == 0
    assert "stored profile" not in run(a, c).stdout
    for pair in ((kept[a], c), (a, kept[c])):
        result = run(*pair, "--key", "id")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "a stored profile holds no rows, and this needs them; give the table itself." in result.stderr


def test_columns_ignored_columns_and_the_key(run: Any, files: Any) -> None:
    a, b, c = files
    assert run(a, c, "--columns", "id,age").exit_code == 0
    assert run(a, c, "--columns", "id", "--columns", "age").exit_code == 0
    assert run(a, c, "--ignore", "income").exit_code == 0
    joined = run(a, b, "--key", "id")
    assert joined.exit_code == 1
    assert "THE ROWS DIFFER  no column moved as a whole" in joined.stdout
    assert "joined by id: 2,000 in both" in joined.stdout
    assert run(a, a, "--key", "id").exit_code == 0


def test_json_goes_to_a_file_or_alone_to_standard_output(run: Any, files: Any, tmp_path: Path) -> None:
    a, _, c = files
    alone = run(a, c, "--json", "-")
    assert alone.exit_code == 1
    answer = json.loads(alone.stdout)
    assert (answer["verdict"], answer["moved"]) == ("moved", ["income"])
    both = run(a, c, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8")) == answer
    assert both.stdout.endswith(f"Wrote {tmp_path / 'found.json'}\n")


def test_quiet_is_one_line_and_the_limit_is_kept(run: Any, files: Any) -> None:
    a, b, c = files
    assert run(a, c, "-q").stdout == "1 OF 3 COLUMNS MOVED  income\n"
    assert run(a, b, "--limit", "1").stdout.count("○") == 1
    assert run(a, b, "--limit", "0").stdout.count("○") == 3
    assert run(a, b, "--limit", "-1").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.parquet", "missing.parquet"], "no such file"),
        (["a.parquet", "broken.parquet"], "holds text"),
        (["a.parquet", "empty.csv"], "the file is empty"),
        (["a.parquet", "."], "is a folder, expected a file"),
        (["a.parquet", "notes.docx"], "no format that is read here"),
        (["a.parquet", "ragged.csv"], "not a readable CSV file"),
        (["a.parquet", "b.parquet", "--columns", "incme"], 'Did you mean "income"?'),
        (["a.parquet", "b.parquet", "--key", "key"], "no column 'key' to join rows by"),
        (["a.parquet", "b.parquet", "--json", "no/such/folder.json"], "there is no folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_two(
    run: Any, files: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    folder = files[0].parent
    monkeypatch.chdir(folder)
    (folder / "broken.parquet").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    (folder / "notes.docx").write_text("x", encoding="utf-8")
    (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n", encoding="utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("ruleout: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert result.stdout == ""


def test_a_narrow_encoding_gets_ascii_of_the_same_width(files: Any) -> None:
    a, _, c = files
    command = [sys.executable, "-m", "ruleout", "compare", str(a), str(c)]
    said = {}
    for encoding in ("ascii", "utf-8"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "100"}
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert (done.returncode, done.stderr) == (1, b"")
        said[encoding] = done.stdout.decode(encoding)
    assert [len(line) for line in said["ascii"].splitlines()] == [len(line) for line in said["utf-8"].splitlines()]
    assert "?" not in said["ascii"]


def test_nothing_heavy_is_loaded_that_two_parquet_files_do_not_need(files: Any) -> None:
    a, _, c = files
    code = f"cli.main(['compare', '-q', {str(a)!r}, {str(c)!r}], standalone_mode=False)"
    code = f"import sys\nfrom ruleout.cli import cli\ntry:\n    {code}\nexcept SystemExit:\n    print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "sklearn", "scipy.stats", "joblib", "yaml", "narwhals", "duckdb", "polars"} & set(done.stdout.split())
