"""The fields of `[case]`: what each may hold, whoever gave it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ruleout.errors import FieldError, nearest
from ruleout.tables.engines import check_address

__all__ = ["CASE_FIELDS", "Places", "check_fields", "given", "unknown_field"]

Places = Mapping[str, str]
"""Where each field was given, as errors begin: `{"target": "case.toml [case] "}`; a field that is absent was a keyword or flag."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "changed": ("retraining", "deployment", "upgrade", "unknown"),
    "task": ("classification", "regression"),
    "direction": ("higher", "lower"),
}
COLUMNS = ("target", "time", "entity", "key")
TEXTS = ("title", "symptom", "metric", *COLUMNS)
CASE_FIELDS = (
    "title",
    "symptom",
    "changed",
    "task",
    "target",
    "metric",
    "direction",
    "min_effect",
    "positive",
    "time",
    "entity",
    "key",
    "ignore",
    "engine",
)


def given(places: Places, name: str, value: Any) -> str:
    """The place and value of a field, as errors begin: `case.toml [case] target = "defaultd"`."""
    return f"{places.get(name, '')}{name} = {as_toml(value)}"


def as_toml(value: Any) -> str:
    """A value as one would write it in TOML, cut where it is long."""
    if isinstance(value, tuple):
        value = list(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= 120 else text[:119] + "…"


def check_fields(values: Mapping[str, Any], places: Places) -> None:
    """Raise `FieldError` where a field of `[case]` holds what it cannot hold; None stands for a field that nobody gave."""
    for name, value in values.items():
        if value is None:
            continue
        said = given(places, name, value)
        if name in TEXTS:
            _check_text(name, value, said)
        elif name in CHOICES:
            if value not in CHOICES[name] or not isinstance(value, str):
                choices = ", ".join(CHOICES[name][:-1]) + " or " + CHOICES[name][-1]
                raise FieldError(
                    f"{said}: expected {choices}.{nearest(str(value).lower(), CHOICES[name])} Write one of these, or take it out."
                )
        elif name == "min_effect":
            if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
                raise FieldError(
                    f"{said}: expected a number above 0, such as 0.02; write the smallest change that matters, or take it out."
                )
        elif name == "positive":
            if not isinstance(value, str | int | float | bool) and not hasattr(value, "item"):
                raise FieldError(f'{said}: expected one value of the target, such as "yes"; write the positive class alone.')
        elif name == "engine":
            if not isinstance(value, str):
                raise FieldError(f'{said}: expected the address of an engine in quotes; write engine = "tcp://host:8786".')
            check_address(value, said)
        elif name == "ignore" and not (isinstance(value, list | tuple) and all(isinstance(column, str) and column for column in value)):
            raise FieldError(f'{said}: expected a list of column names; write ignore = ["note"].')


def _check_text(name: str, value: Any, said: str) -> None:
    what = "the name of a column" if name in COLUMNS else "the name of a scorer" if name == "metric" else "text"
    if not isinstance(value, str):
        raise FieldError(f"{said}: expected {what}; write it in quotes.")
    if not value.strip() and name not in {"title", "symptom"}:
        raise FieldError(f"{said}: expected {what}, which cannot be empty; write it, or take the field out.")


def unknown_field(name: str, section: str, known: tuple[str, ...]) -> FieldError:
    """The error for a name that a section does not have.

    Parameters
    ----------
    name
        What was written.
    section
        Where, as errors begin (`case.toml [case]`).
    known
        The names that the section has.
    """
    if name in {"trust", "trusted"}:
        return FieldError(
            f"{section} {name}: a case cannot grant trust to itself; remove it, and give --trust (trust=True in Python) instead."
        )
    return FieldError(f"{section} {name}: no such field.{nearest(name, known)} Expected {', '.join(known)}; correct or remove it.")
