"""What a user has in memory, as the field of a side that it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruleout.case.code import Code, read_code
from ruleout.case.config import check_metrics, read_config, read_metrics
from ruleout.case.environment import Environment, environment_from, parse_requirements, read_environment
from ruleout.case.history import history_table, read_history
from ruleout.case.runlog import check_runlog, read_runlog
from ruleout.case.text import present
from ruleout.errors import FieldError, TableError
from ruleout.models.artifact import Artifact
from ruleout.tables.addresses import Location, is_address, shown_address
from ruleout.tables.table import Table

__all__ = ["given_field", "read_field", "tables"]

tables = ("train", "validation", "serving")
"""The fields of a side that hold tables of rows, as against the history."""


def read_field(name: str, path: Location, said: str, *, trust: bool = False) -> Any:
    """One field of a side, from the file or folder it lies in.

    Parameters
    ----------
    name
        Field of a side: `train`, `model`, `config`, …
    path
        File or folder; for a table it may be a glob, or an address as text.
    said
        Where the path was given, as errors begin.
    trust
        The caller lets an artifact run code on loading.

    Raises
    ------
    FieldError, TableError
        The file is absent, or not what the field holds.
    """
    if name in tables:
        return _read_table(name, path, said)
    path = Path(path)
    if name == "model":
        return Artifact(path=present(path, said), trusted=trust)
    readers = {
        "config": read_config,
        "metrics": read_metrics,
        "environment": read_environment,
        "runlog": read_runlog,
        "history": read_history,
        "code": read_code,
    }
    return readers[name](path, said)


def given_field(name: str, value: Any) -> Any:
    """The field's own type, from whatever was given for it in memory; a value that is already of that type is returned as it is.

    Raises
    ------
    FieldError, TableError
        The value cannot be what the field holds.
    """
    said = f"Side({name}=…)"
    if value is None or (isinstance(value, Table | Artifact | Environment | Code) and _fits(name, value)):
        return value.named(name) if isinstance(value, Table) and value.name != name else value
    if isinstance(value, Table | Artifact | Environment | Code):
        raise FieldError(f"{said}: {type(value).__name__} given, expected {_EXPECTED[name]}; move it to its own field.")
    if isinstance(value, Path) or (isinstance(value, str) and not _is_text(name, value)):
        place = value if isinstance(value, str) and is_address(value) and name in tables else Path(value)
        return read_field(name, place, f"Side({name}={(shown_address(place) if isinstance(place, str) else str(value))!r})")
    return _in_memory(name, value, said)


def _in_memory(name: str, value: Any, said: str) -> Any:
    if name in tables:
        return _frame(name, value, said)
    if name == "model":
        return _estimator(value, said)
    if name == "environment":
        if isinstance(value, str):
            return parse_requirements(value, said)
        return environment_from(value if isinstance(value, Mapping) else _list(name, value, said), said)
    if name == "runlog":
        return (
            value if isinstance(value, tuple) and all(isinstance(v, dict) for v in value) else check_runlog(_list(name, value, said), said)
        )
    if name == "history":
        columns = getattr(value, "history", value)
        if isinstance(columns, Mapping | list | tuple):
            return history_table(columns, said)
        return _frame(name, value, said)
    if name == "code":
        if isinstance(value, str):
            return Code({"code.py": value})
        if isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values()):
            return Code(dict(value))
    elif isinstance(value, Mapping):
        return value if name == "config" else check_metrics(value, said)
    raise FieldError(f"{said}: {type(value).__name__} given, expected {_EXPECTED[name]}; give it as such.")


_EXPECTED = {
    **dict.fromkeys(tables, "a data frame, a Table or a path"),
    "model": "a fitted estimator, an Artifact or a path",
    "config": 'a mapping like {"learning_rate": 0.1} or a path',
    "history": "a data frame, columns by name or a path",
    "metrics": 'a mapping like {"accuracy": 0.88} or a path',
    "environment": 'a mapping like {"numpy": "2.4.0"}, requirement lines or a path',
    "runlog": 'a list of mappings like {"stage": "join", "rows_out": 100} or a path',
    "code": "source text, texts by file name or a path",
}


def _fits(name: str, value: Any) -> bool:
    kinds = {"model": Artifact, "environment": Environment, "code": Code}
    return isinstance(value, kinds.get(name, Table)) and name not in {"config", "metrics", "runlog"}


def _is_text(name: str, value: str) -> bool:
    """Say whether a string is the content itself and not a path to it."""
    return (name == "code" and "\n" in value) or (name == "environment" and ("\n" in value or "==" in value))


def _frame(name: str, value: Any, said: str) -> Table:
    from ruleout.tables.frames import as_table

    try:
        return as_table(value, name=name)
    except TableError as error:
        raise TableError(f"{said}: {error}") from error


def _estimator(value: Any, said: str) -> Artifact:
    if not hasattr(value, "predict"):
        kind = value.__name__ if isinstance(value, type) else type(value).__name__
        raise FieldError(f"{said}: {kind} given, which has no predict; give {_EXPECTED['model']}.")
    return Artifact(estimator=value, trusted=True)


def _list(name: str, value: Any, said: str) -> list[Any]:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(value)
    raise FieldError(f"{said}: {type(value).__name__} given, expected {_EXPECTED[name]}; give it as such.")


def _read_table(name: str, path: Location, said: str) -> Table:
    from ruleout.tables.read import read_table

    if isinstance(path, Path) and not any(sign in str(path) for sign in "*?["):
        present(path, said)
    try:
        return read_table(path, name=name)
    except TableError as error:
        place = shown_address(path) if isinstance(path, str) else path
        text = str(error).removeprefix(f"{place}: ").removeprefix(f"{place} ")
        raise TableError(f"{said}: {text}") from error
