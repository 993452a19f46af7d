"""The README is held against the project: its commands parse, its options exist, its Python runs, its output is real."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ruleout.cli import cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("ruleout ")]
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "80"}


def parsed(line: str) -> click.Context:
    """The command of a line with its options, parsed and not run."""
    _, name, *arguments = shlex.split(line, comments=True)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, f"there is no command {name!r}"
    return command.make_context(name, arguments, parent=click.Context(cli))


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    parsed(line)


def test_a_command_that_is_wrong_would_be_seen() -> None:
    assert COMMANDS
    with pytest.raises(click.UsageError):
        parsed("ruleout investigate path/to/case --no-such-option")
    with pytest.raises(AssertionError, match="no command"):
        parsed("ruleout diagnose path/to/case")


def test_every_option_that_is_named_exists() -> None:
    known = {option for command in cli.commands.values() for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README))
    assert named and named <= known, f"unknown options: {sorted(named - known)}"


def test_every_exit_code_of_an_investigation_is_told() -> None:
    assert re.findall(r"^\| (\d) \| ", README, re.MULTILINE) == ["0", "1", "2", "3"]


def test_the_files_of_a_case_are_found_by_the_names_it_gives(tmp_path: Path) -> None:
    from ruleout.case import read_case

    tree = next(text for kind, text in BLOCKS if kind == "text" and text.startswith("case.toml"))
    names = set(re.findall(r"\b[a-z]+\.(?:parquet|joblib|json|jsonl|txt|csv|py)\b", tree)) - {
        "train.parquet",
        "validation.parquet",
        "serving.parquet",
    }
    (tmp_path / "current").mkdir()
    written = {
        "train.csv": "x,y\n1,a\n2,b\n",
        "validation.csv": "x,y\n1,a\n2,b\n",
        "serving.csv": "x,y,prediction\n1,a,a\n2,b,a\n",
        "history.csv": "epoch,val_loss\n1,0.5\n2,0.4\n",
        "model.joblib": "not opened without trust",
        "config.json": '{"seed": 0}',
        "metrics.json": '{"accuracy": 0.5}',
        "requirements.txt": "numpy==2.0.0\n",
        "runlog.jsonl": '{"stage": "train", "rows_in": 2, "rows_out": 2}\n',
        "features.py": "print(1)\n",
    }
    assert names <= written.keys()
    for name, text in written.items():
        (tmp_path / "current" / name).write_text(text, encoding="utf-8")
    side = read_case(tmp_path, target="y").current
    held = ("train", "validation", "serving", "model", "config", "history", "metrics", "environment", "runlog", "code")
    assert [name for name in held if getattr(side, name) is None] == []


def test_its_python_runs_and_prints_what_it_says() -> None:
    at = next(number for number, (kind, _) in enumerate(BLOCKS) if kind == "python")
    (_, source), (kind, printed) = BLOCKS[at], BLOCKS[at + 1]
    done = subprocess.run([sys.executable, "-c", source], env={**os.environ, **QUIET}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (kind, printed) == ("text", done.stdout)


def rounded(text: str) -> str:
    return re.sub(r"(\d\.\d\d)\d+", r"\1", " ".join(text.split()))


def test_the_output_it_shows_is_the_output_there_is() -> None:
    command, shown = re.search(r"^<!-- output of: (.+) -->\n```text\n(.*?)\[…\]\n```$", README, re.MULTILINE | re.DOTALL).groups()  # type: ignore[union-attr]
    assert parsed(command).params["quiet"]
    run = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(run, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The last digits differ from machine to machine; the words and every number's first two digits do not.
    assert rounded(done.stdout).startswith(rounded(shown)), f"paste the output of `COLUMNS=80 {command}` again; it is now:\n{done.stdout}"
