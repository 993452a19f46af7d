"""Runs on a Dask cluster for real: two worker processes, the conclusion of this machine, and a worker that dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import ruleout
from ruleout.errors import CommandError, EngineError
from ruleout.models.command import run_measure
from ruleout.runs import Workers, open_workers
from ruleout.tables.engines import close_engines
from tests.conclusion import test_resuming
from tests.conclusion.test_resuming import TRAIN, concluded, runs, told
from tests.conclusion.test_workers import most_at_once
from tests.factors.test_workers import case, investigated, untimed
from tests.runs.test_here import at_work, script
from tests.tables.clusters import Cluster, cluster, kill, missing, until

pytestmark = [
    pytest.mark.skipif(bool(missing("dask")), reason=missing("dask")),
    # The client's own libraries leave sockets and pools to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(distributed|dask|tornado)"),
]


diamonds = test_resuming.case


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("LOG", str(tmp_path / "runs.log"))
    with cluster("dask") as made:
        try:
            yield made
        finally:
            close_engines()


@pytest.fixture
def workers(running: Cluster) -> Workers:
    return open_workers(running.address)


def begun(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.pid")]


def asked(command: str, folder: Path, number: int) -> tuple[Any, ...]:
    return (partial(run_measure, command, folder=folder, values={"number": str(number)}, seed=0),)


MARKED = "open(f'{os.getpid()}.pid', 'w').close()"


def test_the_conclusion_is_that_of_this_machine(running: Cluster, tmp_path: Path) -> None:
    folder = case(tmp_path / "case", "time.sleep(0.2)")
    there = untimed(investigated(folder, workers=running.address))
    log = (tmp_path / "runs.log").read_text()
    assert "begun\nbegun\n" in log, "two were alive at once"
    assert there == untimed(investigated(folder, workers=1))


def test_trainings_are_made_on_the_workers_and_their_artifacts_come_back(running: Cluster, diamonds: Path) -> None:
    (diamonds / "train.py").write_text(TRAIN.replace("PAUSE", "0.3"))
    there = concluded(diamonds, False, workers=running.address)
    there_trained = sorted(runs(diamonds))
    assert most_at_once(diamonds) == 2
    here = concluded(diamonds, False, workers=1)
    assert told(there) == told(here) and there_trained == sorted(runs(diamonds))


def test_answers_come_in_order_and_failures_as_answers(workers: Workers, tmp_path: Path) -> None:
    command = script(tmp_path, "time.sleep(0.3 / (1 + int(sys.argv[1])))\nif sys.argv[1] == '2': sys.exit('no such device')")
    ended: list[tuple[int, float]] = []
    found = list(workers.each(partial.__call__, [asked(command, tmp_path, n) for n in range(4)], lambda n, value: ended.append((n, value))))
    assert (found[0], found[1], found[3]) == (0.0, 1.0, 3.0)
    assert isinstance(found[2], CommandError) and "no such device" in str(found[2]) and "(said by a worker on " in str(found[2])
    assert sorted(ended) == [(0, 0.0), (1, 1.0), (3, 3.0)] and workers.n == 2
    assert "it cannot be started in /nowhere" in str(next(workers.each(partial.__call__, [asked(command, Path("/nowhere"), 0)])))


def test_a_worker_that_is_killed_in_the_middle_is_survived_and_said(running: Cluster, tmp_path: Path) -> None:
    folder = case(tmp_path / "case", f"{MARKED}\ntime.sleep(0.3)")
    found: list[Any] = []

    def work() -> None:
        found.append(investigated(folder, workers=running.address))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: len(begun(folder)) >= 4, "the work was never in its middle")
    kill(running.workers["first"])
    assert thread.is_alive(), "the work was over before the worker was killed"
    thread.join(timeout=120)
    alone = investigated(folder, workers=1)
    assert f"1 worker of {running.address} went away in the middle; what they had begun was run again by others." in found[0].summary
    assert [cause.where for cause in found[0].causes] == [cause.where for cause in alone.causes]
    runs = [[step["evidence"]["runs"] for step in one.to_dict()["steps"]] for one in (found[0], alone)]
    assert runs[0] == runs[1], "the same runs, each counted once"


def test_an_interrupt_ends_the_runs_on_the_workers(running: Cluster, tmp_path: Path) -> None:
    folder = case(tmp_path / "case", f"{MARKED}\ntime.sleep(60)")
    command = [sys.executable, "-m", "ruleout", "investigate", str(folder), "--trust", "--no-cache", "--workers", running.address]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: len(begun(folder)) >= 2, "nothing was begun")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in said
    until(lambda: not [pid for pid in begun(folder) if at_work(pid)], "runs went on that nobody waits for")
    time.sleep(1.0)
    assert len(begun(folder)) == 2, "nothing more was begun"


def test_a_cluster_that_is_deserted_is_given_up(running: Cluster, workers: Workers, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("ruleout.runs.cluster.PATIENCE_SECONDS", 1.0)
    command = script(tmp_path, f"{MARKED}; time.sleep(60)")
    answers = workers.each(partial.__call__, [asked(command, tmp_path, n) for n in range(2)])

    def desert() -> None:
        until(lambda: len(begun(tmp_path)) == 2, "nothing was begun")
        for worker in running.workers.values():
            kill(worker)

    threading.Thread(target=desert, daemon=True).start()
    with pytest.raises(EngineError, match="no worker is left"):
        next(answers)
    for pid in begun(tmp_path):
        if at_work(pid):
            os.killpg(os.getpgid(pid), signal.SIGKILL)


def test_what_is_no_cluster_is_one_sentence(tmp_path: Path, monkeypatch) -> None:
    folder = case(tmp_path / "case")
    with pytest.raises(EngineError, match="nothing answers there"):
        ruleout.investigate(ruleout.read_case(folder, trust=True), workers="tcp://127.0.0.1:9")
