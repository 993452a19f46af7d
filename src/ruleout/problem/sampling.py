"""Tables too large to be asked row by row: paired samples stand for them, and the report says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ruleout.case.case import Case, Side, SideName
from ruleout.case.given import tables
from ruleout.statistics.sample_size import effect_seen, rows_needed
from ruleout.tables.pairing import paired_sample
from ruleout.tables.table import Table

__all__ = ["FEWEST_EXAMINED", "MOST_EXAMINED", "WHOLE_TO", "rows_examined", "sampled_case"]

MOST_EXAMINED = 200_000
"""Rows of a larger table that are examined at most: models are asked for these, and what is fitted again is fitted on some of them."""

WHOLE_TO = 250_000
"""A table of no more rows is examined whole."""

FEWEST_EXAMINED = 50_000
"""Fewer are not taken of a larger table, however coarse the question: rare levels and leaks need rows too."""

SMALLEST_CHANGE = 0.005
"""A change that is seen where nobody says how small a one matters: half a point of accuracy (docs/decides.md)."""

WORST_VARIANCE = 0.5
"""Variance of the difference of two rows that are not paired, each right or wrong with even odds."""

_SIDES: tuple[SideName, SideName] = ("reference", "current")
_HEAVY = 0.01
"""An entity that holds more of the rows than this is too large to be taken as one."""


def rows_examined(case: Case) -> int:
    """Rows by which the smallest change that matters is seen with power 0.8, within bounds; for an unbounded loss the most."""
    if case.task == "regression":
        return MOST_EXAMINED
    needed = rows_needed(case.min_effect or SMALLEST_CHANGE, WORST_VARIANCE)
    return min(max(needed, FEWEST_EXAMINED), MOST_EXAMINED)


def sampled_case(case: Case) -> tuple[Case, Mapping[str, Table]]:
    """The case with paired samples in place of its largest tables, and these tables by their place; as it is where none is large.

    A table and its counterpart on the other side lose the same share of their rows, chosen by the hash of the entity or the key: both
    models, and both sides, see the same rows, and how many more rows one side has stays as it was.
    """
    whole: dict[str, Table] = {}
    said: list[str] = []
    rows = rows_examined(case)
    for names in _together(case, rows):
        held = {(side, name): table for name in names for side in _SIDES if (table := _table(case, side, name)) is not None}
        most = max((table.n_rows for table in held.values()), default=0)
        if most <= WHOLE_TO:
            continue
        by = _named_by(case, list(held.values()))
        for (side_name, name), table in held.items():
            strata = [column for column in (case.target, case.time) if column and _stratum(case, table, column)]
            sample = paired_sample(table, rows, by=by, strata=strata, of=most)
            changes: dict[str, Any] = {name: sample}
            case = case.with_side(side_name, replace(case.side(side_name) or Side(), **changes))
            whole[f"{side_name}.{name}"] = table
            said.append(_sentence(f"{side_name}.{name}", table, sample, by, strata, case))
    return (replace(case, assumptions=(*case.assumptions, *said)), whole) if whole else (case, whole)


def _together(case: Case, rows: int) -> tuple[tuple[str, ...], ...]:
    """Names of the tables that are sampled alike: entities that stand in both training and validation are taken in both.

    Where one of them would be left with too few rows, each is sampled by itself, and a leak of entities looks smaller than it is.
    """
    split = [table.n_rows for name in ("train", "validation") for side in _SIDES if (table := _table(case, side, name)) is not None]
    if case.entity and split and min(split) * rows / max(split) >= FEWEST_EXAMINED / 2:
        return ("train", "validation"), ("serving",)
    return tuple((name,) for name in tables)


def _table(case: Case, side: SideName, name: Any) -> Table | None:
    held = case.side(side)
    return None if held is None else held.table(name)


def _named_by(case: Case, held: list[Table]) -> list[str]:
    """What names a row in all of the tables: an entity whose rows stay together, the key, the row's number, else all that it holds."""
    for column in (case.entity, case.key):
        if column and all(column in table and table.kind(column) != "other" for table in held):
            if column == case.entity and any(table.profile_of(column).top_share > _HEAVY for table in held):
                continue
            return [column]
    if len({table.n_rows for table in held}) == 1 and len(held) > 1:
        return []
    return [column for column in held[0].columns if all(column in table and table.kind(column) != "other" for table in held)]


def _stratum(case: Case, table: Table, column: str) -> bool:
    if column not in table:
        return False
    return table.kind(column) == "time" if column == case.time else case.task == "classification" and table.kind(column) != "other"


def _sentence(place: str, table: Table, sample: Table, by: list[str], strata: list[str], case: Case) -> str:
    how = f"by the hash of {by[0]}" if len(by) == 1 else "by the hash of their number" if not by else "by the hash of what they hold"
    within = f", evenly over {' and '.join(strata)}" if strata else ""
    seen = effect_seen(sample.n_rows, WORST_VARIANCE)
    power = "" if case.task == "regression" else f": a change of {seen:.2g} in a share is seen with power 0.8"
    return f"{place}: {sample.n_rows:,} of {table.n_rows:,} rows are examined, chosen {how}{within}{power}."
