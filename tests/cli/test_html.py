"""`--html`: the page is written where it was asked for, and says the line that made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from ruleout.cli import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for side, seed, factor in (("reference", 0, 1), ("current", 1, 100)):
        rng = np.random.default_rng(seed)
        place = tmp_path / "my case" / side
        place.mkdir(parents=True)
        for name, times in (("train", factor), ("validation", 1)):
            table = pd.DataFrame({"x": rng.normal(5, 1, 900), "z": rng.normal(size=900)})
            table["label"] = np.where(table["x"] + table["z"] > 5, "yes", "no")
            table.assign(x=table["x"] * times).to_parquet(place / f"{name}.parquet")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


def test_an_investigation_writes_its_page(folder: Path) -> None:
    result = run("investigate", "my case", "--target", "label", "--html", "report.html", "--json", "found.json", "--no-cache")
    assert result.exit_code == 1, result.output
    assert "Wrote report.html" in result.output
    assert (folder / "found.json").is_file()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "train.<wbr>x" in page
    line = "ruleout investigate &#39;my case&#39; --target label --html report.html --json found.json --no-cache"
    assert line in page
    assert f"{line} --guards guards/" in page


def test_the_page_can_go_to_standard_output(folder: Path) -> None:
    result = run("investigate", "my case", "--target", "label", "--html", "-", "--quiet", "--no-cache")
    assert result.stdout.startswith("<!DOCTYPE html>")
    assert result.stdout.endswith("</html>\n")


def test_two_tables_have_a_page_as_well(folder: Path) -> None:
    tables = ("my case/reference/train.parquet", "my case/current/train.parquet")
    result = run("compare", *tables, "--html", "moved.html")
    assert result.exit_code == 1
    assert "Wrote moved.html" in result.output
    page = (folder / "moved.html").read_text(encoding="utf-8")
    assert "1 of 3 columns moved: x" in page
    assert "ruleout compare &#39;my case/reference/train.parquet&#39;" in page
    piped = run("compare", *tables, "--html", "-")
    assert piped.stdout.startswith("<!DOCTYPE html>")


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_read(folder: Path) -> None:
    for arguments in (("investigate", "absent"), ("compare", "absent.csv", "absent.csv"), ("demo",)):
        result = run(*arguments, "--html", "no/such/folder/report.html")
        assert result.exit_code == 2
        assert "--html no/such/folder/report.html: there is no folder" in result.stderr
        result = run(*arguments, "--html", "-", "--json", "-")
        assert result.exit_code == 2
        assert "--html -" in result.stderr
        assert "cannot both be standard output" in result.stderr
