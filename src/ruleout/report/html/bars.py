"""Categories as pairs of bars, with what they stand for at their end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from ruleout.report.html.axes import WIDTH
from ruleout.report.wording import clean, shortened
from ruleout.tables.spoken import part

__all__ = ["bars", "level_name"]

ROW = 33
NAME = 124


def level_name(name: object) -> str:
    """A category in words; None stands for all others together."""
    return "all others" if name is None else clean(name) or "(empty text)"


def bars(levels: Sequence[object], reference: np.ndarray, current: np.ndarray) -> tuple[Markup, int]:
    """A drawing and its height.

    Parameters
    ----------
    levels
        Categories; None stands for all others together, which would dwarf each of them and is told without a bar.
    reference, current
        Parts in [0, 1], shape (n_levels,), NaN (drawn as a dash) where there is none; a side of nothing but zeros is left out.
    """
    named = [at for at, name in enumerate(levels) if name is not None]
    sides = [(side, shares) for side, shares in (("reference", reference), ("current", current)) if np.nan_to_num(shares).any()]
    top = max((float(np.nan_to_num(shares[named]).max(initial=0)) for _, shares in sides), default=0.0) or 1.0
    each = ROW if len(sides) > 1 else ROW - 11
    label = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}<title>{}</title></text>')
    parts = []
    for at, name in enumerate(levels):
        said = level_name(name)
        y = 4 + at * each
        parts.append(label.format(NAME - 8, y + each / 2, shortened(said, 16), said))
        if name is None:
            shares_said = " → ".join(part(float(shares[at])) for _, shares in sides)
            parts.append(Markup('<text class="small" x="{}" y="{}">{}</text>').format(NAME, y + each / 2, shares_said))
        else:
            parts += [_bar(side, float(shares[at]), top, y + 13 * row) for row, (side, shares) in enumerate(sides)]
    return Markup("").join(parts), 8 + each * len(levels)


def _bar(side: str, share: float, top: float, y: float) -> Markup:
    if not np.isfinite(share):
        return Markup('<text class="small" x="{}" y="{}">-</text>').format(NAME + 4, y + 9)
    long = share / top * (WIDTH - NAME - 52)
    bar = Markup('<rect class="bar {}" x="{}" y="{}" width="{:.1f}" height="10"/>').format(side, NAME, y, max(long, 0.5) if share else 0)
    return bar + Markup('<text class="small" x="{:.1f}" y="{}">{}</text>').format(NAME + long + 4, y + 9, part(share) if share else "0")
