"""Each example runs as it is told to be run, and holds its own assertions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
SITUATIONS = {"retraining", "production", "silent", "too_good", "environment", "training", "factors", "upgrade"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_an_example_finds_what_it_broke(script: Path, tmp_path: Path) -> None:
    surroundings = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.strip()


def test_there_is_an_example_for_every_situation_and_the_readme_names_it() -> None:
    assert {script.stem for script in SCRIPTS} == SITUATIONS
    told = set(re.findall(r"\]\((\w+)\.py\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    assert told == SITUATIONS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_an_example_is_short_breaks_the_system_itself_and_asserts(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert "ruleout.faults" not in text
    assert "What went wrong: " in text
    assert re.search(r"^    assert ", text, re.MULTILINE)
