"""Both distributions of a column in one drawing: numbers as two outlines over each other, categories as pairs of bars."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.distributions import Distribution
from ruleout.report.html.axes import HEIGHT, Axes, dates, drawing, round_ticks
from ruleout.report.html.bars import bars, level_name
from ruleout.report.side_by_side import lines
from ruleout.report.wording import clean
from ruleout.tables.shape import Shape
from ruleout.tables.side_by_side import Move
from ruleout.tables.spoken import figure, part

__all__ = ["card", "cards", "moved_rows"]

N_BINS = 24
N_LEVELS = 10
MOST_LEVELS = 500
"""Of so many categories those are drawn whose share changed most; what is rarer still is among all others."""


def cards(drawn: tuple[Distribution, ...]) -> list[dict[str, Any]]:
    """The distributions as the template reads them."""
    return [
        card(f"distribution-{at}", entry.place, entry.move, entry.names) | {"why": entry.why} for at, entry in enumerate(drawn, start=1)
    ]


def card(key: str, place: str, move: Move, names: tuple[str, str]) -> dict[str, Any]:
    """One column: its drawing, its numbers as a table, and what is said of it."""
    shape = _condensed(move.shape(MOST_LEVELS if move.change.kind == "category" else N_BINS))
    said = lines(move) if names[1] else []
    gap = move.gap
    effect = ""
    if names[1]:
        low, high = (part(end).removesuffix(" %") for end in gap.interval)
        sure = f"95 % interval {low} to {high} %" if move.moved else f"chance alone shows up to {part(gap.noise)}"
        effect = f"{part(gap.value)} of the rows {'moved' if move.moved and names[0].startswith('reference') else 'are elsewhere'} ({sure})"
    found = {
        "key": key,
        "place": place,
        "names": names,
        "said": [clean(line) for line in said],
        "effect": effect,
        "moved": move.moved,
        "n": (move.change.reference.n, move.change.current.n),
        "svg": None,
        "rows": [],
        "categories": False,
    }
    if shape is None:
        return found
    description = "; ".join([effect, *said]) or f"{move.change.reference.n:,} rows"
    body, height = (
        bars(shape.bins, shape.reference, shape.current)
        if shape.scale == "categories"
        else (_numbers(shape, dated=move.change.kind == "time"), HEIGHT)
    )
    found["svg"] = drawing(key, f"{place}: {' beside '.join(name for name in names if name)}", description, body, height=height)
    found["rows"] = _table(shape, dated=move.change.kind == "time")
    found["categories"] = shape.scale == "categories"
    return found


def moved_rows(moves: tuple[Move, ...]) -> list[dict[str, Any]]:
    """Every column with how far it moved, as rows of a table."""
    return [
        {
            "column": clean(move.column),
            "moved": move.moved,
            "part": part(move.gap.value),
            "sure": f"{part(move.gap.interval[0]).removesuffix(' %')} to {part(move.gap.interval[1])}"
            if move.moved
            else f"noise {part(move.gap.noise)}",
            "said": "; ".join(clean(line) for line in lines(move)),
        }
        for move in moves
    ]


def _numbers(shape: Shape, *, dated: bool) -> Markup:
    """Shares of numbers: bins of one width, on a logarithmic scale of one ratio."""
    bounds = np.asarray(shape.bins, dtype=float)
    places = np.log10(bounds) if shape.scale == "log" else bounds
    top = max(float(shape.reference.max(initial=0)), float(shape.current.max(initial=0))) or 1.0
    axes = Axes((float(places[0]), float(places[-1])), (0.0, top * 1.05))
    if shape.scale == "log":
        across = [(float(np.log10(value)), said) for value, said in round_ticks(float(bounds[0]), float(bounds[-1]), 5, log=True)]
    else:
        across = dates(float(bounds[0]), float(bounds[-1])) if dated else round_ticks(float(bounds[0]), float(bounds[-1]))
    parts = [axes.frame(across, [(value, part(value)) for value, _ in round_ticks(0.0, top, 3)])]
    bottom = axes.bottom
    for side, shares in (("reference", shape.reference), ("current", shape.current)):
        if shares.any():
            steps = "".join(
                f"V{axes.up(float(share)):.1f}H{axes.across(float(end)):.1f}" for share, end in zip(shares, places[1:], strict=True)
            )
            parts.append(
                Markup('<path class="step {}" d="M{:.1f} {}{}V{}"/>').format(side, axes.across(float(places[0])), bottom, steps, bottom)
            )
    return Markup("").join(parts)


def _condensed(shape: Shape | None) -> Shape | None:
    """At most `N_LEVELS` categories: the commonest where nothing changed, else those that changed most; the rest together."""
    if shape is None or shape.scale != "categories" or len(shape.bins) <= N_LEVELS:
        return shape
    named = np.array([at for at, name in enumerate(shape.bins) if name is not None])
    change, size = np.abs(shape.current - shape.reference)[named], np.maximum(shape.current, shape.reference)[named]
    # A change counts for more than a size: a small level that is gone is worth more than a large one that stayed.
    kept = np.sort(named[np.argsort(-(4 * change + size), kind="stable")[: N_LEVELS - 1]])
    sides = [np.append(side[kept], max(0.0, float(side.sum() - side[kept].sum()))) for side in (shape.reference, shape.current)]
    return Shape(sides[0], sides[1], (*(shape.bins[at] for at in kept), None), "categories")


def _table(shape: Shape, *, dated: bool) -> list[tuple[str, str, str]]:
    """The numbers behind a drawing: bin, reference, current."""
    if shape.scale == "categories":
        names = [level_name(name) for name in shape.bins]
    elif dated:
        ends = [said for _, said in (dates(value, value + 86_400 * 9, 2)[0] for value in shape.bins)]
        names = [f"{low} to {high}" for low, high in pairwise(ends)]
    else:
        names = [f"{figure(low)} to {figure(high)}" for low, high in pairwise(shape.bins)]
    return [(name, part(float(a)), part(float(b))) for name, a, b in zip(names, shape.reference, shape.current, strict=True)]
