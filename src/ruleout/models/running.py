"""One run of a command: in the case's folder, within a time, with its last words where it fails, and live where one wants to watch."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from ruleout.errors import CommandError
from ruleout.models.ending import end_group, on_leash, shared_cores

__all__ = ["TookTooLong", "run_line"]

LAST_LINES = 3
"""Lines of a failed command that its error shows."""


class TookTooLong(CommandError):
    """A command was ended because it took longer than it may: to run it once more would take as long again."""


def run_line(
    line: str,
    *,
    folder: Path,
    room: Path,
    where: str,
    timeout: float | None = None,
    surroundings: Mapping[str, str] | None = None,
    live: str = "",
) -> None:
    """Run a command line in a shell and wait for it; what it prints goes to `stdout.txt` and `stderr.txt`.

    Parameters
    ----------
    line
        Filled in and quoted.
    folder
        Where it runs.
    room
        Where the two files go.
    where
        What errors begin with: `case.toml [run] train = "…"`.
    timeout
        Seconds after which it is ended, with all that it started; None without limit.
    surroundings
        Environment variables that are set for it besides; a PATH among them takes the place of this process's.
    live
        What each line is marked with that is also shown on standard error while the command runs; "" shows none.

    Raises
    ------
    TookTooLong
        It took longer.
    CommandError
        It cannot be started, or ends with another exit code than 0; its last lines are shown.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, **shared_cores(), "PATH": path, **(surroundings or {})}
    with (room / "stdout.txt").open("wb") as out, (room / "stderr.txt").open("wb") as err:
        try:
            process = subprocess.Popen(
                line,
                shell=True,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if live else out,
                stderr=subprocess.PIPE if live else err,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"{where}: it cannot be started in {folder}: {error.strerror}.") from error
        readers = [_shown(pipe, file, live) for pipe, file in ((process.stdout, out), (process.stderr, err)) if pipe is not None]
        try:
            with on_leash(process):
                code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                # Late or interrupted: nothing that the command started outlives it.
                end_group(process)
                process.wait()
            for reader in readers:
                # What the command left running may hold the pipe open: it is not waited for.
                reader.join(1.0)
    if code is None:
        raise TookTooLong(f"{where}: it took longer than {timeout:g} seconds and was ended{_last_words(room)}.")
    if code:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise CommandError(f"{where}: it failed with {how}{_last_words(room)}.")


def _shown(pipe: IO[bytes], file: IO[bytes], mark: str) -> threading.Thread:
    """Copy a pipe line by line into a file and, marked, to standard error, until it ends."""

    def copy() -> None:
        with contextlib.suppress(ValueError, OSError), pipe:
            for line in pipe:
                file.write(line)
                file.flush()
                print(f"{mark} {line.decode('utf-8', 'replace').rstrip()}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def _last_words(room: Path) -> str:
    """The last lines that the command wrote to standard error, else to standard output, as the end of a sentence."""
    for name in ("stderr.txt", "stdout.txt"):
        lines = [line.strip() for line in (room / name).read_text("utf-8", "replace").splitlines() if line.strip()]
        if lines:
            return f"; its last words: {' | '.join(line[:300] for line in lines[-LAST_LINES:]).rstrip('.')}"
    return ""
