"""Runs side by side on this machine: in the order asked, at once, ended together, and each with its part of the cores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ruleout.errors import CaseError, CommandError
from ruleout.models.command import run_measure
from ruleout.models.ending import THREADS
from ruleout.runs import ALONE, Here, check_workers, open_workers

METRIC = """import json, os, sys, time
print(json.dumps({"metric": float(VALUE)}))"""


def script(folder: Path, body: str, value: str = "sys.argv[1]") -> str:
    (folder / "run.py").write_text(METRIC.replace("\n", f"\n{body}\n", 1).replace("VALUE", value), encoding="utf-8")
    return f"{sys.executable} run.py {{number}}"


def measured(command: str, folder: Path, number: int) -> float:
    return run_measure(command, folder=folder, values={"number": str(number)}, seed=0)


def at_work(pid: int) -> bool:
    """Whether a process still runs; one that has ended and was not collected yet does not."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout.strip()
    return bool(said) and not said.startswith("Z")


def test_answers_come_in_the_order_asked_whichever_ends_first(tmp_path: Path) -> None:
    command = script(tmp_path, "time.sleep(0.3 / (1 + int(sys.argv[1])))")
    asked = [(command, tmp_path, number) for number in range(4)]
    for n in (1, 2, 3):
        assert list(Here(n).each(measured, asked)) == [0.0, 1.0, 2.0, 3.0]


def test_two_runs_are_alive_at_once_and_with_one_worker_none_are() -> None:
    def most_at_once(n: int) -> int:
        alive, most, lock = 0, 0, threading.Lock()

        def work(_: int) -> None:
            nonlocal alive, most
            with lock:
                alive += 1
                most = max(most, alive)
            time.sleep(0.05)
            with lock:
                alive -= 1

        list(Here(n).each(work, [(k,) for k in range(6)]))
        return most

    assert [most_at_once(n) for n in (1, 2, 3)] == [1, 2, 3]


def test_a_command_that_fails_is_an_answer_like_any_other(tmp_path: Path) -> None:
    command = script(tmp_path, "if sys.argv[1] == '1': sys.exit('no such device')")
    first, second, third = Here(2).each(measured, [(command, tmp_path, number) for number in range(3)])
    assert (first, third) == (0.0, 2.0)
    assert isinstance(second, CommandError) and "no such device" in str(second)


def test_with_one_worker_nothing_is_begun_that_nobody_takes() -> None:
    begun: list[int] = []
    answers = ALONE.each(begun.append, [(0,), (1,), (2,)])
    next(answers)
    assert begun == [0]


def test_an_interrupt_ends_what_is_under_way_and_begins_nothing_more(tmp_path: Path) -> None:
    command = script(tmp_path, "open(f'{os.getpid()}.pid', 'w').close(); time.sleep(60)")

    def interrupt() -> None:
        while len(list(tmp_path.glob("*.pid"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(Here(2).each(measured, [(command, tmp_path, number) for number in range(4)]))
    assert time.monotonic() - started < 20
    begun = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert len(begun) == 2
    assert not [pid for pid in begun if at_work(pid)]


def test_runs_side_by_side_share_the_cores_and_what_the_user_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ruleout.runs.here.cores", lambda: 8)
    command = script(tmp_path, "", value="os.environ.get('OMP_NUM_THREADS', -1)")
    asked = [(command, tmp_path, number) for number in range(2)]
    assert list(Here(2).each(measured, asked)) == [4.0, 4.0]
    assert list(Here(1).each(measured, asked)) == [-1.0, -1.0]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert list(Here(2).each(measured, asked)) == [3.0, 3.0]


def test_workers_are_a_number_or_an_address() -> None:
    assert [check_workers(given) for given in (None, 3, "2", "dask", "tcp://there:8786")] == [None, 3, 2, "dask", "tcp://there:8786"]
    assert (open_workers(2).n, open_workers(2).chosen) == (2, True)
    assert open_workers().n >= 1 and not open_workers().chosen
    for wrong in (0, "0", -1, "many", "spark://there:7077", True, 1.5):
        with pytest.raises(CaseError, match="tcp://host:8786"):
            check_workers(wrong)  # type: ignore[arg-type]
