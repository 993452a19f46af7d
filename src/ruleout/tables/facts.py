"""What of a column moved: its nulls, its middle, its spread, its categories, each a figure on both sides and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.statistics.difference import Z95
from ruleout.tables.changes import FLOORS, ColumnChange
from ruleout.tables.gaps import gap_interval, share_of
from ruleout.tables.levels import Levels
from ruleout.tables.profile import ColumnProfile
from ruleout.tables.spoken import duration, figure, moment, part, quoted
from ruleout.tables.state import CategoryState

__all__ = ["Fact", "facts_of", "remark_of"]

_TOLD_GAP = 0.005
"""A share that changed by less is not spoken of."""
_TOLD_SPREAD = 1.15
"""A spread that changed by a smaller factor is not spoken of."""
_SAME_SHAPE = 0.04
_SAME_SHAPE_FAR = 0.08
"""Quantiles this close to a shifted or scaled copy, in units of the middle half, are one; the second where they moved by half of it."""
_EXACT_ROWS = 20_000
"""Fewer values do not tell the third digit of a factor."""
_FAR_OUT = 10.0
"""A range that grew by this factor holds values of another kind."""
_SHOWN = 3
_FINE_SECONDS = 4 * 86_400


@dataclass(frozen=True)
class Fact:
    """One thing that is otherwise on the two sides of a column.

    Parameters
    ----------
    what
        `nulls`, `mean`, `median`, `quantiles`, `spread`, `range`, `frequent-value`, `categories`, `new-categories`,
        `missing-categories`, `infinite` or `psi` (where that index alone shows the move).
    reference, current
        The figure on either side, in the column's unit or as a share in [0, 1]; None where there is none.
    change
        Current less reference; of `mean` and `median` in units of the reference's spread (standard deviations, interquartile
        ranges), of times in seconds, of `spread` and scaled `quantiles` the factor.
    interval
        The 95 % interval of the change, None where it is not known.
    said
        The fact in words, without its column and without a full stop.
    """

    what: str
    reference: Any
    current: Any
    change: float | None
    said: str
    interval: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fact as JSON."""
        interval = None if self.interval is None else list(self.interval)
        return {
            "what": self.what,
            "reference": self.reference,
            "current": self.current,
            "change": self.change,
            "interval": interval,
            "said": self.said,
        }


def facts_of(change: ColumnChange) -> tuple[Fact, ...]:
    """What a column that moved has moved in, the plainest first."""
    # Numbers near 1e308 overflow where they are squared: their factor is then not known, and no warning helps the reader.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return tuple(_facts(change))


def remark_of(change: ColumnChange) -> Fact | None:
    """What is worth a line although the column did not move: values that are infinite, or far outside the reference's range."""
    there, here = change.reference, change.current
    if here.n_infinite and not there.n_infinite:
        said = f"{here.n_infinite:,} infinite {'value' if here.n_infinite == 1 else 'values'}, none in the reference"
        return Fact("infinite", 0, here.n_infinite, float(here.n_infinite), said)
    if change.kind != "numeric" or there.min is None or there.max is None or here.min is None or here.max is None:
        return None
    width = there.max - there.min
    if width > 0 and max(here.max - there.max, there.min - here.min) > _FAR_OUT * width:
        return _range(change)
    return None


def _facts(change: ColumnChange) -> Iterator[Fact]:
    there, here = change.reference, change.current
    told = abs(change.null_rate_change) >= _TOLD_GAP and part(there.null_rate) != part(here.null_rate)
    if "nulls" in change.moved_by or told:
        yield _nulls(change)
    if not there.n_values or not here.n_values:
        return
    by_values = set(change.moved_by) - {"nulls"}
    if change.kind == "time":
        yield from _times(change)
    elif change.kind == "numeric" and by_values:
        yield from _numbers(change)
    elif change.kind == "category" and by_values:
        yield from _categories(change)
    elif (remark := remark_of(change)) is not None:
        yield remark
    if change.moved_by == ("psi",):
        said = f"population stability index {change.psi or 0.0:.2f} (floor {FLOORS['psi']:.2f})"
        yield Fact("psi", None, None, change.psi, said)


def _nulls(change: ColumnChange) -> Fact:
    there, here = change.reference, change.current
    nan = [profile.n_nan for profile in (there, here)]
    what = "NaN" if any(nan) and not there.n_null and not here.n_null else "nulls"
    interval = gap_interval(there.n - there.n_values, there.n, here.n - here.n_values, here.n) if there.n and here.n else None
    said = f"{what} {part(there.null_rate)} → {part(here.null_rate)}"
    if not here.n_values:
        said = f"every row is null; {part(there.null_rate)} were" if there.null_rate else "every row is null; none was"
    elif not there.n_values:
        said = f"every row was null; {part(here.null_rate)} are"
    return Fact("nulls", there.null_rate, here.null_rate, change.null_rate_change, said, interval)


def _numbers(change: ColumnChange) -> Iterator[Fact]:
    there, here = change.reference, change.current
    copied = _copied(there, here)
    if copied is not None:
        yield copied
    elif "top" in change.moved_by:
        yield _frequent(change)
    if there.mean is not None and here.mean is not None:
        yield _mean(there, here)
    yield _median(there, here)
    if copied is not None:
        # What follows from it needs no telling.
        return
    if there.std and here.std and not 1 / _TOLD_SPREAD < here.std / there.std < _TOLD_SPREAD:
        factor = here.std / there.std
        said = f"standard deviation {figure(there.std)} → {figure(here.std)} (x {figure(float(f'{factor:.3g}'))})"
        yield Fact("spread", there.std, here.std, factor, said)
    remark = remark_of(change)
    if remark is not None:
        yield remark


def _mean(there: ColumnProfile, here: ColumnProfile) -> Fact:
    """The standardised difference, with the large-sample error of Glass's delta (Hedges, Olkin 1985, ch. 5)."""
    gap = (here.mean or 0.0) - (there.mean or 0.0)
    said = f"mean {figure(there.mean or 0.0)} → {figure(here.mean or 0.0)}"
    if not there.std:
        return Fact("mean", there.mean, here.mean, None, said)
    units = gap / there.std
    error = np.sqrt(1 / there.n_values + ((here.std or 0.0) / there.std) ** 2 / here.n_values + units**2 / (2 * there.n_values))
    low, high = units - Z95 * error, units + Z95 * error
    if abs(units) >= 0.005 and low * high > 0:
        said += f" ({_signed(low)} to {_signed(high)} sd)"
    return Fact("mean", there.mean, here.mean, float(units), said, (float(low), float(high)))


def _signed(units: float) -> str:
    return f"{units:+.2f}" if abs(units) < 10 else f"{units:+,.1f}" if abs(units) < 100 else f"{units:+,.0f}"


def _median(there: ColumnProfile, here: ColumnProfile) -> Fact:
    first, second = (profile.quantile(0.5) or 0.0 for profile in (there, here))
    width = (there.quantile(0.75) or 0.0) - (there.quantile(0.25) or 0.0)
    return Fact("median", first, second, (second - first) / width if width else None, f"median {figure(first)} → {figure(second)}")


def _copied(there: ColumnProfile, here: ColumnProfile) -> Fact | None:
    """Whether the current quantiles are the reference's moved by one step, times one factor, or with the sign turned."""
    levels = np.linspace(0.05, 0.95, 19)
    first, second = (np.array([profile.quantile(level) or 0.0 for level in levels]) for profile in (there, here))
    n_digits = 3 if min(there.n_values, here.n_values) > _EXACT_ROWS else 2

    def said(size: float) -> str:
        return f"about {figure(float(f'{abs(size):.{n_digits}g}'))}"

    width = second[14] - second[4]
    if width <= 0 or first[14] <= first[4]:
        return None
    far = min(width, first[14] - first[4]) / 2
    close = (_SAME_SHAPE if np.abs(second - first).max() < far else _SAME_SHAPE_FAR) * width
    step = float(np.median(second - first))
    if abs(step) > 2 * close and np.abs(second - first - step).max() <= close:
        return Fact("quantiles", None, None, step, f"every quantile {'+' if step > 0 else '-'} {said(step)}")
    for side in (first, -first[::-1]):
        factor = float(side @ second / (side @ side))
        if not np.isfinite(factor) or factor <= 0 or np.abs(second - factor * side).max() > close:
            continue
        # The middle ratio says the factor better than the largest values, which the fit follows.
        factor = float(np.median(second[side != 0] / side[side != 0]))
        if side is first and abs(factor - 1) <= 0.05:
            return None
        if side is first:
            return Fact("quantiles", None, None, factor, f"every quantile x {said(factor)}")
        if abs(factor - 1) <= 0.05:
            return Fact("quantiles", None, None, -1.0, "the sign turned")
        return Fact("quantiles", None, None, -factor, f"every quantile x -{said(factor)}: the sign turned")
    return None


def _range(change: ColumnChange) -> Fact:
    there, here = change.reference, change.current
    width = (there.max or 0.0) - (there.min or 0.0)
    ends = [f"{figure(low or 0.0)} to {figure(high or 0.0)}" for low, high in ((there.min, there.max), (here.min, here.max))]
    factor = ((here.max or 0.0) - (here.min or 0.0)) / width
    return Fact(
        "range", [there.min, there.max], [here.min, here.max], factor, f"values reach from {ends[1]}, in the reference from {ends[0]}"
    )


def _times(change: ColumnChange) -> Iterator[Fact]:
    there, here = change.reference, change.current
    if None in (there.min, there.max, here.min, here.max):
        return
    fine = max((p.max or 0.0) - (p.min or 0.0) for p in (there, here)) < _FINE_SECONDS
    spans = [f"{moment(p.min or 0.0, fine=fine)} to {moment(p.max or 0.0, fine=fine)}" for p in (there, here)]
    said = f"{spans[0]} → {spans[1]}"
    if (here.min or 0.0) > (there.max or 0.0):
        said += ", all later"
    elif (here.max or 0.0) < (there.min or 0.0):
        said += ", all earlier"
    yield Fact("range", [there.min, there.max], [here.min, here.max], None, said)
    first, second = (p.quantile(0.5) or 0.0 for p in (there, here))
    if first != second:
        said = f"the middle lies {duration(second - first)} {'later' if second > first else 'earlier'}"
        yield Fact("median", first, second, second - first, said)
    if "top" in change.moved_by:
        yield _frequent(change)


def _frequent(change: ColumnChange) -> Fact:
    share = share_of(change.current, change.top_value)
    n, m = change.reference.n_values, change.current.n_values
    value = moment(change.top_value, fine=True) if change.kind == "time" else quoted(change.top_value)
    interval = gap_interval((share - change.top_share_change) * n, n, share * m, m)
    said = f"the value {value}: {part(max(0.0, share - change.top_share_change))} → {part(share)}"
    return Fact("frequent-value", share - change.top_share_change, share, change.top_share_change, said, interval)


def _categories(change: ColumnChange) -> Iterator[Fact]:
    there, here = change.reference.state, change.current.state
    if not isinstance(there, CategoryState) or not isinstance(here, CategoryState):
        return
    levels = Levels.of(there, here)
    n, m = levels.n_reference, levels.n_current
    if change.new_categories and ("new" in change.moved_by or levels.current[levels.new & levels.cells].sum()):
        share = change.new_share or 0.0
        yield Fact(
            "new-categories",
            0.0,
            share,
            share,
            f"{_many(int(levels.new.sum()))} new, {part(share)} of the values: {_few(change.new_categories, m)}",
        )
    if change.missing_categories:
        share = sum(count for _, count in change.missing_categories) / n
        said = f"{_many(int(levels.missing.sum()))} gone, {part(share)} of the reference's values: {_few(change.missing_categories, n)}"
        yield Fact("missing-categories", share, 0.0, -share, said)
    gaps = levels.current / m - levels.reference / n
    both = np.flatnonzero(levels.cells & (levels.reference > 0) & (levels.current > 0) & (np.abs(gaps) >= _TOLD_GAP))
    if not len(both):
        return
    chosen = both[np.argsort(-np.abs(gaps[both]), kind="stable")][:_SHOWN]
    names = {int(at): str(levels.values[int(at)]) for at in chosen}
    told = [f"{quoted(names[at])} {part(levels.reference[at] / n)} → {part(levels.current[at] / m)}" for at in names]
    first = int(chosen[0])
    yield Fact(
        "categories",
        {names[at]: float(levels.reference[at] / n) for at in names},
        {names[at]: float(levels.current[at] / m) for at in names},
        float(gaps[first]),
        ", ".join(told),
        gap_interval(float(levels.reference[first]), n, float(levels.current[first]), m),
    )


def _many(n: int) -> str:
    return "1 category is" if n == 1 else f"{n:,} categories are"


def _few(categories: tuple[tuple[str, int], ...], n: int) -> str:
    told = [f"{quoted(value)} {part(count / n)}" for value, count in categories[:_SHOWN]]
    return ", ".join(told) + (", …" if len(categories) > _SHOWN else "")
