"""Content: what a result was made from, as a key. The same data, configuration, code, environment and seed give the same key."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["code_key", "command_key", "key_of", "surroundings"]

LARGEST_HASHED = 64 * 2**20
"""Of larger files the size and the time of the last change stand for the content."""

MOST_FILES = 5_000
"""So many files of code are looked at below one folder."""

CODE = (".py", ".sh", ".r", ".jl", ".sql", ".awk", ".pl", ".rb", ".js", ".ts", ".go", ".rs", ".c", ".h", ".cpp", ".java", ".scala")
LEFT_OUT = ("__pycache__", "node_modules", "site-packages", "venv", "env")


def key_of(*parts: Any) -> str:
    """Return the hash of what a result is made from, in this order; what is no JSON counts by its `repr`."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()[:40]


@cache
def surroundings() -> str:
    """Return the hash of what runs here: ruleout, Python, the machine's kind and every installed package with its version.

    Packages are told by the folders that say what is installed, not by their files: one that is changed in place stays the same.
    """
    from importlib.metadata import version

    installed = set()
    for folder in sys.path:
        if any(parent.name in ("site-packages", "dist-packages") for parent in Path(folder).parents):
            continue  # What a package put on the path for itself, as setuptools does once it is imported, is no other environment.
        with contextlib.suppress(OSError):
            installed |= {path.name for path in Path(folder).iterdir() if folder and path.suffix in (".dist-info", ".egg-info")}
    return key_of(version("ruleout"), sys.version, platform.machine(), sorted(installed))


def command_key(command: str, folder: Path, values: Iterable[str] = ()) -> str:
    """Return the hash of a command and of what it names: its folder, the code there and below, and files among its words and `values`."""
    digest = hashlib.sha256(json.dumps([command, str(folder.resolve())]).encode())
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    for path in sorted({folder / word for word in (*words, *values) if word} | set(_code_below(folder))):
        with contextlib.suppress(OSError, ValueError):
            if path.is_dir():
                if path.resolve() != folder.resolve():
                    for inside in sorted(p for p in path.rglob("*") if p.is_file()):
                        digest.update(_stamp(inside))
            elif path.is_file():
                digest.update(_stamp(path))
    return digest.hexdigest()[:40]


def code_key(folders: Iterable[Path], files: Iterable[Path] = ()) -> str:
    """Return the hash of the code in folders and below, and in single files."""
    digest = hashlib.sha256()
    for path in sorted({p for folder in folders for p in _code_below(folder)} | set(files)):
        with contextlib.suppress(OSError):
            digest.update(_stamp(path))
    return digest.hexdigest()[:40]


def _code_below(folder: Path) -> Iterator[Path]:
    n = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        for name in sorted(names):
            n += 1
            if n > MOST_FILES:
                return
            if name.lower().endswith(CODE):
                yield Path(where) / name


def _stamp(path: Path) -> bytes:
    found = path.stat()
    if found.st_size > LARGEST_HASHED:
        return f"{path.name} {found.st_size} {found.st_mtime_ns}".encode()
    return path.name.encode() + hashlib.sha256(path.read_bytes()).digest()
