"""How values, shares and lengths of time of a table are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

__all__ = ["duration", "figure", "moment", "part", "quoted"]

_LONGEST_TEXT = 24


def figure(value: float) -> str:
    """Say a number with four significant digits, a whole one up to a million with all of its own."""
    if not np.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) < 1e-3 or abs(value) >= 1e7:
        return f"{value:.3g}"
    decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
    said = f"{value:,.{decimals}f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


def part(share: float) -> str:
    """Say a share in percent, with a decimal below ten; what is not quite nothing or everything is not rounded to it."""
    hundred = 100 * share
    if 0 < hundred < 0.05:
        return "<0.1 %"
    if 99.95 < hundred < 100:
        return ">99.9 %"
    if 0 < hundred < 9.95 or 90 <= hundred < 100:
        return f"{hundred:.1f} %".replace(".0 %", " %")
    return f"{hundred:.0f} %"


def moment(seconds: float, *, fine: bool = False) -> str:
    """Say a point in time, given in seconds since 1970: its date, and the minute where `fine`."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return f"{figure(seconds)} s since 1970"
    return when.strftime("%Y-%m-%d %H:%M" if fine else "%Y-%m-%d")


def duration(seconds: float) -> str:
    """Say a length of time in the largest unit of which there are two or more, or in seconds."""
    for unit, length in (("years", 31_557_600.0), ("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if abs(seconds) >= 2 * length:
            return f"{figure(float(f'{abs(seconds) / length:.3g}'))} {unit}"
    return f"{figure(float(f'{abs(seconds):.3g}'))} s"


def quoted(value: Any) -> str:
    """Say a category in quotes, a long one cut; a number as it is."""
    if isinstance(value, int | float | np.number):
        return figure(float(value))
    text = str(value)
    return f'"{text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"}"'
