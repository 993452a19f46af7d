"""The target along a column: a point for each tenth of a number's rows, a bar for each category."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.relations import Relation
from ruleout.report.html.axes import HEIGHT, Axes, drawing, round_ticks
from ruleout.report.html.bars import bars, level_name
from ruleout.report.wording import clean
from ruleout.tables.spoken import figure, part

__all__ = ["relations"]

SIDES = ("reference", "current")


def relations(found: tuple[Relation, ...]) -> list[dict[str, Any]]:
    """The relations as the template reads them."""
    return [_relation(f"relation-{at}", entry) for at, entry in enumerate(found, start=1)]


def _relation(key: str, entry: Relation) -> dict[str, Any]:
    what = f"the share of {entry.positive}" if entry.positive else f"the mean of {entry.target}"
    body, height = bars(entry.levels, *entry.values) if entry.levels else (_points(entry), HEIGHT)
    say = part if entry.positive else figure
    rows = [
        {"side": name, "at": level_name(entry.levels[at]) if entry.levels else figure(float(x)), "value": say(float(y))}
        for name, across, values in zip(entry.names, entry.at, entry.values, strict=True)
        for at, (x, y) in enumerate(zip(across, values, strict=True))
        if np.isfinite(y)
    ]
    told = "; ".join(f"{row['side']} at {row['at']}: {row['value']}" for row in rows)
    title = clean(f"{what} along {entry.place}")
    return {
        "key": key,
        "place": entry.place,
        "names": entry.names,
        "title": f"{clean(entry.target)} along {entry.place}",
        "what": f"{clean(what)}, category by category" if entry.levels else f"{clean(what)}, a point for each tenth of the rows",
        "across": "Category" if entry.levels else "At",
        "value": clean(what),
        "categories": bool(entry.levels),
        "rows": rows,
        "svg": drawing(key, title, told, body, height=height),
    }


def _points(entry: Relation) -> Markup:
    x, y = np.concatenate(entry.at), np.concatenate(entry.values)
    low, high = float(np.nanmin(y)), float(np.nanmax(y))
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - room, high + room
    if entry.positive:
        low, high = max(low, 0.0), min(high, 1.0)
    axes = Axes((float(x.min()), float(x.max())), (low, high))
    ticks = round_ticks(low, high)
    parts = [axes.frame(round_ticks(*axes.x), [(at, part(at)) for at, _ in ticks] if entry.positive else ticks)]
    for side, across, values in zip(SIDES, entry.at, entry.values, strict=True):
        parts.append(axes.line(across.tolist(), values.tolist(), f"line {side}"))
        parts += [axes.dot(a, b, side) for a, b in zip(across.tolist(), values.tolist(), strict=True)]
    return Markup("").join(parts)
