"""The run log: what each stage of the pipeline said of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruleout.case.text import parse_json, read_text
from ruleout.errors import FieldError

__all__ = ["check_runlog", "read_runlog"]


def read_runlog(path: Path, said: str) -> tuple[dict[str, Any], ...]:
    """One mapping per stage, in the order in which they ran, from JSON lines (or a JSON list, where the file is `.json`).

    Raises
    ------
    FieldError
        A line is not a JSON object; the line's number is given.
    """
    text = read_text(path, said)
    if path.suffix.lower() == ".json" and text.lstrip().startswith("["):
        return check_runlog(parse_json(text, said), said)
    stages: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        stages.append(_stage(_line(line, f"{said} line {number}"), f"{said} line {number}"))
    return tuple(stages)


def check_runlog(value: Iterable[Any], said: str) -> tuple[dict[str, Any], ...]:
    """The stages themselves, where each is a mapping."""
    return tuple(_stage(item, f"{said} entry {number}") for number, item in enumerate(value, start=1))


def _line(line: str, said: str) -> Any:
    try:
        return parse_json(line, said)
    except FieldError as error:
        raise FieldError(f"{said}: {line.strip()[:60]!r} is not JSON, expected one object a line; mend or remove that line.") from error


def _stage(value: Any, said: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise FieldError(f'{said}: {value!r:.60} given, expected an object like {{"stage": "join", "rows_out": 100}}; mend or remove it.')
    return {str(key): item for key, item in value.items()}
