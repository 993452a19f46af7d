"""Configurations and reported metrics: files that hold names and values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruleout.case.text import parse_json, parse_toml, parse_yaml, read_text
from ruleout.errors import FieldError

__all__ = ["check_metrics", "read_config", "read_metrics"]


def read_config(path: Path, said: str) -> dict[str, Any]:
    """The training configuration in a JSON, TOML or YAML file, as a mapping.

    Raises
    ------
    FieldError
        It cannot be read, is of another format, or holds something else than names and values.
    """
    suffix = path.suffix.lower()
    if suffix not in {".json", ".toml", ".yaml", ".yml"}:
        raise FieldError(
            f"{said}: {suffix or 'a file without suffix'} given, expected .json, .toml, .yaml or .yml; save it as one of these."
        )
    text = read_text(path, said)
    value: Any
    if suffix == ".json":
        value = parse_json(text, said)
    elif suffix == ".toml":
        value = parse_toml(text, said)
    else:
        value = parse_yaml(text, said)
    if not isinstance(value, dict):
        raise FieldError(
            f'{said}: holds {_kind(value)}, expected names and values like {{"learning_rate": 0.1}}; wrap it in such a mapping.'
        )
    return {str(key): item for key, item in value.items()}


def read_metrics(path: Path, said: str) -> dict[str, Any]:
    """The metrics as the pipeline reported them; null and NaN are kept, for they are evidence."""
    return check_metrics(parse_json(read_text(path, said), said), said)


def check_metrics(value: Any, said: str) -> dict[str, Any]:
    """The mapping itself, where it is one from names to values."""
    if not isinstance(value, Mapping):
        raise FieldError(f'{said}: holds {_kind(value)}, expected names and values like {{"accuracy": 0.88}}; wrap it in such a mapping.')
    return {str(key): item for key, item in value.items()}


def _kind(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return "text"
    return f"{type(value).__name__} {value!r:.40}"
