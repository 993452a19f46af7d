"""A process that lives in an installed environment and is asked about artifacts; it may die or hang without harm to this one."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruleout.environments.stored import Installation
from ruleout.errors import ModelError
from ruleout.models import sandbox
from ruleout.models.child import Limits
from ruleout.models.started import Started

__all__ = ["Inhabitant"]

INSIDE = Path(__file__).with_name("inside.py")
SANDBOX = Path(sandbox.__file__)
"""Takes the network away before anything of the environment is imported."""
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
        self._process: Started | None = None
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
            with process.within(self.limits.seconds) as late:
                try:
                    answer, parts = _exchanged(process, request, payloads)
                except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                    process.end()
                    what = f"took longer than {self.limits.seconds:g} seconds" if late.is_set() else "ended its process"
                    said = process.last_words()
                    self._closed()
                    raise ModelError(f"{name}: {request['do']} in the installed environment {what}{said}.") from error
                except BaseException:
                    # Interrupted half-way the pipes are out of step: only a new process can answer again.
                    self._closed()
                    raise
        if "error" in answer:
            raise ModelError(f"{name}: {str(answer['error']).rstrip('.')}.")
        return answer, parts

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed()

    def _started(self) -> Started:
        if self._process is not None and self._process.alive:
            return self._process
        self._closed()
        limit = str(self.limits.bytes_of_memory())
        command = [str(self.installation.python), "-s", str(SANDBOX), limit, str(INSIDE), limit]
        surroundings = {k: v for k, v in os.environ.items() if k not in DRAWN_IN}
        self._process = Started(command, lambda _: surroundings, prefix="ruleout-inside-")
        return self._process

    def _closed(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()


def _exchanged(process: Started, request: Mapping[str, Any], payloads: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    process.to.write(json.dumps({**request, "payloads": [len(p) for p in payloads]}).encode() + b"\n")
    for payload in payloads:
        process.to.write(payload)
    process.to.flush()
    line = process.by.readline()
    if not line:
        raise EOFError
    answer = json.loads(line)
    parts = []
    for length in answer.pop("payloads"):
        part = process.by.read(int(length))
        if len(part) < int(length):
            raise EOFError
        parts.append(part)
    return answer, parts
