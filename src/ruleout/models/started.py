"""A process of one's own: with pipes, a scratch folder and a file for its errors, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ruleout.models.ending import THREADS, end_group, on_leash

__all__ = ["Started"]

LAST_BYTES = 4096


class Started:
    """A process that is talked to over pipes, in a session and a scratch folder of its own, with one thread for each library.

    Parameters
    ----------
    command
        What is run.
    surroundings
        Its environment variables, given the scratch folder.
    prefix
        What the scratch folder's name begins with.
    """

    def __init__(self, command: Sequence[str], surroundings: Callable[[Path], Mapping[str, str]], *, prefix: str) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process and is closed with it
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._scratch.name,
            env={**surroundings(Path(self._scratch.name)), **dict.fromkeys(THREADS, "1")},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def to(self) -> BinaryIO:
        """What it reads."""
        return cast(BinaryIO, self._process.stdin)

    @property
    def by(self) -> BinaryIO:
        """What it writes."""
        return cast(BinaryIO, self._process.stdout)

    @property
    def said(self) -> int:
        """How many bytes it wrote to standard error; it shares the file's position, so the end is asked for and not sought."""
        return os.fstat(self._errors.fileno()).st_size

    @contextmanager
    def within(self, seconds: float) -> Iterator[threading.Event]:
        """End it after so many seconds, unless the block is left before; the event tells whether that happened."""
        late = threading.Event()

        def end() -> None:
            late.set()
            end_group(self._process)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            with on_leash(self._process):
                yield late
        finally:
            timer.cancel()

    def wait(self) -> int:
        """Wait for its end and return the exit code, negative for a signal."""
        return self._process.wait()

    def end(self) -> None:
        """Kill it, with all that it started, and wait."""
        end_group(self._process)
        self._process.wait()

    def last_words(self, since: int = 0) -> str:
        """The last line that the process, which has ended, wrote to standard error after `since` bytes, as the end of a sentence."""
        self._errors.seek(max(since, self.said - LAST_BYTES))
        lines = [line.strip() for line in self._errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return f"; its last words: {lines[-1][:200].rstrip('.')}" if lines else ""

    def close(self) -> None:
        """End it and forget all that it wrote."""
        end_group(self._process)
        for pipe in (self.to, self.by):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()
        self._errors.close()
        self._scratch.cleanup()
