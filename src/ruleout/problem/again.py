"""A run that read what an earlier one had read: the same rows in every table, although time had gone on."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Case, Side, TableName
from ruleout.case.difference import config_difference

__all__ = ["Again", "same_again"]

LEAST_DAYS = 0.8
"""Days between two runs from which the later one was to bring new rows: a night later than the other."""

LEAST_SPAN = 0.1
"""Without a dated source: part of the rows' own span of time that must have gone by between the runs."""

DATED = re.compile(r"\b(?:19|20)\d\d[-/.]?(?:0[1-9]|1[0-2])(?:[-/.]?(?:0[1-9]|[12]\d|3[01]))?\b")


@dataclass(frozen=True)
class Again:
    """The tables that are the same, the days between the runs, and the stage that names the same dated source as it did; "" where none."""

    tables: tuple[TableName, ...]
    days: float
    stage: str = ""
    source: str = ""


def same_again(case: Case) -> Again | None:
    """Whether the current run read the very rows of the reference's, value for value, although it was made later; None where it did not.

    The run logs must say when both ran. That the rows should have been others is taken from a source whose date the logs name alike, or
    from the time between the runs, a tenth of what the rows span or more. Where configuration or seed differ the same rows were meant.
    """
    reference, current = case.reference, case.current
    if reference is None or not reference.runlog or not current.runlog:
        return None
    if config_difference(reference.config or {}, current.config or {}) or _seeds(reference) != _seeds(current):
        return None
    names: tuple[TableName, ...] = ("train", "validation")
    held = [(n, a, b) for n in names if (a := reference.table(n)) is not None and (b := current.table(n)) is not None]
    if not held or any(a.n_rows == 0 or a.fingerprint != b.fingerprint for _, a, b in held):
        return None
    began, before = _began(current), _began(reference)
    if began is None or before is None or (began - before).total_seconds() < LEAST_DAYS * 86_400:
        return None
    days = (began - before).total_seconds() / 86_400
    same = tuple(n for n, _, _ in held)
    told = {_name(entry): DATED.findall(str(entry.get("message") or "")) for entry in reference.runlog}
    for entry in current.runlog:
        dates = DATED.findall(str(entry.get("message") or ""))
        if dates and dates == told.get(_name(entry)):
            return Again(same, days, _name(entry), dates[0])
    times = [t.numbers(case.time) for _, t, _ in held if case.time is not None and case.time in t and t.kind(case.time) == "time"]
    spans = [float(np.nanmax(t) - np.nanmin(t)) / 86_400 for t in times if np.isfinite(t).any()]
    return Again(same, days) if spans and days >= LEAST_SPAN * max(*spans, 1.0) else None


def _name(entry: Any) -> str:
    return str(entry.get("stage") or entry.get("name") or "")


def _seeds(side: Side) -> dict[str, Any]:
    return {name: value for name, value in (side.config or {}).items() if "seed" in name.lower() or "random_state" in name.lower()}


def _began(side: Side) -> datetime.datetime | None:
    """When the first stage of a side's run began, as far as its log says."""
    found = []
    for entry in side.runlog or ():
        try:
            found.append(datetime.datetime.fromisoformat(str(entry.get("started")).replace("Z", "+00:00")).replace(tzinfo=None))
        except ValueError:
            continue
    return min(found, default=None)
