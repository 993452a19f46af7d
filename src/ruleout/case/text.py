"""Small text files of a case, read whole: every way in which that fails is one sentence."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from ruleout.errors import CaseError, FieldError, nearest

__all__ = ["parse_json", "parse_toml", "parse_yaml", "present", "read_text", "seconds_of"]

LARGEST_BYTES = 64 * 2**20
"""A configuration, log or metrics file above this size is taken for a mistake."""


def present(path: Path, said: str) -> Path:
    """The path itself, where something lies there; else an error that says which file was meant.

    Parameters
    ----------
    path
        File or folder.
    said
        Where the path was given, as errors begin (`case.toml [current] model = "current/model.joblib"`).

    Raises
    ------
    FieldError
        Nothing lies there; the nearest name beside it is offered.
    """
    if path.exists():
        return path
    folder = path.parent
    if not folder.is_dir():
        raise FieldError(f"{said}: no folder {folder.name!r} there; give a path relative to the folder of the case, or take the field out.")
    beside = sorted(p.name for p in folder.iterdir())
    guess = nearest(path.name, beside)
    held = ", ".join(beside[:6]) + (", …" if len(beside) > 6 else "")
    raise FieldError(f"{said}: no such file.{guess} The folder holds {held or 'nothing'}; correct the path, or take the field out.")


def read_text(path: Path, said: str) -> str:
    """The text of a UTF-8 file, less a byte-order mark.

    Raises
    ------
    FieldError
        It is absent, a folder, empty, too large, unreadable or not UTF-8.
    """
    present(path, said)
    if path.is_dir():
        raise FieldError(f"{said}: is a folder, expected a file; name the file inside it.")
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise FieldError(f"{said}: {path.stat().st_size / 2**20:,.0f} MiB, expected at most {LARGEST_BYTES // 2**20}; is it a table?")
        raw = path.read_bytes()
    except OSError as error:
        raise FieldError(f"{said}: cannot be read ({error.strerror}); give the person who runs this the right to read it.") from error
    if not raw.strip():
        raise FieldError(f"{said}: the file is empty (0 characters); write it again, or take the field out.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        kind = "a binary file" if b"\0" in raw else f"not UTF-8 text (byte 0x{raw[error.start]:02x} in line {line})"
        raise FieldError(f"{said}: {kind}, expected UTF-8 text; save it as UTF-8, or name the right file.") from error


def parse_json(text: str, said: str) -> Any:
    """The value of a JSON text; NaN and Infinity are read as the numbers they name."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FieldError(f"{said}: not JSON at {where} ({error.msg}); mend that line, or write the file again.") from error
    except (RecursionError, ValueError) as error:
        raise FieldError(f"{said}: JSON nested too deeply, or with a number too long, to be read; write it shorter.") from error


def parse_toml(text: str, said: str, kind: type[CaseError] = FieldError) -> dict[str, Any]:
    """The table of a TOML text; `kind` is the error raised where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise kind(f"{said}: not TOML: {str(error)[:1].lower()}{str(error)[1:]}; mend that line (text stands in quotes).") from error


def parse_yaml(text: str, said: str) -> Any:
    """The value of a YAML text, plain data only.

    YAML 1.1 reads `1e-3` as text; configurations mean a number, so it is read as one (as YAML 1.2 does).
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped parent, as above
        """A safe loader with its own table of resolvers, so that nobody else's is changed."""

    number = re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    Loader.yaml_implicit_resolvers = {first: list(found) for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    for first in "-+.0123456789":
        Loader.yaml_implicit_resolvers.setdefault(first, []).insert(0, ("tag:yaml.org,2002:float", number))
    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2026-13-45 is a ValueError
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        why = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise FieldError(f"{said}: not plain YAML{where} ({why}); mend that line, plain values only.") from error


def seconds_of(value: Any) -> float | None:
    """A length of time in seconds: `90s`, `10m`, `1h30m`, or a number of seconds; None where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value < float("inf") else None
    if not isinstance(value, str):
        return None
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", value.strip().lower())
    seconds = sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0.0
    return seconds if seconds > 0 else None
