"""A plot of two panels as plain SVG: what grows with the rows of a table, on logarithmic axes, a line a tool."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

COLOURS = ("#0b3c8c", "#777777", "#aaaaaa", "#c4a000", "#b3261e", "#1b7f4d", "#8e44ad", "#d2691e", "#00838f", "#c2185b", "#5d4037")
WIDTH, HEIGHT, LEFT, TOP, GAP, LABELS = 300, 300, 60, 40, 70, 110


def drawn(panels: Mapping[str, Mapping[str, Points]]) -> str:
    """The panels side by side: for each its title, and for each line its points (rows, value), both above 0."""
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    colour = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}
    whole = LEFT + len(panels) * (WIDTH + GAP) + LABELS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {TOP + HEIGHT + 50}" font-family="sans-serif" font-size="11">',
        f'<rect width="{whole}" height="{TOP + HEIGHT + 50}" fill="#ffffff"/>',
    ]
    for at, (title, lines) in enumerate(panels.items()):
        parts += _panel(title, lines, colour, LEFT + at * (WIDTH + GAP))
    for at, name in enumerate(names):
        x, y = LEFT + len(panels) * (WIDTH + GAP) - GAP + 24, TOP + 10 + 18 * at
        weight = ' font-weight="bold"' if name == "ruleout" else ""
        parts.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}" stroke="{colour[name]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 24}" y="{y}"{weight}>{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, lines: Mapping[str, Points], colour: Mapping[str, str], left: float) -> list[str]:
    across = [x for points in lines.values() for x, _ in points]
    up = [y for points in lines.values() for _, y in points]
    wide, high = _decades(across), _decades(up)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + WIDTH * (math.log10(x) - wide[0]) / (wide[1] - wide[0]),
            TOP + HEIGHT - HEIGHT * (math.log10(y) - high[0]) / (high[1] - high[0]),
        )

    parts = [f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{escape(title)}</text>']
    for decade in range(wide[0], wide[1] + 1):
        x, _ = place(10.0**decade, 10.0 ** high[0])
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{_short(decade)}</text>')
    for decade in range(high[0], high[1] + 1):
        _, y = place(10.0 ** wide[0], 10.0**decade)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(decade)}</text>')
    parts.append(f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">rows of each table</text>')
    for name, points in lines.items():
        placed = [place(x, y) for x, y in sorted(points)]
        width = 3 if name == "ruleout" else 1.5
        track = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{track}" fill="none" stroke="{colour[name]}" stroke-width="{width}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour[name]}"/>' for x, y in placed]
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _short(decade: int) -> str:
    if decade >= 6:
        return f"{10 ** (decade - 6)}M"
    return f"{10 ** (decade - 3)}k" if decade >= 3 else f"{10.0**decade:g}"
