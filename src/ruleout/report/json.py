"""The public JSON: strict, so that every reader can read it, whatever the figures hold."""

from __future__ import annotations

import datetime
import json
import math
import os
import tempfile
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Answer", "strict", "to_json", "write_text"]


class Answer(Protocol):
    """What has a public JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as dictionaries and lists."""
        ...


def to_json(answer: Answer) -> str:
    """Write a conclusion, or a comparison, as JSON (RFC 8259): no NaN, no infinity, no lone surrogate, two blanks of indent."""
    text = json.dumps(strict(answer.to_dict()), ensure_ascii=False, allow_nan=False, indent=2)
    # A lone surrogate (an undecodable byte in a file name) has no UTF-8; its escape is what JSON has for it.
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def strict(value: Any) -> Any:
    """Return `value` made of nothing but JSON's own types.

    NaN, infinity and missing times become null; numpy scalars and arrays become numbers and lists; times their ISO form; keys
    text; whatever else there is, its text.
    """
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [strict(entry) for entry in value]
    if isinstance(value, AbstractSet):
        return sorted((strict(entry) for entry in value), key=str)
    if isinstance(value, datetime.date | datetime.time):
        # A missing time (pandas' NaT) is a datetime that is not even equal to itself.
        return value.isoformat() if value == value else None  # noqa: PLR0124 - the very test for a missing value
    if hasattr(value, "tolist"):
        plain = value.tolist()
        return strict(plain) if type(plain) is not type(value) else str(value)
    return None if type(value).__name__ in {"NAType", "NaTType"} else str(value)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: into a neighbour first, which then takes its place.

    A link is followed; what is no regular file (a pipe, a terminal) is written to as it is. Raises `OSError`.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    said = strict(key)
    return said if isinstance(said, str) else json.dumps(said)


def _umask() -> int:
    """The process's mask for new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
