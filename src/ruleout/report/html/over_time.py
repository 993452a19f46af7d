"""A column along the time column: a line for each side, and the band in which most of its values lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.over_time import OverTime
from ruleout.report.html.axes import Axes, dates, drawing, round_ticks
from ruleout.report.wording import clean
from ruleout.tables.spoken import figure, part

__all__ = ["timelines"]


def timelines(drawn: tuple[OverTime, ...]) -> list[dict[str, Any]]:
    """The columns over time as the template reads them."""
    return [_card(f"time-{at}", entry) for at, entry in enumerate(drawn, start=1)]


def _card(key: str, entry: OverTime) -> dict[str, Any]:
    say = figure if entry.bands is not None else part
    middle = (entry.edges[:-1] + entry.edges[1:]) / 2
    when = [said for _, said in dates(float(middle[0]), float(middle[-1]), len(middle))] if entry.dated else [figure(at) for at in middle]
    return {
        "key": key,
        "place": entry.place,
        "names": entry.names,
        "title": f"{entry.place} over time",
        "what": clean(entry.what),
        "across": "When",
        "value": "Median" if entry.bands is not None else "Share",
        "categories": False,
        "rows": [
            {"side": name, "at": at, "value": say(float(value))}
            for name, values in zip(entry.names, entry.values, strict=True)
            for at, value in zip(when, values, strict=True)
            if np.isfinite(value)
        ],
        "svg": _timeline(key, entry),
    }


def _timeline(key: str, entry: OverTime) -> Markup:
    """One column over time: a line for each side, and the band in which most values lie."""
    every = [*entry.values, *(entry.bands or ())]
    known = np.concatenate([np.ravel(values)[np.isfinite(np.ravel(values))] for values in every])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if entry.bands is None:
        low, high = 0.0, max(high * 1.08, 0.01)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    axes = Axes((float(entry.edges[0]), float(entry.edges[-1])), (low, high))
    shares = entry.bands is None
    up = [(value, part(value)) for value, _ in round_ticks(low, high)] if shares else round_ticks(low, high)
    across = dates(*axes.x) if entry.dated else round_ticks(*axes.x)
    middle = (entry.edges[:-1] + entry.edges[1:]) / 2
    parts = [axes.frame(across, up)]
    for at, side in enumerate(("reference", "current")):
        values = entry.values[at]
        if entry.bands is not None:
            parts.append(_band(axes, middle, entry.bands[at], side))
        parts.append(axes.line(middle.tolist(), values.tolist(), f"line {side}"))
        parts += [axes.dot(x, y, side, 2.2) for x, y in zip(middle.tolist(), values.tolist(), strict=True) if np.isfinite(y)]
    description = "; ".join(_told(entry, part if shares else figure))
    return drawing(key, f"{entry.place} over time: {entry.what}", description, Markup("").join(parts))


def _told(entry: OverTime, say: Callable[[float], str]) -> Iterator[str]:
    for name, values in zip(entry.names, entry.values, strict=True):
        seen = values[np.isfinite(values)].tolist()
        if name and seen:
            yield f"{name}: {say(seen[0])} at first, {say(seen[-1])} at last, {say(min(seen))} to {say(max(seen))} on the way"


def _band(axes: Axes, x: np.ndarray, band: np.ndarray, side: str) -> Markup:
    parts = []
    known = np.isfinite(band).all(axis=0)
    for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(known.astype(int))) + 1):
        if known[run[0]]:
            points = [(x[at], band[1, at]) for at in run] + [(x[at], band[0, at]) for at in run[::-1]]
            drawn = "L".join(f"{axes.across(float(a)):.1f} {axes.up(float(b)):.1f}" for a, b in points)
            parts.append(Markup('<path class="band {}" d="M{}Z"/>').format(side, drawn))
    return Markup("").join(parts)
