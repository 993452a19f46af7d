"""What is not the same on the two sides, apart from values in tables: sizes, settings, packages, reported metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ruleout.case.case import ABSENT, Side, TableName
from ruleout.problem.problem import Problem

__all__ = ["Difference", "differences"]

MOST = 60
SECRET = re.compile(r"passw|secret|token|api.?key|credential|private.?key|bearer", re.IGNORECASE)
"""Names of settings whose values are kept out of a report: pages are passed on."""

LONGEST = 80
"""A longer value is cut: the file has it."""


@dataclass(frozen=True)
class Difference:
    """One thing that differs: where it is, and what it is on either side ("" where a side has none)."""

    place: str
    reference: str
    current: str


def differences(problem: Problem) -> tuple[Difference, ...]:
    """Everything but the rows that differs between two sides, at most `MOST`; nothing where one side is given."""
    case = problem.case
    if case.reference is None or problem.situation == "factors":
        return tuple(Difference(f"factors.{name}", *values) for name, values in case.factors.items()) if case.factors else ()
    return tuple(_all(case.reference, case.current))[:MOST]


def _all(reference: Side, current: Side) -> Iterator[Difference]:
    for name in get_args(TableName):
        there, here = reference.table(name), current.table(name)
        if there is not None and here is not None:
            sizes = [f"{table.n_rows:,} rows, {len(table.columns)} columns" for table in (there, here)]
            if sizes[0] != sizes[1]:
                yield Difference(name, sizes[0], sizes[1])
    yield from _keys("config", reference.config, current.config)
    packages = [None if side.environment is None else side.environment.packages for side in (reference, current)]
    yield from _keys("environment", packages[0], packages[1])
    yield from _keys("metrics", reference.metrics, current.metrics)


def _keys(place: str, reference: Mapping[str, Any] | None, current: Mapping[str, Any] | None) -> Iterator[Difference]:
    if reference is None or current is None:
        return
    for key in dict.fromkeys((*reference, *current)):
        there, here = reference.get(key, ABSENT), current.get(key, ABSENT)
        if _said(there) != _said(here):
            hidden = bool(SECRET.search(str(key)))
            yield Difference(
                f"{place}.{key}", *("(not shown)" if hidden and value is not ABSENT else _said(value) for value in (there, here))
            )


def _said(value: Any) -> str:
    if value is ABSENT:
        return ""
    said = value if isinstance(value, str) else json.dumps(value, default=str)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
