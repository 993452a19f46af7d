"""What the project says of itself: its documents name commands that exist, and its lock holds what it depends on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_target_that_is_named_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ([a-z][a-z -]*[a-z])", text(document), re.MULTILINE)
    named = {word for said in commands for word in said.split()}
    assert named, f"{document} names no make target"
    assert named <= targets, f"{document} names {sorted(named - targets)}, which the Makefile has not"


def test_every_target_is_phony_and_said_in_help() -> None:
    makefile = text("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    told = set(re.findall(r"^([a-z-]+):.*## \w", makefile, re.MULTILINE))
    assert targets == phony == told


def test_every_command_in_the_readme_exists() -> None:
    from ruleout.cli import cli

    named = set(re.findall(r"^ruleout ([a-z]+)", text("README.md"), re.MULTILINE))
    assert named and named <= set(cli.commands)


def test_the_lock_pins_every_dependency_and_names_no_host() -> None:
    # Engines of clusters and the largest libraries of models are needed by their own tests alone: they have locks of their own.
    lock = text("requirements.lock") + text("requirements-engines.lock") + text("requirements-models.lock")
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.match(r"[A-Za-z0-9.-]+", d)[0].lower() for d in wanted}  # type: ignore[index]
    assert names <= pinned.keys(), f"not locked: {sorted(names - pinned.keys())}"
    assert "://" not in lock and "--index" not in lock


def test_documents_link_to_files_that_exist() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", text(document)) if "://" not in link]
        assert not [link for link in links if not (ROOT / link).exists()], document
