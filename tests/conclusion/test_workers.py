"""Trainings by several workers: the same conclusion as by one, the same trainings, some of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ruleout
from ruleout.case import settle
from ruleout.problem.fits import Fits
from ruleout.problem.laboratory import Laboratory, without_model
from ruleout.runs import Here
from tests.conclusion import test_resuming
from tests.conclusion.test_resuming import TRAIN, concluded, runs, told

case = test_resuming.case


def most_at_once(folder: Path) -> int:
    alive = most = 0
    for line in (folder / "runs.log").read_text().splitlines():
        alive += 1 if line.startswith("began") else -1
        most = max(most, alive)
    (folder / "runs.log").unlink()
    return most


def spent(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found["cost"].items() if name != "training_seconds"}


def test_the_conclusion_is_the_same_with_one_two_and_three_workers_and_so_are_the_trainings(case: Path) -> None:
    found, trained, at_once = [], [], []
    for n in (1, 2, 3):
        found.append(concluded(case, False, workers=n))
        trained.append(sorted(runs(case)))
        at_once.append(most_at_once(case))
    assert trained[0] == trained[1] == trained[2] and len(trained[0]) == found[0]["cost"]["trainings"]
    assert told(found[0]) == told(found[1]) == told(found[2])
    assert spent(found[0]) == spent(found[1]) == spent(found[2])
    assert [c["cause"] for c in found[0]["conclusion"]["causes"]] == ["data.unit-change"]
    assert at_once == [1, 2, 3]


def test_a_program_that_writes_to_the_case_is_run_one_by_one_unless_the_user_says_how_many(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ruleout.runs.workers.cores", lambda: 2)
    (case / "train.py").write_text(TRAIN.replace("PAUSE", "0.05"))
    alone = concluded(case, False)
    assert most_at_once(case) == 1
    assert alone["cost"]["one_by_one"] == "[run] train writes to runs.log in the case's folder"
    assert told(alone) == told(concluded(case, False, workers=2))


def test_what_fails_beside_others_is_trained_again_and_counted_as_flaky(case: Path, tmp_path: Path) -> None:
    taken = "try: held.mkdir()\nexcept OSError: sys.exit('the device is taken')"
    body = f"import pathlib\nheld = pathlib.Path({str(tmp_path / 'device')!r})\n{taken}\ntime.sleep(0.3)\nheld.rmdir()"
    script = TRAIN.replace("time.sleep(PAUSE)", body)
    (case / "train.py").write_text(script)
    alone, beside = concluded(case, False, workers=1), concluded(case, False, workers=2)
    assert "[run] train is flaky" in beside["conclusion"]["summary"] and "the device is taken" in beside["conclusion"]["summary"]
    assert [c["where"] for c in alone["conclusion"]["causes"]] == [c["where"] for c in beside["conclusion"]["causes"]]


def test_a_budget_of_runs_is_spent_on_the_same_trainings(case: Path) -> None:
    (case / "train.py").write_text(TRAIN.replace("PAUSE", "0.05"))
    alone = concluded(case, False, workers=1, budget="5 runs")
    first = runs(case)
    (case / "runs.log").unlink()
    beside = concluded(case, False, workers=2, budget="5 runs")
    assert told(alone) == told(beside) and sorted(runs(case)) == sorted(first) and len(first) == 5


def test_what_is_foreseen_is_found_trained_and_what_needs_no_training_is_not_trained(case: Path) -> None:
    read = settle(ruleout.read_case(case, trust=True))
    laboratory = Laboratory(read, fits=Fits(workers=Here(2)))
    rows = read.current.train
    others = [without_model(read.with_table("current", "train", rows.take(np.arange(part, 2000))), "current") for part in (0, 500, 1000)]
    laboratory.foresee_outcomes([read, *others, others[0]])
    assert len(runs(case)) == 3
    assert laboratory.fits.n == 0, "counted where it is asked for"
    for one in others:
        laboratory.outcome(one, "current")
    assert laboratory.fits.n == 3 and laboratory.fits.seconds > 0.6
    assert most_at_once(case) == 2
    laboratory.foresee_outcomes([read, *others])
    assert not runs(case)
