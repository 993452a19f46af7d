"""Each cause's share of the change: Shapley values over the repairs, with intervals by the delta method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ruleout.examination.gain import Gap
from ruleout.statistics.difference import standard_error

__all__ = ["Share", "shapley"]

Z95 = 1.959964


@dataclass(frozen=True)
class Share:
    """A cause's part of the change with its 95 % interval, each in [0, 1]."""

    value: float
    low: float
    high: float


def shapley(n_causes: int, values: Mapping[frozenset[int], Gap], harm: float, *, explained: bool) -> list[Share]:
    """Share the change among causes (Shapley, 1953): the mean gain of putting a cause right over all orders of repair.

    phi_i = sum over S without i of |S|! (k - |S| - 1)! / k! x [gap(S) - gap(S + i)]; share_i = phi_i / D, where D is the gain of all
    repairs together when they explain the change to within noise, else the whole change. Interval: share_i +- 1.96 sd(J_i) / sqrt(n)
    with J_i = (I_i - share_i I_D) / D, on influence values of the same rows; over different rows the errors add.

    Parameters
    ----------
    values
        The gap with each set of causes put right, the empty set included.
    harm
        The change as it is, counted so that more is worse.
    explained
        Nothing beyond noise is left when all causes are put right.
    """
    everything = frozenset(range(n_causes))
    total = values[frozenset()].closed_by(values[everything]).value
    denominator = total if (explained or total > harm) and total > 0 else harm
    shares = []
    for cause in range(n_causes):
        others = sorted(everything - {cause})
        terms = []
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(n_causes - size - 1) / math.factorial(n_causes)
            for members in combinations(others, size):
                before = frozenset(members)
                terms.append((weight, values[before], values[before | {cause}]))
        value = sum(w * a.closed_by(b).value for w, a, b in terms) / denominator if denominator > 0 else 0.0
        error = _error(terms, values[frozenset()], value, denominator)
        shares.append(Share(_unit(value), _unit(value - Z95 * error), _unit(value + Z95 * error)))
    return shares


def _error(terms: list[tuple[float, Gap, Gap]], base: Gap, share: float, denominator: float) -> float:
    """Standard error of a share, paired over rows wherever every cell scored the same ones."""
    if denominator <= 0:
        return 0.0
    cells = [gap.current for _, before, after in terms for gap in (before, after)]
    rows = {(cell.rows, cell.n) for cell in cells}
    refits = 0.7 * base.noise / denominator
    if len(rows) == 1 and all(cell.psi is not None for cell in cells):
        own = np.zeros(cells[0].n)
        for weight, before, after in terms:
            if before.current.psi is not None and after.current.psi is not None:
                own += base.sign * weight * (after.current.psi - before.current.psi)
        return math.hypot(standard_error(own / denominator), refits)
    spread = math.sqrt(sum((w * before.closed_by(after).error) ** 2 for w, before, after in terms)) / denominator
    return math.hypot(spread, refits) if math.isfinite(spread) else refits + abs(share)


def _unit(value: float) -> float:
    return float(min(max(value, 0.0), 1.0))
