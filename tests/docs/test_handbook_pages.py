"""The generated handbook: every cause has its page, whole, and the pages' links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ruleout.causes import catalog
from ruleout.causes.page import HEADINGS
from ruleout.errors import RuleoutError
from ruleout.report.handbook_pages import page_file, write_handbook


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "handbook"
    write_handbook(folder)
    return folder


@pytest.mark.parametrize("cause", catalog(), ids=lambda c: c.id())
def test_every_cause_has_its_page_and_no_heading_is_missing(cause: object, handbook: Path) -> None:
    text = (handbook / page_file(cause.id())).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert text.startswith(f"# {cause.id()}\n\n**{cause.claim()}**\n")  # type: ignore[attr-defined]
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert tuple(bodies)[: len(HEADINGS)] == HEADINGS
    assert all(body.strip() for body in bodies.values())
    assert not re.search(r"^-{3,}$", text, re.MULTILINE), "an underline of the docstring was left"


def test_the_index_names_every_page_once_bucket_by_bucket(handbook: Path) -> None:
    text = (handbook / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["data", "model", "pipeline"]
    listed = re.findall(r"^- \[(.+?)\]\((.+?)\): \S", text, re.MULTILINE)
    assert listed == [(c.id(), page_file(c.id())) for c in catalog()]


def test_every_link_leads_to_a_page(handbook: Path) -> None:
    dead = [
        f"{page.relative_to(handbook)}: {link}"
        for page in sorted(handbook.rglob("*.md"))
        for link in re.findall(r"\]\(([^)]+\.md)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert dead == []
    assert "[data.drift](drift.md)" in (handbook / "data" / "unit-change.md").read_text(encoding="utf-8")


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ruleout.report.handbook_pages"]
    done = subprocess.run([*command, str(tmp_path / "handbook")], capture_output=True, text=True, check=True)
    assert done.stdout == f"Wrote {len(catalog()) + 1} pages to {tmp_path / 'handbook'}.\n"
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == RuleoutError("").exit_code


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "handbook").write_text("a file", encoding="utf-8")
    with pytest.raises(RuleoutError, match=r"handbook: the handbook cannot be written there \(.+\); name another folder\.$"):
        write_handbook(tmp_path / "handbook")
