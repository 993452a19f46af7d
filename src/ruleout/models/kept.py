"""What models made, as bytes that a store keeps: answers without any pickle, artifacts file by file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruleout.models import wire
from ruleout.models.model import Prediction

__all__ = ["LARGEST_ARTIFACT", "artifact_bytes", "artifact_from", "prediction_bytes", "prediction_from"]

LARGEST_ARTIFACT = 256 * 2**20
"""Larger artifacts are not kept, but trained again."""


def prediction_bytes(answer: Prediction, said: Mapping[str, Any] | None = None) -> bytes:
    """Return answers, and what is `said` of them, as one frame of the protocol that child processes speak."""
    header, payloads = wire.pack_prediction(answer)
    out = io.BytesIO()
    wire.send(out, {"answer": header, "said": dict(said or {})}, payloads)
    return out.getvalue()


def prediction_from(held: bytes | None, n_rows: int) -> tuple[Prediction, dict[str, Any]] | None:
    """The answers that `prediction_bytes` wrote and what was said of them; None where they are none, or not of so many rows."""
    if held is None:
        return None
    try:
        header, payloads = wire.receive(io.BytesIO(held))
        answer, said = wire.unpack_prediction(header["answer"], payloads), dict(header["said"])
    except (EOFError, wire.BrokenFrameError, KeyError, TypeError, ValueError):
        return None
    fits = answer.prediction.shape == (n_rows,) and (answer.score is None or len(answer.score) == n_rows)
    return (answer, said) if fits else None


def artifact_bytes(path: Path) -> bytes | None:
    """Return a file or folder as bytes; None where it is too large to be kept."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if sum(file.stat().st_size for file in files) > LARGEST_ARTIFACT:
        return None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, "it" if file == path else f"in/{file.relative_to(path).as_posix()}")
    return out.getvalue()


def artifact_from(held: bytes | None, path: Path) -> bool:
    """Write what `artifact_bytes` returned to `path`; False where it is none."""
    if held is None:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(held)) as archive:
            if archive.namelist() == ["it"]:
                path.write_bytes(archive.read("it"))
                return True
            archive.extractall(path.parent / "kept")  # the module leaves out what would lie outside the folder
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    inside = path.parent / "kept" / "in"
    if not inside.is_dir():
        return False
    inside.rename(path)
    return True
