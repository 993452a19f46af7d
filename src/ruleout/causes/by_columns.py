"""Pages that look at one column at a time, shown rows that a stored profile makes up for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ruleout.case.case import Case
from ruleout.causes.columns import pair_of
from ruleout.causes.page import Cause, Finding, Look
from ruleout.problem.problem import Problem
from ruleout.tables.marginals import marginal_rows
from ruleout.tables.table import Table

__all__ = ["with_profiles"]


def with_profiles(pages: tuple[Cause, ...], profiles: Mapping[str, Table]) -> tuple[Cause, ...]:
    """The pages, those that look at columns alone being shown stored profiles as rows.

    A page that asks how columns stand together finds no table where a profile was given, and says what it needs.

    Parameters
    ----------
    pages
        Of the handbook.
    profiles
        Stored profiles by their place in the case (`reference.train`), which holds no table there.
    """
    rows = {
        place: marginal_rows(table.stored, table.schema, name=table.name, origin=table.origin)
        for place, table in profiles.items()
        if table.stored is not None
    }
    return tuple(_lent(page, rows) if rows and page.columns_alone else page for page in pages)


def _lent(page: Cause, rows: Mapping[str, Table]) -> Cause:
    """The page as it is, its id and text included, on cases that hold the rows."""
    kind = type(page)

    def suspect(self: Cause, problem: Problem) -> Look:
        return kind.suspect(self, replace(problem, case=_with(problem.case, rows)))

    def put_right(self: Cause, case: Case, finding: Finding) -> Case | None:
        whole = _with(case, rows)
        pair = pair_of(whole, finding)
        if pair is None or any(pair.suspect is table for table in rows.values()):
            # Nothing is trained on, or measured with, rows that were never there.
            return None
        repaired = kind.put_right(self, whole, finding)
        return None if repaired is None else _without(repaired, rows)

    def missing(_: type[Cause], case: Case) -> tuple[str, ...]:
        return kind.missing(_with(case, rows))

    body: dict[str, Any] = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    body |= {"suspect": suspect, "put_right": put_right, "missing": classmethod(missing)}
    lent: type[Cause] = type(kind.__name__, (kind,), body)
    return lent()


def _with(case: Case, rows: Mapping[str, Table]) -> Case:
    for place, table in rows.items():
        case = _put(case, place, None, table)
    return case


def _without(case: Case, rows: Mapping[str, Table]) -> Case:
    for place, table in rows.items():
        case = _put(case, place, table, None)
    return case


def _put(case: Case, place: str, was: Table | None, now: Table | None) -> Case:
    """The case with `now` at a place that holds `was`; the artifact beside it stays."""
    side_name, name = place.split(".")
    side = case.side(side_name)  # type: ignore[arg-type]  # a place names one of the two sides
    if side is None or getattr(side, name) is not was:
        return case
    changes: dict[str, Any] = {name: now}
    return case.with_side(side_name, replace(side, **changes))  # type: ignore[arg-type]
