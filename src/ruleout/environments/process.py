"""A process that lives in an installed environment and is asked about artifacts; it may die or hang without harm to this one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ruleout.environments.stored import Installation
from ruleout.errors import ModelError
from ruleout.models.child import Limits

__all__ = ["Inhabitant"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
INSIDE = Path(__file__).with_name("inside.py")
DRAWN_IN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX")
"""Surroundings that would bring packages of another environment in."""


class Inhabitant:
    """One process in one environment; it is started when it is first asked.

    Parameters
    ----------
    installation
        The environment.
    limits
        What the process may use.
    """

    def __init__(self, installation: Installation, limits: Limits | None = None) -> None:
        self.installation = installation
        self.limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._errors: IO[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, request: Mapping[str, Any], payloads: Sequence[bytes] = (), *, name: str = "model") -> tuple[dict[str, Any], list[bytes]]:
        """Put a question and return its answer.

        Raises
        ------
        ModelError
            The process says what is wrong, dies, takes too long, or answers what is no answer.
        """
        with self._lock:
            process = self._started()
            late = threading.Event()

            def end() -> None:
                late.set()
                _end(process)

            timer = threading.Timer(self.limits.seconds, end)
            timer.daemon = True
            timer.start()
            try:
                answer, parts = _exchanged(process, request, payloads)
            except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                _end(process)
                process.wait()
                what = f"took longer than {self.limits.seconds:g} seconds" if late.is_set() else "ended its process"
                said = self._last_words()
                self._closed()
                raise ModelError(f"{name}: {request['do']} in the installed environment {what}{said}.") from error
            except BaseException:
                # Interrupted half-way the pipes are out of step: only a new process can answer again.
                self._closed()
                raise
            finally:
                timer.cancel()
        if "error" in answer:
            raise ModelError(f"{name}: {str(answer['error']).rstrip('.')}.")
        return answer, parts

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._closed()
        self._scratch = tempfile.TemporaryDirectory(prefix="ruleout-inside-", ignore_cleanup_errors=True)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process and is closed with it
        surroundings = {k: v for k, v in os.environ.items() if k not in DRAWN_IN} | dict.fromkeys(THREADS, "1")
        command = [str(self.installation.python), "-s", str(INSIDE), str(self.limits.bytes_of_memory())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._scratch.name,
            env=surroundings,
            start_new_session=True,
        )
        return self._process

    def _closed(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(max(0, os.fstat(self._errors.fileno()).st_size - 4096))
        lines = [line.strip() for line in self._errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return f"; its last words: {lines[-1][:200].rstrip('.')}" if lines else ""


def _exchanged(
    process: subprocess.Popen[bytes], request: Mapping[str, Any], payloads: Sequence[bytes]
) -> tuple[dict[str, Any], list[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps({**request, "payloads": [len(p) for p in payloads]}).encode() + b"\n")
    for payload in payloads:
        process.stdin.write(payload)
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    answer = json.loads(line)
    parts = []
    for length in answer.pop("payloads"):
        part = process.stdout.read(int(length))
        if len(part) < int(length):
            raise EOFError
        parts.append(part)
    return answer, parts


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
