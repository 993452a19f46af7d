"""Investigations of a black box from end to end: trust, resumption, flaky and failing commands, direction, every format."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ruleout
from ruleout.errors import CommandError
from ruleout.report import render

SCRIPT = """
import json, os, pathlib, random, sys, time
given = {k[7:].lower(): v for k, v in os.environ.items() if k.startswith("FACTOR_")}
here = pathlib.Path("runs.log")
with here.open("a") as log:
    log.write(json.dumps(given) + "\\n")
a, b, c, d = (given[k] == "new" for k in "abcd")
seed = int(given["seed"])
noise = random.Random(str(sorted(given.items()))).gauss(0, 0.004)
BODY
print("a line that is no metric")
print(json.dumps({"metric": value + noise}))
"""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RULEOUT_CACHE", str(tmp_path / "cache"))

    def make(body: str, direction: str = "higher", measure: str = "python run.py {a} {b} {c} {d} {seed}") -> Path:
        folder = tmp_path / "case"
        folder.mkdir(exist_ok=True)
        (folder / "run.py").write_text(SCRIPT.replace("BODY", body), encoding="utf-8")
        factors = "\n".join(f'{name} = ["old", "new"]' for name in "abcd")
        (folder / "case.toml").write_text(
            f'[case]\nmetric = "accuracy"\nmin_effect = 0.02\ndirection = "{direction}"\n'
            f'[factors]\n{factors}\n[run]\nmeasure = "{measure}"\n',
            encoding="utf-8",
        )
        return folder

    return make


def runs(folder: Path) -> list[str]:
    log = folder / "runs.log"
    return log.read_text().splitlines() if log.exists() else []


def concluded(folder: Path, **given):
    return ruleout.investigate(ruleout.read_case(folder, trust=True), **given)


@pytest.mark.parametrize(
    ("body", "structure", "harms", "gains"),
    [
        ("value = 0.9 - 0.08 * b", "single", {"factor.b"}, []),
        ("value = 0.9 - 0.08 * b - 0.06 * d", "additive", {"factor.b", "factor.d"}, []),
        ("value = 0.9 - 0.08 * (b or d)", "redundant", {"factor.b", "factor.d"}, []),
        ("value = 0.9 - 0.08 * (b and d)", "conjoint", {"factor.b", "factor.d"}, []),
        ("value = 0.9 - 0.08 * b + 0.08 * d", "masked", {"factor.b"}, ["factor.d"]),
    ],
)
def test_each_structure_is_concluded_in_the_contracts_words(case, body, structure, harms, gains) -> None:
    folder = case(body)
    found = concluded(folder)
    said = found.to_dict()["conclusion"]
    assert (found.exit_code, said["structure"], said["gains"]) == (1, structure, gains)
    assert {c["where"][0] for c in said["causes"]} == harms
    assert {c["cause"] for c in said["causes"]} == {"pipeline.factor"}
    assert said["runs"] == len(runs(folder)) <= 32
    assert len(found.guards) == len(harms)
    for format_ in ("text", "markdown", "json", "notebook"):
        assert "factor.b" in render(found, format_)
    if structure == "single":
        assert said["causes"][0]["share"] == pytest.approx(1.0)
    if structure == "masked":
        assert said["causes"][0]["share"] is None and found.to_dict()["problem"]["kind"] == "degradation"


def test_nothing_wrong_is_nothing_wrong(case) -> None:
    found = concluded(case("value = 0.9"))
    assert (found.exit_code, found.extra["structure"], found.causes) == (0, "none", ())
    assert found.ruled_out == ("pipeline.factor",)


def test_a_loss_that_rises_is_harm_where_lower_is_better(case) -> None:
    found = concluded(case("value = 0.3 + 0.08 * c", direction="lower"))
    assert [c.where for c in found.causes] == [("factor.c",)]
    assert found.to_dict()["problem"]["change"] > 0


def test_nothing_runs_without_trust(case) -> None:
    folder = case("value = 0.9 - 0.08 * b")
    found = ruleout.investigate(ruleout.read_case(folder))
    assert found.exit_code == 3 and not runs(folder)
    assert found.next[0].cause == "pipeline.factor" and "--trust" in found.next[0].needs
    assert [m["evidence"] for m in found.missing] == ["trust"]
    assert all(h.status == "untestable" for h in found.examination.hypotheses)


def test_a_killed_investigation_goes_on_where_it_was(case, tmp_path: Path) -> None:
    folder = case("time.sleep(0.15); value = 0.9 - 0.08 * (b and d)")
    command = [sys.executable, "-m", "ruleout", "investigate", str(folder), "--trust", "--quiet", "--json", str(tmp_path / "found.json")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(runs(folder)) < 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.6)  # the run that was under way ends by itself
    before = runs(folder)
    assert 9 <= len(before) <= 12
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    resumed = json.loads((tmp_path / "found.json").read_text())["conclusion"]
    assert resumed["runs_kept"] >= 8 and len(runs(folder)) <= resumed["runs"] + 1, "at most the run that was cut is made again"
    again = concluded(folder)
    assert again.extra["runs_kept"] == again.extra["runs"] == resumed["runs"]
    assert [c["where"] for c in resumed["causes"]] == [list(c.where) for c in again.causes]


def test_other_code_is_measured_anew(case) -> None:
    folder = case("value = 0.9 - 0.08 * b")
    first = concluded(folder)
    case("value = 0.9 - 0.08 * c")
    assert [c.where for c in concluded(folder).causes] == [("factor.c",)] != [c.where for c in first.causes]


def test_a_flaky_command_is_tried_again_and_reported(case) -> None:
    found = concluded(case("value = 0.9 - 0.08 * b\nif len(here.read_text().splitlines()) % 4 == 2: sys.exit('no such device')"))
    assert [c.where for c in found.causes] == [("factor.b",)]
    assert found.extra["runs_flaky"] > 0 and "flaky" in found.summary


def test_mixes_that_cannot_be_run_are_said_and_done_without(case) -> None:
    found = concluded(case("value = 0.9 - 0.08 * b\nif a and not d: sys.exit('a needs d')"))
    assert [c.where for c in found.causes] == [("factor.b",)]
    assert "could not be run" not in found.summary or "a needs d" in found.summary


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('the disk is full')", "the disk is full"),
        ("value = float('nan')", "expected a number"),
        ("print('done'); sys.exit(0)", "expected JSON with the metric"),
    ],
)
def test_a_side_that_cannot_be_measured_is_said_with_the_commands_last_words(case, body: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        concluded(case(body))


def test_values_reach_the_command_quoted_and_in_its_environment(case) -> None:
    folder = case("value = 0.9")
    concluded(folder)
    seen = [json.loads(line) for line in runs(folder)]
    assert {run["a"] for run in seen} == {"old", "new"} and {run["seed"] for run in seen} >= {"0", "1", "2"}


def test_a_budget_ends_the_runs_and_says_so(case) -> None:
    found = concluded(case("time.sleep(0.1); value = 0.9 - 0.08 * b"), budget=1.2)
    assert found.verdict == "inconclusive" and "budget" in found.summary
    assert found.next and found.next[0].cause == "pipeline.factor"


def test_the_cost_is_said_beforehand(case) -> None:
    told = []
    ruleout.investigate(ruleout.read_case(case("value = 0.9 - 0.08 * b"), trust=True), listen=told.append)
    problem = next(event.payload for event in told if event.kind == "problem")
    assert "runs" in problem.statement and "a run takes" in problem.statement
    kinds = [event.kind for event in told]
    assert kinds.index("problem") < kinds.index("hypotheses") < kinds.index("step") < kinds.index("conclusion")
