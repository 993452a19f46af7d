"""Zip archives, looked into without unpacking them: several formats are one, and differ by what they hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["ZIP", "held_text", "names_in"]

ZIP = b"PK\x03\x04"


def names_in(path: Path) -> tuple[str, ...]:
    """The names of what an archive holds; () where it is no archive or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return ()


def held_text(path: Path, ending: str, limit: int = 64) -> str:
    """The beginning of the first entry whose name ends so, as text; "" where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((n for n in archive.namelist() if n.endswith(ending)), None)
            if name is None:
                return ""
            with archive.open(name) as entry:
                return entry.read(limit).decode("utf-8", "replace").strip()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return ""
