"""A local store of measurements, by content: an interrupted investigation goes on where it was, and no run is made twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Store", "content_key", "default_place"]

LARGEST_HASHED = 64 * 2**20
"""Of larger files the size and the time of the last change stand for the content."""

CODE = (".py", ".sh", ".r", ".jl", ".sql")


def default_place() -> Path:
    """Where measurements are kept: `$XDG_CACHE_HOME/ruleout/measurements`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ruleout" / "measurements"


class Store:
    """Metrics by key, one file a case, a line a measurement, so that what was written before a kill is whole.

    Parameters
    ----------
    place
        The folder; it is made when the first measurement is kept. A place that cannot be written to keeps nothing.
    name
        Names the file: the key of everything that all runs of a case share.
    """

    def __init__(self, place: Path, name: str) -> None:
        self.path = place / f"{name}.jsonl"
        self._held: dict[str, tuple[float, float]] = {}
        if self.path.is_file():
            for line in self.path.read_text("utf-8", "replace").splitlines():
                # The last line of a killed investigation may be cut: what cannot be read was not kept.
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    self._held[str(entry["key"])] = float(entry["metric"]), float(entry["seconds"])

    def get(self, key: str) -> tuple[float, float] | None:
        """The metric and the seconds that its run took; None where it is not held."""
        return self._held.get(key)

    def put(self, key: str, metric: float, seconds: float) -> None:
        """Keep a measurement."""
        self._held[key] = metric, seconds
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "metric": metric, "seconds": round(seconds, 3)}) + "\n")


def content_key(command: str, folder: Path, factors: Mapping[str, tuple[str, str]]) -> str:
    """A hash of all that the runs of a case share: command, factors, folder, its code, and the files that they name."""
    digest = hashlib.sha256(json.dumps([command, {k: list(v) for k, v in factors.items()}, str(folder.resolve())]).encode())
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    named = {folder / word for word in (*words, *(value for pair in factors.values() for value in pair)) if word}
    named |= {path for path in folder.iterdir() if path.suffix.lower() in CODE} if folder.is_dir() else set()
    for path in sorted(named):
        with contextlib.suppress(OSError, ValueError):
            if path.is_dir():
                if path.resolve() != folder.resolve():
                    for inside in sorted(p for p in path.rglob("*") if p.is_file()):
                        digest.update(_stamp(inside))
            elif path.is_file():
                digest.update(_stamp(path))
    return digest.hexdigest()[:32]


def _stamp(path: Path) -> bytes:
    found = path.stat()
    if found.st_size > LARGEST_HASHED:
        return f"{path.name} {found.st_size} {found.st_mtime_ns}".encode()
    return path.name.encode() + hashlib.sha256(path.read_bytes()).digest()
