"""Training curves, those that belong together on one pair of axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.curves import Panel
from ruleout.report.html.axes import Axes, drawing, round_ticks
from ruleout.tables.spoken import figure

__all__ = ["panels"]


def panels(found: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """The training curves as the template reads them."""
    return [_panel(f"curve-{at}", panel) for at, panel in enumerate(found, start=1)]


def _panel(key: str, panel: Panel) -> dict[str, Any]:
    y = np.concatenate([line.y for line in panel.lines])
    across = panel.x
    low, high = (float(y.min()), float(y.max())) if y.size else (0.0, 1.0)
    if not panel.log:
        room = 0.04 * (high - low) or abs(high) * 0.1 or 0.5
        low, high = (low - room if low < 0 or low > 0.5 * high else min(low, 0.0)), high + room
    axes = Axes(across if across[1] > across[0] else (across[0] - 0.5, across[0] + 0.5), (low, high), log=panel.log, title=panel.axis)
    whole = [(at, said) for at, said in round_ticks(*axes.x) if float(at).is_integer()]
    parts = [axes.frame(whole or round_ticks(*axes.x), round_ticks(low, high, log=panel.log))]
    told = []
    for line in panel.lines:
        style = f"line {line.side}{' second' if line.second else ''}"
        parts.append(axes.line(line.x.tolist(), line.y.tolist(), style))
        if len(line.x) == 1:
            parts.append(axes.dot(float(line.x[0]), float(line.y[0]), line.side))
        if line.lost is not None:
            at = axes.across(line.lost)
            parts.append(Markup('<path class="lost {}" d="M{:.1f} 10V{}"/>').format(line.side, at, axes.bottom))
        told.append(_told(line.name, line.side, line.y, line.lost, panel.axis))
    legend = [
        {"side": line.side, "second": line.second, "name": f"{line.side} {line.name}" if _two(panel) else line.name} for line in panel.lines
    ]
    return {
        "key": key,
        "title": panel.title,
        "legend": legend,
        "said": told,
        "log": panel.log,
        "svg": drawing(key, panel.title, " ".join(told), Markup("").join(parts)),
    }


def _two(panel: Panel) -> bool:
    return len({line.side for line in panel.lines}) > 1


def _told(name: str, side: str, y: np.ndarray, lost: float | None, axis: str) -> str:
    broken = "" if lost is None else f"; no number from {axis} {figure(lost)} on"
    if not y.size:
        return f"{side} {name}: no number at all."
    if y.min() == y.max() and not broken:
        return f"{side} {name}: {figure(float(y[0]))} throughout."
    ends = f"{figure(float(y[0]))} at first, {figure(float(y[-1]))} at last"
    return f"{side} {name}: {ends}, between {figure(float(y.min()))} and {figure(float(y.max()))} on the way{broken}."
