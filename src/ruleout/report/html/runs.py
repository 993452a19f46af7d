"""The runs of a black box: a row a mix of values, a point a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.mixes import Mix
from ruleout.report.html.axes import WIDTH, drawing, round_ticks
from ruleout.report.wording import clean, number, shortened

__all__ = ["runs"]

NAME, RIGHT, TOP, ROW = 150, WIDTH - 12, 12, 24


def runs(found: tuple[Mix, ...], metric: str) -> dict[str, Any] | None:
    """The runs as the template reads them; None where there are none."""
    values = [value for mix in found for value in mix.metrics]
    if not values:
        return None
    room = 0.08 * (max(values) - min(values)) or 0.5
    rows = [
        {
            "side": _side(mix),
            "said": _said(mix),
            "mean": number(float(np.mean(mix.metrics))) if mix.metrics else "none",
            "n": len(mix.metrics),
            "failed": mix.failed,
        }
        for mix in found
    ]
    body, height = _drawn(found, min(values) - room, max(values) + room)
    description = "; ".join(f"{row['said']}: {row['mean']}" for row in rows)
    return {"rows": rows, "svg": drawing("runs", f"{metric} of every run, by mix of values", description, body, height=height)}


def _drawn(found: tuple[Mix, ...], low: float, high: float) -> tuple[Markup, int]:
    def across(value: float) -> float:
        return NAME + (value - low) / (high - low) * (RIGHT - NAME)

    height = TOP + ROW * len(found) + 30
    parts = []
    for value, said in round_ticks(low, high, 3):
        parts.append(Markup('<path class="grid" d="M{:.1f} {}V{}"/>').format(across(value), TOP - 6, height - 26))
        parts.append(Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(across(value), height - 10, said))
    for row, mix in enumerate(found):
        y = TOP + ROW * row + 8
        short = _said(mix) if _side(mix) != "mixed" else f"+ {_named(mix)}"
        name = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}<title>{}</title></text>')
        parts.append(name.format(NAME - 10, y + 4, shortened(short, 22), _said(mix)))
        point = Markup('<circle class="dot {}" cx="{:.1f}" cy="{}" r="4"/>')
        parts += [point.format(_side(mix), across(value), y) for value in mix.metrics]
    return Markup("").join(parts), height


def _side(mix: Mix) -> str:
    return "reference" if not mix.current else "current" if len(mix.current) == mix.all_factors else "mixed"


def _said(mix: Mix) -> str:
    return f"reference, but {_named(mix)} as now" if _side(mix) == "mixed" else _side(mix)


def _named(mix: Mix) -> str:
    return ", ".join(clean(name) for name in mix.current)
