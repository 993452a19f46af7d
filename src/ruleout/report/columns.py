"""What a table holds, on a terminal: a line a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table as Grid
from rich.text import Text

from ruleout.report.ink import colour
from ruleout.tables.profile import ColumnProfile, Profile

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Columns"]


@dataclass
class Columns:
    """A profile: rows, then for each column its type, what is missing, how many values differ, and the values themselves."""

    profile: Profile

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the list."""
        yield Text(f"{self.profile.n_rows:,} rows, {len(self.profile)} columns")
        grid = Grid(box=None, pad_edge=False, header_style=colour("muted"))
        longest = max([6, *(len(name) for name in self.profile)])
        grid.add_column("column", min_width=min(longest, 24), overflow="fold")
        grid.add_column("type", max_width=16, overflow="ellipsis", no_wrap=True)
        grid.add_column("null", justify="right", no_wrap=True, min_width=6)
        grid.add_column("distinct", justify="right", no_wrap=True, min_width=8)
        grid.add_column("values", overflow="fold")
        for name, column in self.profile.items():
            distinct = "" if column.distinct is None else f"{column.distinct:,}"
            grid.add_row(Text(name), Text(column.type), f"{column.null_rate:.1%}" if column.n else "", distinct, Text(_values(column)))
        yield grid


def _values(column: ColumnProfile) -> str:
    if column.counted_only:
        return "counted, not looked into"
    if column.kind == "category":
        return ", ".join(f"{value} {count / max(column.n_values, 1):.0%}" for value, count in column.top[:3])
    if column.min is None or column.max is None:
        return "no finite value" if column.n_values else ""
    if column.kind == "time":
        return f"{_time(column.min)} to {_time(column.max)}"
    middle = column.quantile(0.5)
    return f"{column.min:.6g} to {column.max:.6g}, median {middle:.6g}"


def _time(seconds: float) -> str:
    import numpy as np

    day = seconds % 86_400 == 0
    return str(np.datetime64(round(seconds), "s")).replace("T", " ")[: 10 if day else 19]
