"""The two distributions of a column in the same few bins, so that they can be drawn beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.tables.changes import ColumnChange
from ruleout.tables.levels import Levels
from ruleout.tables.profile import ColumnProfile
from ruleout.tables.state import CategoryState, NumberState

__all__ = ["Shape", "shape_of"]

_INSIDE = 0.005
"""What lies outside this quantile or its mirror counts in the end bins: one absurd value would leave all others in one bin."""
_SKEWED = 20.0


@dataclass(frozen=True)
class Shape:
    """Shares of the values in common bins.

    Parameters
    ----------
    reference, current
        Shape (n_bins,); each sums to 1, or to 0 where the side has no values.
    bins
        Of numbers and times n_bins + 1 bounds in the column's unit; of categories their names, None for all others together.
    scale
        `linear`, `log` (positive numbers whose largest are far away) or `categories`.
    """

    reference: np.ndarray
    current: np.ndarray
    bins: tuple[Any, ...]
    scale: str

    def to_dict(self) -> dict[str, Any]:
        """The shape as JSON."""
        return {"scale": self.scale, "bins": list(self.bins), "reference": self.reference.tolist(), "current": self.current.tolist()}


def shape_of(change: ColumnChange, n_bins: int = 24) -> Shape | None:
    """The shape of a column in at most `n_bins` bins; None where neither side has values that can be drawn."""
    there, here = change.reference.state, change.current.state
    if isinstance(there, CategoryState) and isinstance(here, CategoryState):
        return _of_categories(Levels.of(there, here), n_bins) if there.n - there.n_null or here.n - here.n_null else None
    if isinstance(there, NumberState) and isinstance(here, NumberState):
        return _of_numbers(change.reference, change.current, n_bins)
    return None


def _of_numbers(there: ColumnProfile, here: ColumnProfile, n_bins: int) -> Shape | None:
    sides = [profile for profile in (there, here) if profile.min is not None and profile.max is not None]
    if not sides:
        return None
    ends = [(profile.quantile(_INSIDE) or 0.0, profile.quantile(1 - _INSIDE) or 0.0) for profile in sides]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    smallest = min(profile.min or 0.0 for profile in sides)
    middles = [profile.quantile(0.5) or 0.0 for profile in sides]
    scale = "linear"
    if high <= low:
        bounds = np.linspace(low - 0.5, low + 0.5, n_bins + 1)
    elif smallest > 0 and there.kind == "numeric" and high > _SKEWED * max(middles):
        scale, bounds = "log", np.geomspace(low, high, n_bins + 1)
    else:
        # Weighted ends, since the width of a range can be more than a float holds.
        inside = np.linspace(0, 1, n_bins + 1)
        bounds = _whole(low * (1 - inside) + high * inside, low, high, sides)
    shares = [_between(profile, bounds) for profile in (there, here)]
    return Shape(shares[0], shares[1], tuple(bounds.tolist()), scale)


def _whole(bounds: np.ndarray, low: float, high: float, sides: list[ColumnProfile]) -> np.ndarray:
    """Bounds halfway between whole numbers where there are few of them: else some bins would hold two and some one."""
    whole = all("int" in profile.type for profile in sides) or all(_is_whole(profile) for profile in sides)
    n_bins = len(bounds) - 1
    if not whole or not low.is_integer() or not high.is_integer() or high - low > 8 * n_bins:
        return bounds
    step = int(np.ceil((high - low + 1) / n_bins))
    starts = np.arange(low, high + 1, step)
    return np.append(starts, max(starts[-1] + step, high + 1)) - 0.5


def _is_whole(profile: ColumnProfile) -> bool:
    return bool(profile.top) and profile.top_error == 0 and all(float(value).is_integer() for value, _ in profile.top)


def _between(profile: ColumnProfile, bounds: np.ndarray) -> np.ndarray:
    """A profile's shares between bounds; what lies below the first or above the last is in the end bins."""
    if not profile.n_values or profile.min is None or profile.max is None:
        return np.zeros(len(bounds) - 1)
    with np.errstate(over="ignore"):
        edges = np.clip(profile.edges.astype(np.float64), profile.min, profile.max)
    heights = np.concatenate([[0.0], np.cumsum(profile.counts) / profile.n_values])
    places = np.concatenate([[np.nextafter(profile.min, -np.inf)], edges, [profile.max]])
    if profile.edges.dtype.kind != "f":
        # Between an integer and the next one there is nothing: the cumulative share stays where it is until just before it.
        places = np.stack([places, np.minimum(places + 1 - 1e-6, np.append(places[1:], places[-1]))], axis=1).ravel()
        heights = np.repeat(heights, 2)
    cumulative = np.interp(bounds[1:-1], places, heights)
    return np.diff(np.concatenate([[0.0], cumulative, [1.0]]))


def _of_categories(levels: Levels, n_bins: int) -> Shape:
    n, m = max(levels.n_reference, 1), max(levels.n_current, 1)
    names = levels.values.to_pylist()
    largest = np.maximum(levels.reference / n, levels.current / m)
    shown = np.argsort(-largest, kind="stable")[: n_bins if len(names) <= n_bins else n_bins - 1]
    shown = np.array(sorted(shown.tolist(), key=lambda at: (-levels.reference[at], -levels.current[at], names[at])), dtype=np.int64)
    sides = [counts[shown] / total for counts, total in ((levels.reference, n), (levels.current, m))]
    bins: list[Any] = [names[at] for at in shown]
    if len(names) > len(bins):
        sides = [np.append(side, max(0.0, 1.0 - side.sum()) if side.any() else 0.0) for side in sides]
        bins.append(None)
    return Shape(sides[0], sides[1], tuple(bins), "categories")
