"""Traces: what a run leaves in the folder where it was made, for runs that write to the same files cannot be made side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["changed_file", "traces"]

MOST_FILES = 5_000
"""So many files are looked at below a folder."""

Traces = Mapping[str, tuple[int, int]]
"""Size and time of the last change, by path."""


def traces(folder: Path) -> Traces | None:
    """The files below a folder as they are now, hidden folders and Python's caches left out; None where there are too many."""
    found: dict[str, tuple[int, int]] = {}
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            try:
                held = Path(where, name).stat()
            except OSError:  # gone already, or a link to nowhere
                continue
            found[os.path.relpath(Path(where, name), folder)] = (held.st_size, held.st_mtime_ns)
            if len(found) > MOST_FILES:
                return None
    return found


def changed_file(before: Traces | None, after: Traces | None) -> str | None:
    """A file that was written, changed or taken away in between, "" where none was; None where that cannot be told."""
    if before is None or after is None:
        return None
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return changed[0] if changed else ""
