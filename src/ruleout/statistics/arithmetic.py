"""Arithmetic that turns one column into another: units, scales, offsets, signs, logarithms, and which of them undoes a change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ruleout.statistics.quantiles import ks_critical, ks_distance

__all__ = [
    "Arithmetic",
    "best_inverse",
    "close_arithmetic",
    "decimals_of",
    "known_arithmetic",
    "on_values",
    "shape_gap",
    "snapped",
    "undone",
]

UNITS: dict[str, float] = {
    "x 10": 10.0,
    "x 100 (per cent, cents, centimetres)": 100.0,
    "x 1,000 (milli, kilo)": 1000.0,
    "x 10,000": 1e4,
    "x 1,000,000": 1e6,
    "x 2": 2.0,
    "x 7 (days a week)": 7.0,
    "x 12 (months a year, inches a foot)": 12.0,
    "x 24 (hours a day)": 24.0,
    "x 30": 30.0,
    "x 52 (weeks a year)": 52.0,
    "x 60 (minutes an hour)": 60.0,
    "x 365 (days a year)": 365.0,
    "x 365.25 (days a year)": 365.25,
    "x 1,440 (minutes a day)": 1440.0,
    "x 3,600 (seconds an hour)": 3600.0,
    "x 86,400 (seconds a day)": 86400.0,
    "x 2.54 (inches to centimetres)": 2.54,
    "x 25.4 (inches to millimetres)": 25.4,
    "x 0.3048 (feet to metres)": 0.3048,
    "x 0.0254 (inches to metres)": 0.0254,
    "x 30.48 (feet to centimetres)": 30.48,
    "x 0.9144 (yards to metres)": 0.9144,
    "x 1.609344 (miles to kilometres)": 1.609344,
    "x 1.852 (knots to km/h)": 1.852,
    "x 0.514444 (knots to m/s)": 1852 / 3600,
    "x 3.6 (m/s to km/h)": 3.6,
    "x 2.23694 (m/s to mph)": 2.2369363,
    "x 0.45359237 (pounds to kilograms)": 0.45359237,
    "x 6.350293 (stones to kilograms)": 6.35029318,
    "x 28.349523 (ounces to grams)": 28.349523,
    "x 3.785412 (gallons to litres)": 3.785411784,
    "x 0.0929 (square feet to square metres)": 0.09290304,
    "x 0.40468564 (acres to hectares)": 0.40468564224,
    "x 6.894757 (psi to kPa)": 6.894757293,
    "x 33.8639 (inHg to hPa)": 33.8639,
    "x 1.33322 (mmHg to hPa)": 1.33322,
    "x 4.184 (kcal to kJ)": 4.184,
    "x 5 (grams to carats)": 5.0,
    "x 57.29578 (radians to degrees)": 180 / np.pi,
    "x 38.67 (mmol/l to mg/dl, cholesterol)": 38.67,
    "x 18.0 (mmol/l to mg/dl, glucose)": 18.018,
}
CLOSE_UNITS: dict[str, float] = {
    "x 1.15078 (knots to mph)": 1.150779448,
    "x 1.09361 (metres to yards)": 1 / 0.9144,
    "x 1.10231 (metric to short tons)": 1.10231131,
}
"""Units so close to one another that a season may move a column as far: they are told by where the values stand, not by their spread."""

MOSTLY_OFF = 0.6
"""A column stands off its healthy grid where at most this part of its values is on it."""

ON_GRID = 0.2
"""The distance that a known formula may leave which puts the values back on the healthy grid: no chance does that."""

CURVES = ("log", "log1p", "log10", "log2", "exp", "expm1", "square", "sqrt", "reciprocal")


@dataclass(frozen=True)
class Arithmetic:
    """One formula applied to every value: `apply` is what was done to the column, `undo` takes it back.

    Parameters
    ----------
    kind
        `affine` (value x scale + offset) or one of the curves.
    scale, offset
        Of an affine formula.
    label
        How a person says it.
    known
        The constants come from a table of units, or the curve has none: nothing was fitted.
    """

    kind: str = "affine"
    scale: float = 1.0
    offset: float = 0.0
    label: str = ""
    known: bool = False

    def apply(self, values: np.ndarray) -> np.ndarray:
        """The healthy values as the fault makes them; NaN or infinite where the formula has no value."""
        return _curve(self.kind, values) if self.kind != "affine" else values * self.scale + self.offset

    def undo(self, values: np.ndarray) -> np.ndarray:
        """The values as they were before."""
        return _curve(_INVERSE[self.kind], values) if self.kind != "affine" else (values - self.offset) / self.scale


_INVERSE = {
    "log": "exp",
    "log1p": "expm1",
    "log10": "exp10",
    "log2": "exp2",
    "exp": "log",
    "expm1": "log1p",
    "square": "sqrt",
    "sqrt": "square",
    "reciprocal": "reciprocal",
}


def _curve(kind: str, values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if kind == "reciprocal":
            return np.asarray(1.0 / values)
        if kind == "exp10":
            return np.asarray(10.0**values)
        return np.asarray(getattr(np, kind)(values))


FEW_LEVELS = 500
"""A column of so many values at most stands on them, be they no grid."""


@cache
def known_arithmetic() -> tuple[Arithmetic, ...]:
    """Every formula without a fitted constant: units both ways, temperatures, the sign, the curves."""
    out = [Arithmetic(scale=k, label=label, known=True) for label, k in UNITS.items()]
    out += [Arithmetic(scale=1 / k, label=f"the inverse of {label}", known=True) for label, k in UNITS.items()]
    out += [
        Arithmetic(scale=1.8, offset=32.0, label="x 1.8 + 32 (Celsius to Fahrenheit)", known=True),
        Arithmetic(scale=1 / 1.8, offset=-32 / 1.8, label="(x - 32) / 1.8 (Fahrenheit to Celsius)", known=True),
        Arithmetic(offset=273.15, label="+ 273.15 (Celsius to kelvin)", known=True),
        Arithmetic(offset=-273.15, label="- 273.15 (kelvin to Celsius)", known=True),
        Arithmetic(scale=1 / 1.8, offset=273.15 - 32 / 1.8, label="(x + 459.67) / 1.8 (Fahrenheit to kelvin)", known=True),
        Arithmetic(scale=-1.0, label="x -1 (the sign turned)", known=True),
        Arithmetic(scale=-1.0, offset=1.0, label="1 - x", known=True),
        Arithmetic(scale=-1.0, offset=100.0, label="100 - x", known=True),
    ]
    out += [Arithmetic(kind=kind, label=kind, known=True) for kind in CURVES]
    return tuple(out)


@cache
def close_arithmetic() -> tuple[Arithmetic, ...]:
    """Units that lie close to one another, both ways."""
    out = [Arithmetic(scale=k, label=label, known=True) for label, k in CLOSE_UNITS.items()]
    return (*out, *(Arithmetic(scale=1 / k, label=f"the inverse of {label}", known=True) for label, k in CLOSE_UNITS.items()))


def decimals_of(values: np.ndarray, *, most: int = 6) -> int | None:
    """The fewest decimals that hold at least 99.5 % of the values, None where more than `most` are needed."""
    for decimals in range(most + 1):
        scaled = values * 10.0**decimals
        if np.mean(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled))) >= 0.995:
            return decimals
    return None


def on_values(values: np.ndarray, healthy: np.ndarray) -> float:
    """The share of `values` that stand exactly (to 1 in 10^7) where some healthy value stands, in [0, 1]."""
    known = np.unique(healthy)
    if not len(values) or not len(known):
        return 0.0
    at = np.searchsorted(known, values)
    gap = np.minimum(np.abs(values - known[np.clip(at, 0, len(known) - 1)]), np.abs(values - known[np.clip(at - 1, 0, len(known) - 1)]))
    return float(np.mean(gap <= 1e-7 * np.maximum(np.abs(values), 1e-9) + 1e-12))


def shape_gap(arithmetic: Arithmetic, values: np.ndarray, healthy: np.ndarray) -> float:
    """How far `values`, with the formula undone, lie from the healthy ones, by 101 quantiles: quick, for choosing candidates.

    Both arrays sorted. The healthy distribution function is taken halfway up its jumps, so ties do not pull it to a side.
    """
    at = np.linspace(0.005, 0.995, 100)
    undone = arithmetic.undo(np.quantile(values, at))
    if not np.all(np.isfinite(undone)):
        return 1.0
    if undone[-1] < undone[0]:
        undone = undone[::-1]
    slack = np.maximum(1e-9 * np.maximum(np.abs(undone), 1e-9), _level_slack(_rounded_by(values, arithmetic), np.unique(healthy)))
    left, right = np.searchsorted(healthy, undone - slack, side="left"), np.searchsorted(healthy, undone + slack, side="right")
    outside = np.maximum(np.maximum(left / len(healthy) - at, at - right / len(healthy)), 0)
    return float(np.max(outside))


def best_inverse(
    values: np.ndarray, healthy: np.ndarray, *, fitted: bool = True, n_kept: int = 6, usual: float = 0.0
) -> tuple[Arithmetic, float] | None:
    """The formula that, undone, brings `values` back to the healthy distribution to within sampling noise, with the distance left.

    Formulas without fitted constants come first, then a scale alone, an offset alone, both. None where nothing comes within the distance
    that samples of these sizes exceed one time in a thousand; a known formula may leave what is `usual`, or more where it puts the values
    back on the healthy column's own grid.

    Parameters
    ----------
    values, healthy
        Finite numbers, shapes (n,) and (m,).
    fitted
        Constants may be estimated; else only known ones are tried.
    usual
        Distance of columns that nothing happened to: samples of whole clusters, or of another season, differ by more than single rows do.
    """
    values, healthy = np.sort(values), np.sort(healthy)
    noise = 1.2 * ks_critical(len(values), len(healthy), 1e-3)
    tiers = [list(known_arithmetic())]
    if fitted:
        tiers += [[c] for c in _fitted(values, healthy)]
    good: list[tuple[float, int, float, Arithmetic]] = []
    off_grid = on_values(values, healthy) < MOSTLY_OFF
    for rank, tier in enumerate(tiers):
        close = sorted((shape_gap(c, values, healthy), i) for i, c in enumerate(tier))[:n_kept]
        for gap, i in close:
            known = tier[i].known
            least = max(noise, usual) if known else noise
            if gap > 1.5 * max(least, ON_GRID if known and off_grid else 0.0) + 0.01:
                break
            right = undone(tier[i], values, healthy)
            kept = right[np.isfinite(right)]
            distance = ks_distance(kept, healthy)
            back = known and off_grid and on_values(kept, healthy) > 0.98
            if len(kept) >= 0.999 * len(values) and distance <= max(least, ON_GRID if back else 0.0):
                good.append((-round(on_values(kept, healthy), 1), rank, distance, tier[i]))
    if not good:
        return None
    # Where healthy values stand on a grid, the formula that puts the values back on it; else the simplest; else the nearest.
    found = min(good, key=lambda g: g[:3])
    return found[3], found[2]


def snapped(values: np.ndarray, healthy: np.ndarray, *, rounded: float = 0.0) -> np.ndarray:
    """The values on the healthy column's grid of decimals where they miss it by rounding error alone.

    `rounded` is how far the rounding of the changed values moves them once the formula is undone; it counts while it is small
    against the grid, or against the few values that there are (whole inches among centimetres that were whole inches).
    """
    out = values
    decimals = decimals_of(healthy)
    if decimals is not None:
        near = np.round(values, decimals)
        slack = rounded if rounded < 0.2 * 10.0**-decimals else 0.0
        with np.errstate(invalid="ignore"):  # infinite values are on no grid
            on_grid = np.abs(near - values) <= slack + 1e-6 * np.maximum(1.0, np.abs(values))
        out = np.where(on_grid, near, values)
        if np.mean(on_grid) > MOSTLY_OFF:
            return out
    levels = np.unique(healthy[np.isfinite(healthy)])
    reach = _level_slack(rounded, levels)
    if not reach:
        return out
    above = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
    nearest = np.where(np.abs(values - levels[above - 1]) < np.abs(values - levels[above]), levels[above - 1], levels[above])
    return np.where(np.abs(nearest - values) <= reach, nearest, out)


def _level_slack(rounded: float, levels: np.ndarray) -> float:
    """How far a rounded value may stand from a healthy one and be it: `rounded`, where the values are few and further apart."""
    return rounded if 1 < len(levels) <= FEW_LEVELS and 0 < rounded <= float(np.median(np.diff(levels))) else 0.0


def _rounded_by(values: np.ndarray, arithmetic: Arithmetic) -> float:
    """How far the rounding of changed values moves them once an affine formula is undone; 0 where they are not rounded."""
    decimals = decimals_of(values) if arithmetic.kind == "affine" else None
    return 0.0 if decimals is None else 0.51 * 10.0**-decimals / abs(arithmetic.scale)


def undone(arithmetic: Arithmetic, values: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """The values with a formula undone, on the healthy column's grid where they miss it by rounding alone."""
    return snapped(arithmetic.undo(values), healthy, rounded=_rounded_by(values[np.isfinite(values)], arithmetic))


def _fitted(values: np.ndarray, healthy: np.ndarray) -> Iterator[Arithmetic]:
    """Formulas with estimated constants: from the grids that both columns stand on, else by least squares on quantiles."""
    at = np.linspace(0.02, 0.98, 97)
    seen, base = np.quantile(values, at), np.quantile(healthy, at)
    step, healthy_step = _spacing(values), _spacing(healthy)
    for sign in (1.0, -1.0) if step and healthy_step else ():
        scale = sign * step / healthy_step
        offset = float(np.median(seen - scale * (base if sign > 0 else base[::-1])))
        # Healthy values stand at multiples of their step from any one of them, so the offset is known but for whole steps.
        offset = values[0] - scale * (healthy[0] + healthy_step * round(((values[0] - offset) / scale - healthy[0]) / healthy_step))
        steps = max(3, int(0.05 * np.std(healthy) / healthy_step))
        shifts = [Arithmetic(scale=scale, offset=offset + j * step) for j in range(-min(steps, 60), min(steps, 60) + 1)]
        if min(abs(s.offset) for s in shifts) < 1e-6 * step:
            yield Arithmetic(scale=scale, label=f"x {scale:.6g}")
        best = min(
            shifts, key=lambda s: (-round(on_values(s.undo(values), healthy), 2), ks_distance(snapped(s.undo(values), healthy), healthy))
        )
        yield replace(best, label=f"x {scale:.6g} {best.offset:+.6g}" if abs(scale - 1) > 1e-9 else f"{best.offset:+.6g}")
    for sign in (1.0, -1.0):
        right = base if sign > 0 else -base[::-1]
        if np.dot(seen, right) > 0:
            scale = sign * float(np.dot(seen, right) / np.dot(right, right))
            yield Arithmetic(scale=scale, label=f"x {scale:.4g}")
    offset = float(np.mean(seen - base))
    decimals = decimals_of(healthy, most=2)
    if decimals is not None and decimals == decimals_of(values, most=2) and round(offset, decimals):
        # Two codes have a mean between them, and stand on a grid all the same.
        yield Arithmetic(offset=round(offset, decimals), label=f"{round(offset, decimals):+g}")
    yield Arithmetic(offset=offset, label=f"{offset:+.4g}")
    for sign in (1.0, -1.0):
        right = base if sign > 0 else base[::-1]
        slope = float(np.cov(right, seen, bias=True)[0, 1] / (np.var(right) or np.inf))
        if slope:
            shift = float(np.mean(seen) - slope * np.mean(right))
            yield Arithmetic(scale=slope, offset=shift, label=f"x {slope:.4g} {shift:+.4g}")


def _spacing(values: np.ndarray) -> float:
    """The step of the grid that all values stand on; 0 where they stand on none."""
    levels = np.unique(values)
    levels = levels[np.append(True, np.diff(levels) > 1e-9 * np.ptp(levels))]
    if len(levels) < 5:
        return 0.0
    step = float(np.min(np.diff(levels)))
    for reach in (30 * step, np.inf):
        near = levels[levels - levels[0] <= reach] if np.isfinite(reach) else levels
        if len(near) > 1 and (n_steps := round((near[-1] - levels[0]) / step)):
            step = float(near[-1] - levels[0]) / n_steps
    places = (levels - levels[0]) / step
    return step if np.max(np.abs(places - np.round(places))) < 0.01 else 0.0
