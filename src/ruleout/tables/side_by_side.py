"""Two tables side by side for a reader: every column with how far it moved, how sure that is, and what of it moved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ruleout.errors import TableError, nearest
from ruleout.tables.changes import ColumnChange, Comparison
from ruleout.tables.compare import compare, judged
from ruleout.tables.facts import Fact, facts_of, remark_of
from ruleout.tables.frames import as_table
from ruleout.tables.gaps import Gap, gap_of, visible_from
from ruleout.tables.joined import SharedRows, join_rows
from ruleout.tables.parquet import ParquetFiles
from ruleout.tables.read import read_table
from ruleout.tables.shape import Shape, shape_of
from ruleout.tables.table import Table

__all__ = ["FALSE_ALARMS", "Move", "SideBySide", "named", "side_by_side", "table_of"]

FALSE_ALARMS = 0.01
"""Pairs of samples of one population of which something is said to have moved, at most: a reader looks at every alarm."""
_FEW_VALUES = 4_000_000
"""Files of fewer values are read whole: opening a small one for every column, twice, costs more than holding it."""

_ROW_NUMBERS = re.compile(r"__index_level_\d+__")
"""An index without a name, which pandas writes into Parquet files: of a frame in memory it is no column either."""


@dataclass(frozen=True)
class Move:
    """One column on both sides, as it is told."""

    change: ColumnChange

    @property
    def column(self) -> str:
        """Its name."""
        return self.change.column

    @property
    def moved(self) -> bool:
        """Whether it is different beyond the effect floors and beyond chance."""
        return self.change.moved

    @cached_property
    def gap(self) -> Gap:
        """The share of the rows that moved, with its interval and what chance alone would show."""
        return gap_of(self.change)

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """What of it moved; of a column that did not, what is worth a line all the same."""
        if self.moved:
            return facts_of(self.change)
        remark = remark_of(self.change)
        return () if remark is None else (remark,)

    def shape(self, n_bins: int = 24) -> Shape | None:
        """Both distributions in the same bins; None where there is nothing to draw."""
        return shape_of(self.change, n_bins)

    @property
    def nulls_alone(self) -> bool:
        """Whether its values are not looked into (lists, structs, bytes), so that nulls alone are counted."""
        return self.change.kind == "other" and bool(self.change.reference.n_values or self.change.current.n_values)

    def statement(self) -> str:
        """The move as a finding: place, numbers, interval or noise, n."""
        gap = self.gap
        sizes = f"n = {self.change.reference.n:,} and {self.change.current.n:,}"
        if self.nulls_alone:
            sizes += "; nulls alone are counted, its values are not looked into"
        if not self.moved:
            return f"{self.column}: did not move: {gap.value:.3f} of the rows, chance alone shows up to {gap.noise:.3f}; {sizes}."
        low, high = gap.interval
        sure = f"95 % interval {low:.3f} to {high:.3f}, floor {gap.floor:.2f}"
        told = "".join(f"; {fact.said}" for fact in self.facts)
        return f"{self.column}: {gap.value:.3f} of the rows moved ({sure}){told}; {sizes}."

    def to_dict(self) -> dict[str, Any]:
        """The move as JSON."""
        shape = self.shape()
        return {
            **self.change.to_dict(),
            "effect": self.gap.to_dict(),
            "facts": [fact.to_dict() for fact in self.facts],
            "statement": self.statement(),
            "shape": None if shape is None else shape.to_dict(),
        }


@dataclass(frozen=True)
class SideBySide(Mapping[str, Move]):
    """Two tables side by side: a move for every column that both have as the same kind, the farthest first.

    Printed, it is the report that `ruleout compare` prints; in a notebook it shows itself.

    Parameters
    ----------
    comparison
        What was measured.
    n_columns
        How many columns of the reference and of the current table were looked at.
    origins
        The files or objects that the tables came from.
    rows
        The rows that both have by key, None where no key was given.
    examples
        Some values of the columns that are of another kind now.
    stored
        Whether the reference, and the current table, was a stored profile, which holds no rows.
    """

    comparison: Comparison
    n_columns: tuple[int, int]
    origins: tuple[str, str]
    rows: SharedRows | None = None
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stored: tuple[bool, bool] = (False, False)

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Every column, those that moved before those that did not, each by the share of rows that moved."""
        moves = [Move(change) for change in self.comparison.values()]
        return tuple(sorted(moves, key=lambda move: (not move.moved, -move.gap.value, move.column)))

    @property
    def moved(self) -> tuple[Move, ...]:
        """The columns that moved, the farthest first."""
        return tuple(move for move in self.moves if move.moved)

    @property
    def nulls_alone(self) -> tuple[str, ...]:
        """The columns of which nothing but nulls is looked at, in the order of their names."""
        return tuple(sorted(move.column for move in self.moves if move.nulls_alone))

    @property
    def n_other(self) -> int:
        """Columns that one table alone has, or that hold another kind of values now."""
        found = self.comparison
        return len(found.only_reference) + len(found.only_current) + len(found.kind_changes or {})

    @property
    def empty(self) -> tuple[str, ...]:
        """Which sides have no rows."""
        found = self.comparison
        return tuple(name for name, n in (("reference", found.n_reference), ("current", found.n_current)) if not n)

    @property
    def verdict(self) -> str:
        """`moved`, `nothing-moved`, or `no-rows` where one side alone is empty."""
        if len(self.empty) == 1:
            return "no-rows"
        return "moved" if self.moved or self.n_other or (self.rows is not None and self.rows.n_differ) else "nothing-moved"

    @property
    def exit_code(self) -> int:
        """0 where nothing moved, else 1."""
        return int(self.verdict != "nothing-moved")

    @cached_property
    def visible_from(self) -> float:
        """The smallest move of a column without nulls that so many rows show four times in five, as a share of the rows."""
        n_tests = sum(len(change.p_values or {}) for change in self.comparison.values())
        return visible_from(self.comparison.n_reference, self.comparison.n_current, n_tests, FALSE_ALARMS)

    def __getitem__(self, column: str) -> Move:
        return Move(self.comparison[column])

    def __iter__(self) -> Iterator[str]:
        return (move.column for move in self.moves)

    def __len__(self) -> int:
        return len(self.comparison)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        from ruleout.report.side_by_side import text

        return text(self)

    def to_html(self, path: str | Path) -> None:
        """Write the comparison as one HTML page that loads nothing.

        Parameters
        ----------
        path
            The file; written whole or not at all.

        Raises
        ------
        OSError
            It cannot be written.
        """
        from ruleout.report.html import comparison
        from ruleout.report.json import write_text

        write_text(Path(path), comparison(self))

    def _repr_html_(self) -> str:
        from ruleout.report.side_by_side_html import fragment

        return fragment(self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON, as `ruleout compare --json` writes it; its schema is `report/comparison.json`."""
        found = self.comparison
        sides = zip(("reference", "current"), self.origins, (found.n_reference, found.n_current), self.n_columns, strict=True)
        return {
            "schema": 1,
            "verdict": self.verdict,
            **{side: {"origin": origin, "n_rows": rows, "n_columns": columns} for side, origin, rows, columns in sides},
            "visible_from": self.visible_from,
            "moved": [move.column for move in self.moved],
            "only_reference": list(found.only_reference),
            "only_current": list(found.only_current),
            "kind_changes": {column: list(types) for column, types in (found.kind_changes or {}).items()},
            "type_changes": {column: list(types) for column, types in (found.type_changes or {}).items()},
            "columns": [move.to_dict() for move in self.moves],
            "rows": None if self.rows is None else self.rows.to_dict(),
        }


def table_of(given: Any, name: str) -> Table:
    """A path or pattern, or a data frame, as a table. Raises `TableError`."""
    if isinstance(given, str | Path):
        return read_table(given, name=name)
    return as_table(given, name=name)


def named(given: str | Sequence[str], tables: Sequence[Table]) -> tuple[str, ...]:
    """Names of columns, given one by one or with commas between; a column whose own name has a comma is one name."""
    names = [given] if isinstance(given, str) else list(given)
    known = {column for table in tables for column in table.columns}
    parts = (part for name in names for part in ([name] if name in known else str(name).split(",")))
    return tuple(dict.fromkeys(part if part in known else part.strip() for part in parts if part.strip()))


def side_by_side(
    reference: Table,
    current: Table,
    *,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    key: Sequence[str] = (),
) -> SideBySide:
    """Hold two tables side by side.

    Parameters
    ----------
    columns
        The columns to look at; by default all of them but row numbers that pandas wrote.
    ignore
        Columns to leave out.
    key
        Columns by which rows of the two tables are the same; they are not compared themselves.

    Raises
    ------
    TableError
        A table cannot be read, or a column is named that is in neither of them, or a key that is not in both.
    """
    tables = reference, current
    _require(tables, [*(columns or ()), *ignore], key)
    everything = [column for table in tables for column in table.columns]
    wanted = columns if columns is not None else [column for column in everything if not _ROW_NUMBERS.fullmatch(column)]
    looked_at = {column for column in wanted if column not in ignore and column not in key}
    if not looked_at:
        raise TableError(f"{reference.origin}: no column is left to compare; name others, or ignore fewer.")
    chosen = []
    for table in tables:
        if isinstance(table.rows, ParquetFiles) and table.rows.engine.here and table.n_rows * len(table.columns) <= _FEW_VALUES:
            _ = table.arrow
        chosen.append(table if looked_at == set(table.columns) else table.select([c for c in table.columns if c in looked_at]))
    found = compare(chosen[0], chosen[1])
    found = replace(found, changes=judged(found.changes, FALSE_ALARMS))
    return SideBySide(
        found,
        (len(chosen[0].columns), len(chosen[1].columns)),
        (reference.origin, current.origin),
        rows=join_rows(reference, current, key, tuple(found)) if key else None,
        examples={column: _examples(current, column) for column in found.kind_changes or {}},
        stored=(reference.stored is not None, current.stored is not None),
    )


def _require(tables: tuple[Table, Table], columns: Sequence[str], key: Sequence[str]) -> None:
    everything = list(dict.fromkeys(column for table in tables for column in table.columns))
    for column in columns:
        if column not in everything:
            raise TableError(
                f"no column {column!r} in {tables[0].origin} or {tables[1].origin} ({len(everything)} columns)."
                f"{nearest(column, everything)}"
            )
    for column in key:
        for table in tables:
            if column not in table.columns:
                raise TableError(
                    f"{table.origin}: no column {column!r} to join rows by ({len(table.columns)} columns); "
                    f"name one that both tables have.{nearest(column, table.columns)}"
                )


def _examples(table: Table, column: str) -> tuple[str, ...]:
    """The first three distinct values of a column."""
    if table.stored is not None:
        return ()
    for chunk in table.rows.chunks(column, 1_000):
        return tuple(dict.fromkeys(str(value) for value in chunk.drop_null().to_pylist()))[:3]
    return ()
