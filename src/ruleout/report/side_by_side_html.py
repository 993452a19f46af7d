"""Two tables side by side as a small fragment of HTML, for a notebook: no script, nothing loaded, legible on dark and light ground."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ruleout.report.notebook import escape
from ruleout.report.side_by_side import LIMIT, headline, lines, rows_said, rule, structure
from ruleout.report.wording import clean, plural
from ruleout.tables.side_by_side import Move, SideBySide
from ruleout.tables.spoken import part

__all__ = ["fragment"]

_BLUE, _BROWN, _GOOD, _MUTED = "#0087d7", "#af5f00", "#008700", "#767676"
_CELL = "text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:none"
_WIDE, _HIGH = 150, 30


def fragment(found: SideBySide) -> str:
    """Write the comparison as an HTML fragment; every text from the tables is escaped."""
    verdict, subject = headline(found)
    tone = _GOOD if found.verdict == "nothing-moved" else _BROWN
    compared = found.comparison
    parts = ['<div class="ruleout" style="max-width:64em;line-height:1.4">']
    sides = zip(("reference", "current"), (_BLUE, _BROWN), found.origins, (compared.n_reference, compared.n_current), strict=True)
    for side, ink, origin, n in sides:
        parts.append(f'<div><span style="color:{ink};font-weight:600">{side}</span> {_text(origin)}, {plural(n, "row")}</div>')
    parts.append(
        f'<div style="font-size:1.2em;font-weight:bold;color:{tone};margin:.3em 0">{_text(verdict.capitalize())}'
        f"{': ' + _text(subject) if subject else ''}</div>"
    )
    for label, said in (*structure(found), *(rows_said(found.rows) if found.rows is not None else ())):
        parts.append(f'<div><span style="color:{_MUTED}">{label}</span> {_text(said)}</div>')
    if found.rows is not None and found.rows.n_shared:
        for change in found.rows.differing:
            share = part(change.n_differ / found.rows.n_shared)
            parts.append(f"<div><b>{_text(change.column)}</b> differs on {share}: {_text(change.said)}</div>")
    parts.extend(_table(found))
    parts.append(f'<div style="color:{_MUTED};margin-top:.5em">{_text(rule(found))}</div></div>')
    return "".join(parts)


def _table(found: SideBySide) -> Iterator[str]:
    moves = found.moves[: max(LIMIT, len(found.moved))]
    if not moves:
        return
    yield '<table style="border-collapse:collapse;border:none;margin:.5em 0;font:inherit;color:inherit">'
    for move in moves:
        gap = move.gap
        low, high = (part(end).removesuffix(" %") for end in gap.interval)
        sure = f"{low} to {high} %" if move.moved else f"noise {part(gap.noise)}"
        name = f"<b>{_text(move.column)}</b>" if move.moved else _text(move.column)
        said = "<br>".join(_text(line) for line in lines(move))
        yield (
            f'<tr style="background:none"><td style="{_CELL}">{name}</td><td style="{_CELL}">{_drawing(move)}</td>'
            f'<td style="{_CELL};font-variant-numeric:tabular-nums;white-space:nowrap">{part(gap.value)}'
            f'<br><span style="color:{_MUTED}">{sure}</span></td><td style="{_CELL}">{said}</td></tr>'
        )
    yield "</table>"
    if len(found.moves) > len(moves):
        yield f'<div style="color:{_MUTED}">and {plural(len(found.moves) - len(moves), "more column")}, none of which moved</div>'


def _drawing(move: Move) -> str:
    """Both distributions in one small drawing: the reference filled, the current side as a line above it."""
    shape = move.shape(30)
    if shape is None:
        return ""
    # What stands for all other categories together would dwarf each of them.
    sides = [side[:-1] if shape.bins[-1] is None else side for side in (shape.reference, shape.current)]
    top = max(float(side.max(initial=0.0)) for side in sides) or 1.0
    areas = [_outline(side / top, _WIDE / max(len(side), 1)) for side in sides]
    label = "both distributions: the reference filled, the current one as a line"
    return (
        f'<svg width="{_WIDE}" height="{_HIGH + 2}" viewBox="0 -1 {_WIDE} {_HIGH + 2}" role="img" aria-label="{label}">'
        f'<path d="{areas[0]} V{_HIGH} H0 Z" fill="{_BLUE}" fill-opacity="0.45"/>'
        f'<path d="{areas[1]}" fill="none" stroke="{_BROWN}" stroke-width="1.5"/></svg>'
    )


def _outline(heights: np.ndarray, step: float) -> str:
    parts = [f"M0 {_HIGH}"]
    for at, height in enumerate(heights.tolist()):
        parts.append(f"V{_HIGH * (1 - height):.1f} H{(at + 1) * step:.1f}")
    return " ".join(parts)


def _text(said: str) -> str:
    return escape(clean(said))
