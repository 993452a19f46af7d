"""Stored profiles among a case's tables: taken out, so that whoever needs rows does not find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ruleout.case.case import Case
from ruleout.case.given import tables
from ruleout.tables.table import Table

__all__ = ["without_profiles"]


def without_profiles(case: Case) -> tuple[Case, Mapping[str, Table]]:
    """The case less the tables of which the stored profile alone was given, and these by their place (`reference.train`).

    What is left has no table there, as though none had been given; an assumption says so. A case without profiles is returned as it is.
    """
    found: dict[str, Table] = {}
    for side_name in ("reference", "current"):
        side = case.side(side_name)
        held = {name: table for name in tables if side is not None and (table := side.table(name)) is not None}  # type: ignore[arg-type]
        stored = {name: table for name, table in held.items() if table.stored is not None}
        if side is None or not stored:
            continue
        gone: dict[str, Any] = dict.fromkeys(stored)
        case = case.with_side(side_name, replace(side, **gone))
        found |= {f"{side_name}.{name}": table for name, table in stored.items()}
    said = tuple(
        f"{place} is a stored profile of {table.n_rows:,} rows: its columns are compared one by one, and what needs its rows is not tested."
        for place, table in found.items()
    )
    return (replace(case, assumptions=(*case.assumptions, *said)), found) if found else (case, found)
