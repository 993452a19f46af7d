"""What a command costs as a whole process with its children: wall clock, CPU, peak memory; stopped where it goes beyond a limit.

Standard library alone, and small: a child's peak memory, as the system counts it, begins at that of the process which started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["done", "too long", "too much memory", "failed"]
LOOK_EVERY = 0.5


@dataclass(frozen=True)
class Limits:
    """When a command is stopped: CPU seconds, four times as many of wall clock, or MB (10^6 bytes) of memory."""

    seconds: float = 300.0
    megabytes: float = 12_000.0


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Parameters
    ----------
    status
        Whether it ended by itself, and well.
    wall, cpu
        Seconds; CPU is user and system time of the process and of those children that it waited for. Of a command that was stopped: so far.
    megabytes
        Peak memory, in 10^6 bytes: the resident set of one process, or the sum over several, with shared pages counted once.
    exit_code
        What it answered; negative for a signal.
    words
        The last line that it wrote to standard error, where it failed.
    """

    status: Status
    wall: float
    cpu: float
    megabytes: float
    exit_code: int
    words: str = ""


def measured(
    command: Sequence[str],
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
    good: Sequence[int] = (0,),
    output: Path | None = None,
) -> Cost:
    """Run a command to its end, or to a limit, and say what it took.

    Parameters
    ----------
    environment
        What is added to the environment.
    good
        Exit codes that are no failure.
    output
        Where what it writes goes; by default nowhere.
    """
    limits = limits or Limits()
    stopped: Status | None = None
    most = 0.0
    begun = time.monotonic()
    with (output or Path(os.devnull)).open("wb") as written:
        added = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, env=added, start_new_session=True)
        looked = begun
        while True:
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.02)
            now = time.monotonic()
            if now - looked >= LOOK_EVERY:
                looked = now
                cpu, held = used_by_session(process.pid)
                most = max(most, held)
                late = cpu > limits.seconds or now - begun > 4 * limits.seconds
                if stopped is None and (late or most > limits.megabytes):
                    stopped = "too long" if late else "too much memory"
                    _end(process.pid)
        wall = time.monotonic() - begun
        process.returncode = exit_code = os.waitstatus_to_exitcode(code)
        _end(process.pid)  # what it left behind
    own = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    status: Status = stopped or ("done" if exit_code in good else "failed")
    words = last_line(output) if status == "failed" and output is not None else ""
    return Cost(status, wall, usage.ru_utime + usage.ru_stime, max(own, most), exit_code, words)


def used_by_session(leader: int) -> tuple[float, float]:
    """CPU seconds so far and MB held now by a process and its descendants (Linux; 0 and 0 elsewhere)."""
    seconds = megabytes = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError, StopIteration):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[3]) != leader:
                continue
            # Times of the process, and of those of its children that have ended.
            seconds += sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")
            lines = (entry.parent / "smaps_rollup").read_text().splitlines()
            megabytes += int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) * 1024 / 1e6
    return seconds, megabytes


def last_line(path: Path) -> str:
    """The last line of a log that says something, cut at 200 characters."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _end(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
