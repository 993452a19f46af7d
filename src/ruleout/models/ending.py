"""How processes are ended: each with all that it started, and those of one piece of work together when the work is broken off."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["THREADS", "Leash", "end_group", "on_leash", "shared_cores"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What tells the arithmetic libraries of a process how many threads they may use."""


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that still runs, with everything that was started in its session."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


class Leash:
    """Holds the processes that other threads wait for, so that one pull ends them all, and those that are still to come.

    Parameters
    ----------
    n_threads
        How many threads each of them may use for arithmetic; None where they need not share the cores.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads
        self._lock = threading.Lock()
        self._held: set[subprocess.Popen[bytes]] = set()
        self.pulled = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Put what this thread waits for within the block on the leash."""
        token = _LEASH.set(self)
        try:
            yield
        finally:
            _LEASH.reset(token)

    def pull(self) -> None:
        """End every process on the leash, and from now on each that is put on it."""
        with self._lock:
            self.pulled = True
            for process in self._held:
                end_group(process)

    def _hold(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._held.add(process)
            if self.pulled:
                end_group(process)

    def _release(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._held.discard(process)


_LEASH: ContextVar[Leash | None] = ContextVar("leash", default=None)


@contextmanager
def on_leash(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Keep a process, while it is waited for, on the leash of this thread, where it has one."""
    leash = _LEASH.get()
    if leash is None:
        yield
        return
    leash._hold(process)
    try:
        yield
    finally:
        leash._release(process)


def shared_cores() -> dict[str, str]:
    """Environment variables by which a command that runs beside others leaves them their cores; those that the user has set stay."""
    leash = _LEASH.get()
    if leash is None or leash.n_threads is None:
        return {}
    return {name: str(leash.n_threads) for name in THREADS if name not in os.environ}
