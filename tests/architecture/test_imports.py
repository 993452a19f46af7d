"""Which room may import which: the import graph is read from the source, and a wrong arrow is named."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "ruleout"
ROOMS = (
    "errors",
    "statistics",
    "tables",
    "store",
    "models",
    "runs",
    "guards",
    "case",
    "factors",
    "environments",
    "problem",
    "causes",
    "examination",
    "conclusion",
    "exhibits",
    "report",
    "faults",
    "bench",
    "practice",
    "demo",
    "testing",
    "cli",
)
"""A room imports only rooms before it, and itself."""

APART = {("causes", "faults"), ("faults", "causes"), ("faults", "examination"), ("faults", "conclusion")}
"""The examiner and the pupil share no notes."""

EXEMPT = {
    ("conclusion", "report"): "a notebook asks the conclusion itself for its picture (_repr_html_)",
    ("tables", "report"): "a prompt and a notebook ask the comparison itself for its picture",
}
"""Arrows that point down, each with its reason."""

ENGINES = {"sklearn", "torch", "duckdb", "polars", "xgboost", "lightgbm", "pandas", "pyspark", "dask"}
HEAVY = {"pandas", "sklearn", "scipy", "rich", "polars", "duckdb", "lightgbm", "joblib", "yaml", "jinja2"}


def files(room: str = "") -> Iterator[Path]:
    yield from sorted((SOURCE / room).rglob("*.py"))


def imports(path: Path, *, top_only: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports; those for type checkers alone are left out where `top_only`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            if node.module == "ruleout":
                yield from ((node.lineno, f"ruleout.{alias.name}") for alias in node.names)


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def arrows() -> Iterator[tuple[str, str, str]]:
    for path in files():
        here = room_of(path)
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] == "ruleout" and len(parts) > 1:
                yield here, parts[1], f"{path.relative_to(SOURCE.parent)}:{line} imports {module}"


def test_every_file_lies_in_a_room() -> None:
    strays = {room_of(p) for p in files()} - {*ROOMS, "__init__", "__main__"}
    assert not strays, f"no room for {sorted(strays)}: put it into one of {', '.join(ROOMS)}"


def test_a_room_imports_only_rooms_before_it() -> None:
    wrong = [
        f"{said}: {there} comes after {here}"
        for here, there, said in arrows()
        if here in ROOMS and there in ROOMS and ROOMS.index(there) > ROOMS.index(here) and (here, there) not in EXEMPT
    ]
    assert not wrong, "\n".join(wrong)


def test_every_exemption_is_still_needed() -> None:
    used = {(here, there) for here, there, _ in arrows()}
    assert set(EXEMPT) <= used, f"no longer needed: {sorted(set(EXEMPT) - used)}"


def test_causes_and_faults_share_no_notes() -> None:
    wrong = [said for here, there, said in arrows() if (here, there) in APART]
    assert not wrong, "\n".join(wrong)


def test_no_page_imports_an_engine() -> None:
    wrong = [
        f"{path.relative_to(SOURCE.parent)}:{line} imports {module}: ask the laboratory or the table instead"
        for path in files("causes")
        for line, module in imports(path)
        if module.split(".")[0] in ENGINES
    ]
    assert not wrong, "\n".join(wrong)


def test_pages_do_not_import_each_other() -> None:
    wrong = [
        f"{path.relative_to(SOURCE.parent)}:{line} imports {module}: what two pages share lies beside page.py"
        for bucket in ("data", "model", "pipeline")
        for path in files(f"causes/{bucket}")
        for line, module in imports(path)
        if module.startswith(tuple(f"ruleout.causes.{b}" for b in ("data", "model", "pipeline")))
    ]
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        f"{path.relative_to(SOURCE.parent)}:{line} imports {module} at its top"
        for path in files()
        if room_of(path) not in ("faults", "bench", "report", "practice")
        for line, module in imports(path, top_only=True)
        if module.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["utils", "util", "helpers", "helper", "common", "core", "base", "manager", "legacy", "misc"])
def test_no_file_is_called_after_nothing(name: str) -> None:
    assert not [p for p in SOURCE.rglob("*") if p.stem == name]
