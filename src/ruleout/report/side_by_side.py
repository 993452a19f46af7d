"""Two tables side by side on a terminal: the verdict, then every column with both distributions, how far it moved and in what."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from ruleout.report.ink import Hanging, ReportConsole, colour, paragraph
from ruleout.report.wording import clean, plural
from ruleout.tables.changes import FLOORS
from ruleout.tables.joined import SharedRows
from ruleout.tables.shape import Shape
from ruleout.tables.side_by_side import Move, SideBySide
from ruleout.tables.spoken import part

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["LIMIT", "Beside", "headline", "lines", "rows_said", "rule", "sparklines", "structure", "text"]

LIMIT = 25
"""Columns that are shown unless another number is asked for."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_KINDS = {
    "lists": ("list",),
    "structs": ("struct", "map"),
    "bytes": ("binary",),
    "text": ("string",),
    "truth values": ("bool",),
    "times": ("timestamp", "date"),
    "numbers": ("int", "double", "float", "decimal"),
}
_WIDEST = 120
_MARGIN = 4
_EFFECT = 8
_INTERVAL = 16


@dataclass
class Beside:
    """Two tables side by side as a renderable for any console.

    Parameters
    ----------
    found
        What was compared.
    limit
        Columns to show, the farthest moved first; 0 for all.
    quiet
        The verdict and the names of what moved alone.
    """

    found: SideBySide
    limit: int = LIMIT
    quiet: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the report block by block."""
        found = self.found
        if not self.quiet:
            for side, origin, n, columns in _sides(found):
                style = colour("data") if side == "reference" else colour("pipeline")
                yield Hanging(side, Text(f"{clean(origin)}   {plural(n, 'row')}, {plural(columns, 'column')}"), width=12, style=style)
            yield Text("")
        verdict, subject = headline(found)
        line = Text(verdict.upper())
        if console.is_terminal:
            tone = colour("good" if found.verdict == "nothing-moved" else "open")
            line = Text(f" {line} ", style=f"bold color(231) on {tone}")
        line.append(f"  {subject}" if subject else "", style="bold default on default" if console.is_terminal else "")
        yield Hanging("", line, width=0, hang=2)
        if self.quiet:
            return
        about = list(structure(found))
        if about:
            yield Text("")
        for label, said in about:
            yield Hanging(label, Text(clean(said)))
        if found.rows is not None:
            yield Text("")
            yield from _rows(found.rows)
        if found.moves:
            yield Text("")
            yield from self._columns(min(options.max_width, _WIDEST))
        yield Text("")
        yield paragraph(rule(found), 0, colour("muted"))

    def _columns(self, width: int) -> Iterator[Text | Hanging]:
        moves = self.found.moves[: self.limit or None]
        longest = max(len(clean(move.column)) for move in moves)
        spark = min(24, max(6, (width - _MARGIN - _EFFECT - _INTERVAL - min(longest, 24) - 4) // 2))
        name = max(min(longest, width - _MARGIN - _EFFECT - _INTERVAL - 2 * spark - 4), 6)
        yield _line(
            Text("column"),
            Text("reference", style=colour("data")),
            Text("current", style=colour("pipeline")),
            Text("moved"),
            "95 % interval" if any(move.moved for move in moves) else "",
            name,
            spark,
            style=colour("muted"),
        )
        for at, move in enumerate(moves):
            if at and move.moved != moves[at - 1].moved:
                yield Text("")
            yield self._column(move, name, spark)
            for said in lines(move):
                yield Hanging("", Text(clean(said)), indent=_MARGIN + 2, width=0, hang=2)
        left = len(self.found.moves) - len(moves)
        if left:
            still = sum(move.moved for move in self.found.moves[len(moves) :])
            of_them = f", {still:,} of which moved" if still else ", none of which moved"
            yield Text("")
            yield paragraph(f"… and {plural(left, 'more column')}{of_them}: --limit 0 shows all.", 2, colour("muted"))

    def _column(self, move: Move, name: int, spark: int) -> Text:
        gap = move.gap
        moved = colour("open") if move.moved else colour("muted")
        low, high = (part(end).removesuffix(" %") for end in gap.interval)
        drawn = sparklines(move.shape(spark))
        return _line(
            Text(_cut(clean(move.column), name), style="bold" if move.moved else ""),
            Text(drawn[0], style=colour("data")),
            Text(drawn[1], style=colour("pipeline")),
            Text(part(gap.value), style=f"bold {moved}" if move.moved else moved),
            f"{low} to {high} %" if move.moved else f"noise {part(gap.noise)}",
            name,
            spark,
            mark="●" if move.moved else "○",
            style=moved,
        )


def sparklines(shape: Shape | None) -> tuple[str, str]:
    """Draw both sides of a shape with blocks of one height; what stands for all other categories is a mark and has no height."""
    if shape is None:
        return "", ""
    others = shape.scale == "categories" and shape.bins[-1] is None
    sides = [side[:-1] if others else side for side in (shape.reference, shape.current)]
    top = max(float(side.max(initial=0.0)) for side in sides)
    return _blocks(sides[0], top) + "…" * others, _blocks(sides[1], top) + "…" * others


def _blocks(shares: np.ndarray, top: float) -> str:
    """Shares as blocks of which the tallest stands for `top`; a blank is an empty bin."""
    heights = np.ceil(np.asarray(shares) / (top or 1.0) * len(_BLOCKS) - 1e-9).astype(int)
    # Less than one in ten million is what interpolation left, not a value.
    return "".join(_BLOCKS[max(height, 1) - 1] if share > 1e-7 else " " for height, share in zip(heights, shares, strict=True))


def lines(move: Move) -> list[str]:
    """What is said of a column, a line each; the median follows the mean on its line."""
    said: list[str] = []
    for fact in move.facts:
        if fact.what == "median" and said and move.facts[move.facts.index(fact) - 1].what == "mean":
            said[-1] += f"; {fact.said}"
        else:
            said.append(fact.said)
    return said


def headline(found: SideBySide) -> tuple[str, str]:
    """The verdict in a few words, and what it is about."""
    n_moved, n = len(found.moved), len(found)
    if found.verdict == "no-rows":
        return "no rows to compare", f"the {found.empty[0]} table is empty"
    if found.verdict == "nothing-moved":
        return "nothing moved", f"in {plural(n, 'column')}" if n else ""
    if n_moved:
        names = ", ".join(_cut(clean(move.column), 30) for move in found.moved[:3]) + (", …" if n_moved > 3 else "")
        return f"{n_moved:,} of {plural(n, 'column')} moved", names
    if found.n_other:
        return "the columns are not the same", f"none of the {n:,} that both have moved" if n else ""
    return "the rows differ", "no column moved as a whole"


def structure(found: SideBySide) -> Iterator[tuple[str, str]]:
    """What is otherwise about the columns themselves, and about the number of rows, each with its label."""
    compared = found.comparison
    for label, columns in (("Gone", compared.only_reference), ("New", compared.only_current)):
        if columns:
            more = f" and {len(columns) - 12:,} more" if len(columns) > 12 else ""
            yield label, f"{plural(len(columns), 'column')}: {', '.join(columns[:12])}{more}"
    for column, (there, here) in (compared.kind_changes or {}).items():
        values = found.examples.get(column, ())
        shown = f", such as {', '.join(_cut(value, 24) for value in values)}" if values else ""
        yield "Type", f"{column}: {_kind(there)} → {_kind(here)}{shown}; these cannot be held beside each other"
    for column, (there, here) in (compared.type_changes or {}).items():
        yield "Type", f"{column}: {there} → {here}"
    n, m = compared.n_reference, compared.n_current
    if n and m and not 0.5 <= m / n <= 2:
        yield "Rows", f"{m / n:.3g} times as many: {n:,} → {m:,}" if m > n else f"{part(1 - m / n)} fewer: {n:,} → {m:,}"


def rows_said(rows: SharedRows) -> Iterator[tuple[str, str]]:
    """What the rows that both tables have say, each with its label."""
    key = ", ".join(rows.key)
    alone = f"{rows.n_only_reference:,} only in the reference, {rows.n_only_current:,} only in the current table"
    yield "Rows", f"joined by {key}: {rows.n_shared:,} in both, {alone}"
    left_out = []
    for side, repeated, without in (
        ("reference", rows.n_repeated_reference, rows.n_without_key_reference),
        ("current table", rows.n_repeated_current, rows.n_without_key_current),
    ):
        left_out += [f"{repeated:,} of the {side} whose key is there more than once"] if repeated else []
        left_out += [f"{without:,} of the {side} without a key"] if without else []
    if left_out:
        yield "", f"not joined: {', '.join(left_out)}"
    if not rows.n_shared:
        yield "", "no row is in both, so nothing can be held against each other row by row"
    elif not rows.n_differ:
        yield "", f"{_each(rows.same)} the same on every shared row"
    else:
        differ = f"{part(rows.n_differ / rows.n_shared)} of the shared rows ({rows.n_differ:,}) differ"
        yield "", f"{differ}; {_each(rows.same)} the same on every one"


def rule(found: SideBySide) -> str:
    """When a column counts as moved, and what could not have been seen."""
    said = (
        f"A column moved when {part(FLOORS['ks'])} of its rows or more are elsewhere ({part(FLOORS['nulls'])} for nulls, one value, new "
        "categories; 0.1 of the population stability index) and chance does not explain it."
    )
    if unread := found.nulls_alone:
        named = ", ".join(_cut(clean(column), 30) for column in unread[:8]) + (f" and {len(unread) - 8:,} more" if len(unread) > 8 else "")
        counted = f"of {plural(len(unread), 'column')} nulls alone are counted ({named})"
        said += f" Lists, structs and bytes are not looked into: {counted}."
    if any(found.stored):
        if all(found.stored):
            said += " Both are stored profiles, which hold no rows: distances are those of the tables within 0.002."
        else:
            which = "reference" if found.stored[0] else "current table"
            said += f" The {which} is a stored profile, which holds no rows: distances are those of the tables within 0.001."
    if any(" sd)" in fact.said for move in found.moved for fact in move.facts):
        said += " sd: standard deviations of the reference, as a 95 % interval."
    small = sum(move.gap.interval[0] > 0 and move.gap.value > 1.5 * move.gap.noise for move in found.moves if not move.moved)
    if found.visible_from > FLOORS["ks"]:
        said += f" With so few rows a move of less than {part(found.visible_from)} can be missed."
    elif small:
        said += f" {plural(small, 'column')} differ{'s' if small == 1 else ''} by less than that, and more than by chance."
    return said


def text(found: SideBySide, *, width: int = 80, limit: int = LIMIT) -> str:
    """Write two tables side by side as plain text: no control codes, no drawn boxes, no line longer than `width`."""
    stream = io.StringIO()
    ReportConsole.plain(stream, width).print(Beside(found, limit))
    return stream.getvalue()


def _rows(rows: SharedRows) -> Iterator[Hanging]:
    for label, said in rows_said(rows):
        yield Hanging(label, Text(clean(said)), hang=2)
    for change in rows.differing[:12]:
        share = part(change.n_differ / rows.n_shared)
        line = Text.assemble((clean(change.column), "bold"), f"  differs on {share} ({change.n_differ:,})")
        line.append(f": {clean(change.said)}" if change.said else "")
        yield Hanging("", line, hang=4)
    if len(rows.differing) > 12:
        yield Hanging("", Text(f"… and {len(rows.differing) - 12:,} more columns differ"), hang=2)


def _each(columns: tuple[str, ...]) -> str:
    return "no column is" if not columns else "1 column is" if len(columns) == 1 else f"{len(columns):,} columns are"


def _sides(found: SideBySide) -> Iterator[tuple[str, str, int, int]]:
    compared = found.comparison
    yield "reference", found.origins[0], compared.n_reference, found.n_columns[0]
    yield "current", found.origins[1], compared.n_current, found.n_columns[1]


def _line(
    column: Text, reference: Text, current: Text, effect: Text, interval: str, name: int, spark: int, *, mark: str = " ", style: str
) -> Text:
    line = Text(f"  {mark} ", style=style)
    for cell, wide in ((column, name + 2), (reference, spark + 2), (current, spark)):
        cell.pad_right(max(wide - cell.cell_len, 0))
        line.append_text(cell)
    line.append(" " * max(_EFFECT - effect.cell_len, 1))
    line.append_text(effect)
    line.append(f"  {interval}", style=style)
    line.rstrip()
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _kind(type_: str) -> str:
    """An Arrow type in words, with its own name."""
    for word, names in _KINDS.items():
        if any(name in type_ for name in names):
            return f"{word} ({type_})"
    return type_


def _cut(text: str, width: int) -> str:
    """Cut a name in its middle: names that share a beginning differ at their end."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"
