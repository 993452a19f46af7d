"""How far a column moved as a share of its rows, with its interval and with what chance alone would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.statistics.difference import Z95
from ruleout.tables.changes import FLOORS, ColumnChange
from ruleout.tables.levels import Levels
from ruleout.tables.profile import ColumnProfile
from ruleout.tables.state import CategoryState, NumberState

__all__ = ["Gap", "gap_interval", "gap_of", "share_of", "visible_from"]

_Z80_ABOVE = 0.841621
_Z95_ABOVE = 1.644854
_KOLMOGOROV_95 = 1.358099
"""The 95 % point of the Kolmogorov distribution (Smirnov 1948)."""


@dataclass(frozen=True)
class Gap:
    """A share of the rows on the one side less that on the other, of the rows where the two differ most.

    Parameters
    ----------
    measure
        What it is the share of: `ks` (values up to the point where the cumulative distributions are farthest apart), `tvd` (values
        in the categories that became rarer), `nulls`, `top` (one frequent value) or `new` (categories beyond those expected).
    value
        In [0, 1].
    interval
        Its 95 % interval.
    noise
        What two samples of one population stay below 95 times in 100.
    """

    measure: str
    value: float
    interval: tuple[float, float]
    noise: float

    @property
    def floor(self) -> float:
        """The smallest gap of this measure that counts as a move."""
        return FLOORS[self.measure]

    def to_dict(self) -> dict[str, Any]:
        """The gap as JSON."""
        return {"measure": self.measure, "value": self.value, "interval": list(self.interval), "noise": self.noise, "floor": self.floor}


def gap_of(change: ColumnChange) -> Gap:
    """The largest gap of a column that moved; of one that did not, the distance of its values.

    A population stability index is no share: where it alone moved a column, the distance of its values stands for it.
    """
    shares = [measure for measure in change.moved_by if measure != "psi"]
    if not shares or change.moved_by != tuple(shares):
        # The index is no share of rows: the distance of the values stands for it.
        shares += [measure for measure in ("ks", "tvd") if measure in (change.effects or {}) and measure not in shares]
    return max((_gap(change, measure) for measure in shares or ["nulls"]), key=lambda gap: gap.value)


def gap_interval(hits: float, n: int, hits_current: float, m: int) -> tuple[float, float]:
    """The 95 % interval of a share of m values less a share of n: the hybrid score interval (Newcombe 1998, method 10)."""
    p, q = hits / n, hits_current / m
    (low, high), (low_current, high_current) = _score_interval(p, n), _score_interval(q, m)
    gap = q - p
    return (
        gap - float(np.hypot(q - low_current, high - p)),
        gap + float(np.hypot(high_current - q, p - low)),
    )


def visible_from(n: int, m: int, n_tests: int, rate: float) -> float:
    """The Kolmogorov-Smirnov distance that n and m values show four times in five; smaller moves need more rows.

    That of the asymptotic distribution's tail, 2 exp(-2 x^2), at `rate` shared out over all tests, and 0.84 standard errors more; never
    less than the floor.
    """
    if not n or not m:
        return 1.0
    beyond_chance = float(np.sqrt(np.log(2 * max(n_tests, 1) / rate) / 2))
    return min(1.0, max(FLOORS["ks"], (beyond_chance + 0.5 * _Z80_ABOVE) * float(np.sqrt(1 / n + 1 / m))))


def share_of(profile: ColumnProfile, value: Any) -> float:
    """Share of a column's values that one of its frequent ones has, in [0, 1]; 0 for one that is not among them."""
    if isinstance(profile.state, NumberState) and profile.n_values:
        # Of numbers the profile lists a hundred; its state knows more.
        frequent = profile.state.frequent
        return float(frequent.counts[frequent.values == value].sum()) / profile.n_values
    return float(profile.shares.get(value, 0.0))


def _gap(change: ColumnChange, measure: str) -> Gap:
    n, m = change.reference.n_values, change.current.n_values
    if measure == "nulls":
        return _between(measure, change.reference.n - n, change.reference.n, change.current.n - m, change.current.n)
    there, here = change.reference.state, change.current.state
    if measure == "ks" and isinstance(there, NumberState) and isinstance(here, NumberState):
        first, second = np.cumsum(there.counts), np.cumsum(here.counts)
        at = int(np.abs(first / n - second / m).argmax())
        return _between(measure, int(first[at]), n, int(second[at]), m, noise=_KOLMOGOROV_95 * float(np.sqrt(1 / n + 1 / m)))
    if measure == "tvd" and isinstance(there, CategoryState) and isinstance(here, CategoryState):
        first, second = Levels.of(there, here).bins
        rarer = first / n > second / m
        return _beyond_chance(_between(measure, int(first[rarer].sum()), n, int(second[rarer].sum()), m), first, second)
    if measure == "new":
        value = (change.effects or {})["new"]
        expected = max(0.0, (change.new_share or 0.0) - value)
        low, high = _score_interval(change.new_share or 0.0, m)
        noise = _Z95_ABOVE * float(np.sqrt(expected / m))
        return Gap(measure, value, (max(0.0, low - expected), max(0.0, high - expected)), noise)
    share = share_of(change.current, change.top_value) if m else 0.0
    return _between("top", (share - change.top_share_change) * n, n, share * m, m)


def _between(measure: str, hits: float, n: int, hits_current: float, m: int, *, noise: float | None = None) -> Gap:
    """The gap of two shares, positive whichever is larger."""
    if not n or not m:
        return Gap(measure, 0.0, (0.0, 1.0), 1.0)
    gap, (low, high) = hits_current / m - hits / n, gap_interval(hits, n, hits_current, m)
    low, high = (low, high) if gap >= 0 else (-high, -low)
    pooled = (hits + hits_current) / (n + m)
    chance = Z95 * float(np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))) if noise is None else noise
    return Gap(measure, abs(gap), (max(0.0, low), min(1.0, high)), min(1.0, chance))


def _beyond_chance(gap: Gap, first: np.ndarray, second: np.ndarray) -> Gap:
    """A total variation distance less what chance adds to it, in squares: many rare categories are far apart in any two samples.

    Under no change the distance is half a sum of half-normals, which are taken as independent.
    """
    n, m = first.sum(), second.sum()
    pooled = (first + second) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    expected = float(error.sum() * np.sqrt(2 / np.pi) / 2)
    highest = expected + _Z95_ABOVE * float(np.sqrt((error**2).sum() * (1 - 2 / np.pi))) / 2

    def beyond(distance: float) -> float:
        return float(np.sqrt(max(0.0, distance**2 - expected**2)))

    return Gap(gap.measure, beyond(gap.value), (beyond(gap.interval[0]), beyond(gap.interval[1])), min(1.0, beyond(highest)))


def _score_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share of n (Wilson 1927)."""
    z = Z95**2
    centre = (share * n + z / 2) / (n + z)
    half = Z95 / (n + z) * float(np.sqrt(max(0.0, share * (1 - share)) * n + z / 4))
    return max(0.0, centre - half), min(1.0, centre + half)
