"""The section `[run]`: how the work is done again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ruleout.case.case import Run
from ruleout.case.fields import as_toml, unknown_field
from ruleout.case.text import seconds_of
from ruleout.errors import FieldError, nearest

__all__ = ["read_run"]

RUN_FIELDS = tuple(entry.name for entry in fields(Run))
PLACEHOLDERS = ("train", "config", "model", "data", "predictions", "seed")
MOST_RETRIES = 10


def read_run(section: Mapping[str, Any], factors: Mapping[str, Any], file: str) -> Run:
    """The commands of a case, checked and not run.

    Parameters
    ----------
    section
        What stands under `[run]`.
    factors
        The case's factors: `measure` has a placeholder for each.
    file
        As errors begin.

    Raises
    ------
    FieldError
        A name is unknown, a command is no text or has a placeholder that nothing fills in, or there are factors and no `measure`.
    """
    found: dict[str, Any] = {}
    for name, value in section.items():
        if name not in RUN_FIELDS:
            raise unknown_field(name, f"{file} [run]", RUN_FIELDS)
        said = f"{file} [run] {name} = {as_toml(value)}"
        if name == "timeout":
            found[name] = _seconds(value, said)
        elif name == "retries":
            found[name] = _retries(value, said)
        else:
            found[name] = _command(name, value, (*factors, "seed") if name == "measure" else PLACEHOLDERS, said)
    if factors and not found.get("measure"):
        raise FieldError(f'{file} [factors]: no command that measures with them; add [run] measure = "python run.py … --seed {{seed}}".')
    return Run(**found)


def _command(name: str, value: Any, known: tuple[str, ...], said: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FieldError(f'{said}: expected a command line in quotes; write {name} = "python {name}.py …".')
    for placeholder in re.findall(r"(?<![${])\{([A-Za-z_]\w*)\}(?!\})", value):
        if placeholder not in known:
            filled = ", ".join("{" + entry + "}" for entry in known)
            raise FieldError(f"{said}: nothing fills in {{{placeholder}}}.{nearest(placeholder, known)} Use {filled}.")
    return value


def _seconds(value: Any, said: str) -> float:
    seconds = seconds_of(value)
    if seconds is None:
        raise FieldError(f'{said}: expected a length of time; write timeout = "30m", or seconds without quotes.')
    return seconds


def _retries(value: Any, said: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_RETRIES:
        raise FieldError(f"{said}: expected a whole number from 0 to {MOST_RETRIES}; write retries = 1.")
    return value
