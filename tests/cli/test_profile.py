"""`ruleout profile`: what a table holds, kept in a file that stands in for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ruleout.case import read_case
from ruleout.cli import cli
from ruleout.tables import read_table
from tests.tables.engine_tables import write_case


@pytest.fixture
def table(tmp_path: Path) -> Path:
    columns = {
        "age": [31, None, 40, 22] * 30,
        "town": ["Ulm", "Köln", "Ulm", None] * 30,
        "at": pa.array([0, 86_400, 5, 9] * 30, pa.timestamp("s")),
        "tags": [["a"], None, [], ["b"]] * 30,
        "empty": pa.nulls(120, pa.float64()),
        "paid": [True, False, True, True] * 30,
    }
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    return tmp_path / "train.parquet"


@pytest.fixture
def run() -> Callable[..., Any]:
    return lambda *arguments: CliRunner().invoke(cli, ["profile", *map(str, arguments)])


def test_it_says_what_each_column_holds(run: Any, table: Path) -> None:
    result = run(table)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.split()}
    assert result.output.startswith("120 rows, 6 columns")
    assert "25.0%" in lines["age"] and "22 to 40, median 31" in lines["age"]
    assert "Ulm 67%, Köln 33%" in lines["town"]
    assert "1970-01-01 to 1970-01-02" in lines["at"]
    assert "counted, not looked into" in lines["tags"]
    assert "100.0%" in lines["empty"]


def test_the_kept_profile_stands_in_for_its_table_in_a_case(run: Any, table: Path) -> None:
    kept = table.with_name("train.profile")
    result = run(table, "--out", kept)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, f"Wrote {kept}")
    assert read_table(kept).profile().to_dict()["columns"] == read_table(table).profile().to_dict()["columns"]
    (table.parent / "case.toml").write_text(
        '[case]\ntarget = "paid"\n[reference]\ntrain = "train.profile"\n[current]\ntrain = "train.parquet"\n', encoding="utf-8"
    )
    case = read_case(table.parent)
    assert case.reference is not None and case.reference.train is not None
    assert (case.reference.train.stored is not None, case.reference.train.n_rows) == (True, 120)


def test_an_investigation_finds_the_cause_against_a_stored_profile(run: Any, tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case", 3_000, 1_500)
    assert run(folder / "reference" / "train.parquet", "--out", folder / "reference" / "train.profile").exit_code == 0
    (folder / "reference" / "train.parquet").unlink()
    case = folder / "case.toml"
    case.write_text(case.read_text().replace("reference/train.parquet", "reference/train.profile"), encoding="utf-8")
    result = CliRunner().invoke(cli, ["investigate", str(folder), "--trust", "--quiet", "--json", str(tmp_path / "found.json")])
    said = " ".join(result.stdout.split())
    assert (result.exit_code, result.stderr) == (1, "")
    assert "CAUSE FOUND data.unit-change at train.n1" in said
    assert "needs the rows of reference.train (a stored profile is given)" in said
    assert "reference.train is a stored profile of 3,000 rows" in said
    found = json.loads((tmp_path / "found.json").read_text())["conclusion"]
    assert [(cause["cause"], cause["where"]) for cause in found["causes"]] == [("data.unit-change", ["train.n1"])]


def test_the_json_is_the_figures(run: Any, table: Path) -> None:
    figures = json.loads(run(table, "--json", "-").output)
    assert figures["n_rows"] == 120
    assert figures["columns"]["tags"] == figures["columns"]["tags"] | {"kind": "other", "counted_only": True, "n_null": 30}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent.parquet",), "no such file"),
        (("{table}", "--out", "train.parquet"), "expected a name that ends in .profile"),
        (("{table}", "--out", "absent/train.profile"), "cannot be written"),
        (("{table}", "--json", "absent/t.json"), "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(run: Any, table: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(*(argument.replace("{table}", str(table)) for argument in arguments))
    assert result.exit_code == 2
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
