"""A new cause is begun by one command, and the laws say in clear words what its files lack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ruleout import testing
from ruleout.causes import catalog
from ruleout.errors import RuleoutError
from ruleout.testing.new_cause import main, new_cause

ROOT = Path(__file__).parents[2]
CAUSE = "data.rounded-away"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout to write in: the sources, the vocabulary, and room for tests."""
    shutil.copytree(ROOT / "src" / "ruleout", tmp_path / "src" / "ruleout", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "causes.md", tmp_path / "docs")
    (tmp_path / "tests" / "causes").mkdir(parents=True)
    return tmp_path


def test_the_laws_say_what_a_new_cause_lacks(checkout: Path) -> None:
    page, fault, test, _ = new_cause(CAUSE, checkout)
    assert page == checkout / "src/ruleout/causes/data/rounded_away.py"
    assert fault == checkout / "src/ruleout/faults/data/rounded_away.py"
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", str(test)]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    said = subprocess.run(run, capture_output=True, text=True, cwd=checkout, env=environment, check=False).stdout
    assert f"{CAUSE}: the docstring's first line says '...', expected a sentence about what went wrong" in said
    assert f"causes.md: the row of ['{CAUSE}'] does not say what went wrong; say it in the row's second cell" in said
    assert f"{CAUSE} does not say yet how it breaks a system." in said
    assert "error" not in said.splitlines()[-1], said


def test_each_lack_that_is_mended_makes_room_for_the_next(checkout: Path) -> None:
    page, *_ = new_cause(CAUSE, checkout)
    ask = f"from ruleout.causes import page\nfrom ruleout import testing\ntesting.page(page('{CAUSE}'))"
    words = "What stands here is long enough to be something, in 2024."

    def lack() -> str:
        environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, env=environment, check=False).stderr

    page.write_text(page.read_text().replace('"""...', '"""Digits that were there are gone from a column.', 1))
    assert "nothing stands under ['What goes wrong'" in lack()
    page.write_text(page.read_text().replace("\n    ...", f"\n    {words}"))
    assert "`needs` is empty; say which evidence it looks at" in lack()
    page.write_text(page.read_text().replace("...]] = ()", '...]] = (("current.train",),)'))
    assert lack() == ""


def test_the_vocabulary_is_extended_and_the_rest_of_it_stays(checkout: Path) -> None:
    before = (checkout / "docs" / "causes.md").read_text()
    contract = new_cause(CAUSE, checkout)[-1]
    assert contract.read_text().startswith(before.rstrip("\n"))
    new_cause("model.too-shy", checkout)
    assert contract.read_text().count("## Extension") == 1
    with pytest.raises(AssertionError, match=r"the row of .*model.too-shy.* does not say what went wrong"):
        testing.vocabulary(["model.too-shy"], contract)


def test_the_vocabulary_has_a_row_with_words_for_every_page() -> None:
    testing.vocabulary([entry.id() for entry in catalog()], ROOT / "docs" / "causes.md")
    with pytest.raises(AssertionError, match=r"no row for .*data.unheard-of"):
        testing.vocabulary(["data.unheard-of"], ROOT / "docs" / "causes.md")


@pytest.mark.parametrize("cause", ["unit-change", "data.Unit", "weather.rain", "data.", "data.a_b"])
def test_an_id_that_is_none_is_refused(cause: str, checkout: Path) -> None:
    with pytest.raises(RuleoutError, match="expected a bucket"):
        new_cause(cause, checkout)


def test_a_cause_that_is_there_is_not_written_over(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = checkout / "src/ruleout/causes/data/drift.py"
    before = page.read_text()
    assert main(["data.drift", "--root", str(checkout)]) == RuleoutError("").exit_code
    assert "data.drift is there already: src/ruleout/causes/data/drift.py" in capsys.readouterr().err
    assert page.read_text() == before


def test_outside_a_checkout_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(RuleoutError, match="expected a checkout of ruleout"):
        new_cause(CAUSE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote_and_what_comes_next(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([CAUSE, "--root", str(checkout)]) == 0
    said = capsys.readouterr().out
    assert said.count("wrote ") == 4
    assert "test_rounded_away.py` says what is missing" in said
