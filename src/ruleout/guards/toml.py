"""Guard files: one TOML file a guard, written and read again without loss."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruleout.errors import nearest
from ruleout.guards.checks import NAMES
from ruleout.guards.guard import Guard
from ruleout.guards.subject import GuardError

__all__ = ["read_guards", "to_toml", "write_guards"]

FIELDS = ("cause", "place", "check", "subject", "parameters", "message")
NULL = {"null": True}


def to_toml(guard: Guard) -> str:
    """A guard as the text of its file. TOML has no null: it is written `{ null = true }`."""
    import tomli_w

    body = {name: getattr(guard, name) for name in FIELDS if name != "parameters"} | {"parameters": _out(guard.parameters)}
    return tomli_w.dumps({"guard": body})


def write_guards(guards: Iterable[Guard], folder: Path) -> tuple[Path, ...]:
    """Write each guard to a file of its own under `folder`, named after its cause and place; return the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for guard in guards:
        stem = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{guard.cause}-{guard.place}")
        path, again = folder / f"{stem}.toml", 2
        while path in written:
            path, again = folder / f"{stem}-{again}.toml", again + 1
        path.write_text(to_toml(guard), encoding="utf-8")
        written.append(path)
    return tuple(written)


def read_guards(path: Path) -> tuple[Guard, ...]:
    """The guard of one file, or of every `.toml` file of a folder in the order of their names.

    Raises
    ------
    GuardError
        A file cannot be read, or a field is missing, unknown or of the wrong type.
    """
    if path.is_dir():
        return tuple(guard for file in sorted(path.glob("*.toml")) for guard in read_guards(file))
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise GuardError(f"{path}: cannot be read as a guard file ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise GuardError(f"{path}: is not TOML ({error}); a guard file holds one [guard] table.") from error
    body = data.get("guard")
    if not isinstance(body, dict):
        raise GuardError(f"{path}: has no [guard] table; a guard file holds one with the fields {', '.join(FIELDS)}.")
    return (_guard(path, body),)


def _guard(path: Path, body: Mapping[str, Any]) -> Guard:
    for name in body:
        if name not in FIELDS:
            raise GuardError(f'{path} [guard]: unknown field "{name}"; expected {", ".join(FIELDS)}.{nearest(name, FIELDS)}')
    for name in ("cause", "place", "check", "subject", "message"):
        if not isinstance(body.get(name, "" if name == "message" else None), str):
            raise GuardError(f"{path} [guard] {name} = {body.get(name)!r}: expected text.")
    if body["check"] not in NAMES:
        raise GuardError(f'{path} [guard] check = "{body["check"]}": not one of the {len(NAMES)} checks.{nearest(body["check"], NAMES)}')
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise GuardError(f"{path} [guard] parameters = {parameters!r}: expected a table.")
    return Guard(body["cause"], body["place"], body["check"], body["subject"], _in(parameters), body.get("message", ""))


def _out(value: Any) -> Any:
    if value is None:
        return dict(NULL)
    if isinstance(value, Mapping):
        if value == NULL:
            raise GuardError("guard: a parameter that is the table { null = true } cannot be told from null.")
        return {str(k): _out(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_out(v) for v in value]
    return value.item() if hasattr(value, "item") else value


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        return None if value == NULL else {k: _in(v) for k, v in value.items()}
    return [_in(v) for v in value] if isinstance(value, list) else value
