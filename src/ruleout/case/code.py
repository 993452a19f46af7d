"""The code of a side: read, compared, and never run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruleout.case.text import present
from ruleout.errors import FieldError

__all__ = ["Code", "read_code"]

LARGEST_FILE_BYTES = 2**20
LARGEST_TOTAL_BYTES = 16 * 2**20
NO_CODE = frozenset(
    {".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow", ".joblib", ".pkl", ".pickle", ".lock", ".log", ".svg", ".pyc"}
)


@dataclass(frozen=True)
class Code:
    """The training or feature code of a side, read and never run: text by file name."""

    files: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None


def read_code(path: Path, said: str) -> Code:
    """The text files of a file or folder, by their names relative to it.

    In a folder, hidden and cached folders, data, binaries and files above 1 MiB are passed over.

    Raises
    ------
    FieldError
        Nothing lies there, it holds no text, or it is too large to be code.
    """
    present(path, said)
    if path.is_file():
        text = _text(path)
        if text is None:
            raise FieldError(
                f"{said}: a binary file or one above {LARGEST_FILE_BYTES // 2**20} MiB, expected source text; name the source file."
            )
        return Code({path.name: text}, path)
    files: dict[str, str] = {}
    total = 0
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if (
            not file.is_file()
            or file.suffix.lower() in NO_CODE
            or any(p.startswith(".") or p in {"__pycache__", "node_modules"} for p in parts)
        ):
            continue
        text = _text(file)
        if text is None:
            continue
        total += len(text)
        if total > LARGEST_TOTAL_BYTES:
            limit = LARGEST_TOTAL_BYTES // 2**20
            raise FieldError(f"{said}: more than {limit} MiB of text, expected the training or feature code alone; name a smaller folder.")
        files["/".join(parts)] = text
    if not files:
        raise FieldError(f"{said}: the folder holds no source text, expected .py, .sql or the like; name the folder of the code.")
    return Code(files, path)


def _text(path: Path) -> str | None:
    """A file's text with Unix line ends; None where it is no text or too large."""
    if path.stat().st_size > LARGEST_FILE_BYTES:
        return None
    raw = path.read_bytes()
    if b"\0" in raw:
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n")
