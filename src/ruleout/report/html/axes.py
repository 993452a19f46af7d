"""A pair of axes in SVG: a number's place, ticks at round numbers, and the frame that a drawing stands in.

Drawings are small templates of their own: a plotting library's SVG is a hundred times as large, has one fixed set of colours, and
cannot be read aloud. A colour is a class, so that light ground, dark ground and paper each have their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ruleout.report.wording import clean
from ruleout.tables.spoken import figure

__all__ = ["HEIGHT", "WIDTH", "Axes", "dates", "drawing", "round_ticks"]

WIDTH, HEIGHT = 352, 176
LEFT, RIGHT, TOP = 46, 10, 10
TICKS, TITLE = 24, 18
"""Room below the axis for its numbers, and below them for its title."""


@dataclass(frozen=True)
class Axes:
    """Where numbers are drawn: `x` and `y` are (low, high); logarithmic in y where `log`; `title` is written under the x axis."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False
    height: int = HEIGHT
    title: str = ""

    @property
    def bottom(self) -> float:
        """Where the x axis is."""
        return self.height - TICKS - (TITLE if self.title else 0)

    def across(self, value: float) -> float:
        """The place of a number from left to right."""
        low, high = self.x
        return LEFT + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        """The place of a number from the bottom up, in SVG's direction."""
        low, high = self.y
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.bottom - (value - low) / ((high - low) or 1.0) * (self.bottom - TOP)

    def line(self, x: Sequence[float], y: Sequence[float], style: str) -> Markup:
        """A line through points; it is broken where a value is no number."""
        said, pen = [], "M"
        for across, up in zip(x, y, strict=True):
            if not math.isfinite(up):
                pen = "M"
                continue
            said.append(f"{pen}{self.across(across):.1f} {self.up(up):.1f}")
            pen = "L"
        return Markup('<path class="{}" d="{}"/>').format(style, "".join(said))

    def dot(self, x: float, y: float, side: str, radius: float = 3) -> Markup:
        """A point."""
        return Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(side, self.across(x), self.up(y), radius)

    def frame(self, across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> Markup:
        """Grid lines and numbers at the ticks, each a place and what is written there."""
        bottom = self.bottom
        parts = [Markup("")]
        for value, said in up:
            y = self.up(value)
            parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(LEFT, y, WIDTH - RIGHT))
            parts.append(Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 6, y + 4, said))
        for value, said in across:
            x = self.across(value)
            place = "start" if x < LEFT + 14 and len(said) > 5 else "end" if x > WIDTH - RIGHT - 20 and len(said) > 3 else "middle"
            parts.append(Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, bottom + 16, place, said))
        parts.append(Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, bottom, WIDTH - RIGHT))
        if self.title:
            middle = (LEFT + WIDTH - RIGHT) / 2
            parts.append(
                Markup('<text class="label" x="{:.0f}" y="{}" text-anchor="middle">{}</text>').format(
                    middle, bottom + 33, clean(self.title)
                )
            )
        return Markup("").join(parts)


def drawing(key: str, title: str, description: str, body: Markup, *, height: int = HEIGHT, width: int = WIDTH) -> Markup:
    """A drawing with its name and its content in words, for those who hear it; `key` is unique on the page."""
    return Markup(
        '<svg class="drawing" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-labelledby="{k}-t {k}-d">'
        '<title id="{k}-t">{t}</title><desc id="{k}-d">{d}</desc>{body}</svg>'
    ).format(w=width, h=height, k=key, t=clean(title), d=clean(description), body=body)


def round_ticks(low: float, high: float, n: int = 4, *, log: bool = False) -> list[tuple[float, str]]:
    """About `n` round numbers (1, 2 or 5 times a power of ten) in [low, high] (Heckbert, 1990, Graphics Gems, "Nice numbers")."""
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / (n + 1)))
        powers = [10.0**at for at in range(first, last + 1, every)]
        if len(powers) > 1:
            return [(value, _power(value)) for value in powers]
        return [(value, figure(value)) for value in (low, high)]
    if not high > low:
        return [(low, figure(low))]
    rough = (high - low) / max(n, 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    values = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    decimals = max(0, -math.floor(math.log10(step)))
    largest = max(abs(low), abs(high))
    said = [f"{value + 0.0:,.{decimals}f}" if 1e-4 < largest < 1e6 and decimals < 6 else f"{value:.3g}" for value in values.tolist()]
    return [
        (value, word.replace("-0", "0") if float(word.replace(",", "")) == 0 else word)
        for value, word in zip(values.tolist(), said, strict=True)
    ]


def dates(low: float, high: float, n: int = 3) -> list[tuple[float, str]]:
    """`n` points in time between two, in seconds since 1970, as fine as the length between them asks for."""
    unit = 16 if high - low < 3 * 86_400 else 10
    points = np.linspace(low, high, n)
    return [(at, str(np.datetime64(round(at), "s")).replace("T", " ")[:unit]) for at in points.tolist()]


def _power(value: float) -> str:
    return figure(value) if 1e-3 <= value < 1e5 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
