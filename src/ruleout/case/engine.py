"""The engine of a case: who reads its large tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ruleout.case.case import Case, SideName
from ruleout.case.given import tables
from ruleout.errors import TableError
from ruleout.tables.engines import open_engine
from ruleout.tables.table import Table

__all__ = ["FEWEST_ROWS", "on_engine"]

FEWEST_ROWS = 250_000
"""A table of no more rows is examined whole, in the memory of this machine: a cluster would add nothing but the way there."""

_SIDES: tuple[SideName, SideName] = ("reference", "current")


def on_engine(case: Case) -> Case:
    """The case with its large tables read by the engine that it names; as it is where it names none, or threads.

    Raises
    ------
    EngineError, MissingExtra
        The engine cannot be reached.
    TableError
        A table is no file that the engine's workers could read.
    """
    if case.engine is None or case.engine == "threads":
        return case
    engine = open_engine(case.engine)
    for side_name in _SIDES:
        side = case.side(side_name)
        for name in tables:
            table: Table | None = getattr(side, name, None)
            if side is None or table is None:
                continue
            try:
                moved = table.on(engine)
            except TableError as error:
                raise TableError(f"{side_name}.{name}: {error}") from error
            if moved is not table and moved.n_rows > FEWEST_ROWS:
                changes: dict[str, Any] = {name: moved}
                side = replace(side, **changes)
        if side is not None:
            case = case.with_side(side_name, side)
    return case
