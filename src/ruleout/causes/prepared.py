"""Columns that were prepared otherwise before they were logged: coarser numbers, limits, hours of another zone, defaults for nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import category_columns, match_columns, numbers, numeric_columns, put_values, sampled, texts
from ruleout.causes.cycles import turned, turns
from ruleout.causes.page import Finding, Pair, pairs
from ruleout.statistics.matching import hot_deck
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.tables.table import Table

__all__ = ["Prepared", "prepared", "prepared_columns", "unprepared"]

LEAST = 0.03
"""Distance between log and healthy column that a preparation must explain: a hundredth of the rows moved is no matter."""

LEAST_TURN = 0.1
"""Distance from which on hours may be those of another zone: summer time and early risers move them less."""

KEPT = 0.25
"""Part of that distance which may be left once the healthy column is prepared likewise."""

MOST_VALUES = 400
"""Distinct numbers of a column that stands on a coarse grid."""

MOST_PLACES = 8
"""Columns that went through one step each are a place of their own; more than so many are one."""

Values = np.ndarray


class Prepared(NamedTuple):
    """What was done to a column, in words; the map that does it to healthy values; the distance to them before and after it."""

    column: str
    words: str
    how: Callable[[Values], Values]
    before: float
    after: float


_known: WeakKeyDictionary[Table, tuple[Prepared, ...]] = WeakKeyDictionary()


def prepared(case: Case, pair: Pair) -> tuple[Prepared, ...]:
    """The columns of a table that are what the healthy ones become by one many-to-one map each, the most changed first.

    A map is believed if the healthy column, put through it, has the distribution that the column has, and without it has another one.
    Rows cannot tell that from a population that happens to lie so; a heap at the very end, a grid, or a null rate that became one
    value's share are not what populations do.
    """
    if pair.suspect not in _known:
        _known[pair.suspect] = tuple(sorted(_prepared(case, pair), key=lambda p: -p.before)) if _enough(pair) else ()
    return _known[pair.suspect]


def prepared_columns(case: Case) -> tuple[Finding, ...]:
    """A finding for each column of the serving log that is what the healthy one becomes once it is rounded, limited or filled."""
    pair = _serving(case)
    found = prepared(case, pair) if pair is not None else ()
    if pair is None or not found:
        return ()
    groups = [found] if len(found) > MOST_PLACES else [(p,) for p in found]
    return tuple(_finding(pair, group) for group in groups)


def unprepared(case: Case, columns: tuple[str, ...]) -> Case | None:
    """The case in which each logged value is one of those that the preparation makes it of, taken from the likeliest healthy row."""
    pair = _serving(case)
    if pair is None:
        return None
    maps = {p.column: p.how for p in prepared(case, pair)}
    table, donors, done = pair.suspect, sampled(pair.yardstick), 0
    for column in (c for c in columns if c in maps):
        # Rows are likened by columns as both would have them: the healthy ones put through the map where the log's are.
        matched = match_columns(case, pair, (column,))
        deck = [maps[c](_values(donors, c)) if c in maps else _values(donors, c) for c in matched]
        mine = [_values(pair.suspect, c) for c in matched]
        values, healthy = _values(table, column).copy(), _values(donors, column)
        cell_of, cell_in = _cells(values, maps[column](healthy))
        weights = [2.0 if c == case.target else 1.0 for c in matched]
        for cell in np.unique(cell_of):
            rows, found = cell_of == cell, np.flatnonzero(cell_in == cell)
            if not len(found) or not matched:
                continue
            chosen = hot_deck([m[rows] for m in mine], [d[found] for d in deck], rng=np.random.default_rng(0), weights=weights)
            values[rows] = healthy[found[chosen]]
        table, done = put_values(table, column, values, pair.yardstick), done + 1
    return case.with_table(pair.side, pair.name, table) if done else None


def _serving(case: Case) -> Pair | None:
    return next((p for p in pairs(case) if p.name == "serving"), None)


def _finding(pair: Pair, group: tuple[Prepared, ...]) -> Finding:
    first, columns = group[0], [p.column for p in group]
    also = f"; {len(group) - 1} more columns likewise" if len(group) > 1 else ""
    said = (
        f"serving.{first.column}: {first.words}, {pair.yardstick.name} has the log's distribution (distance {first.after:.3f}, and"
        f" {first.before:.3f} as it is; n = {pair.suspect.n_rows:,} and {pair.yardstick.n_rows:,}){also}."
    )
    figures = {"columns": columns, "words": [p.words for p in group], "before": first.before, "after": first.after}
    return Finding(f"serving.{first.column}", "serving", 3.9, said, figures, {"prepared": columns}, pair.side, 0.9)


def _enough(pair: Pair) -> bool:
    return min(pair.suspect.n_rows, pair.yardstick.n_rows) >= 100


def _values(table: Table, column: str) -> Values:
    return table.numbers(column) if table.kind(column) == "numeric" else table.texts(column)


def _prepared(case: Case, pair: Pair) -> Iterator[Prepared]:
    numeric = numeric_columns(case, pair, target=False)
    steps = {column: step for column in numeric if (step := _step(numbers(pair.suspect, column), numbers(pair.yardstick, column)))}
    common = max(steps.values(), key=list(steps.values()).count) if steps else None
    for column in numeric:
        mine, healthy = numbers(pair.suspect, column), numbers(pair.yardstick, column)
        # A column of which the grid leaves one value alone shows no step of its own.
        step = steps.get(column) or (common if len(np.unique(mine[np.isfinite(mine)])) == 1 else None)
        found = _best(column, mine, healthy, [*_coarser(step), *_limited(mine, healthy), *_filled(mine, healthy), *_turned(mine, healthy)])
        if found is not None:
            yield found
    for column in category_columns(case, pair, target=False):
        found = _best(column, texts(pair.suspect, column), texts(pair.yardstick, column), _defaulted(pair, column))
        if found is not None:
            yield found


Map = tuple[str, Callable[[Values], Values]]


def _best(column: str, mine: Values, healthy: Values, maps: list[Map]) -> Prepared | None:
    before = _distance(mine, healthy)
    if not maps or before < max(LEAST, 1.5 * ks_critical(len(mine), len(healthy), 0.01)):
        return None
    after, words, how = min(((_distance(mine, how(healthy)), words, how) for words, how in maps), key=lambda f: f[0])
    return Prepared(column, words, how, before, after) if after <= max(KEPT * before, 0.01) else None


def _distance(first: Values, second: Values) -> float:
    """Largest gap between the distribution functions, a null below every number; for texts between the shares."""
    if first.dtype != object:
        # Points of one grid are made by other arithmetic here and there: their last bits are no distance.
        unit = 1e-9 * float(np.max(np.abs(first[np.isfinite(first)]), initial=0.0)) or 1.0
        return ks_distance(*(np.nan_to_num(np.round(v / unit), nan=-1e300) for v in (first, second)))
    mine, theirs = (dict(zip(*np.unique([_said(v) for v in part.tolist()], return_counts=True), strict=True)) for part in (first, second))
    return float(0.5 * sum(abs(mine.get(v, 0) / len(first) - theirs.get(v, 0) / len(second)) for v in {*mine, *theirs}))


def _said(value: str | None) -> str:
    return "\0null" if value is None else value


def _step(mine: Values, healthy: Values) -> float | None:
    """The grid that every value of a column stands on while the healthy ones stand between its points as well."""
    x, y = np.unique(mine[np.isfinite(mine)]), np.unique(healthy[np.isfinite(healthy)])
    if not 2 <= len(x) <= MOST_VALUES or len(x) >= len(y):
        return None
    step = float(np.diff(x).min())
    # The smallest gap may hold several points; a grid of decimal steps is looked for below it.
    for size in (step, step / 2, step / 5, step / 10):
        tolerance = 1e-6 * max(1.0, float(np.abs(x).max()) / size)
        if size > 0 and np.all(np.abs(x / size - np.round(x / size)) < tolerance):
            between = np.abs(healthy / size - np.round(healthy / size)) > tolerance
            return size if between[np.isfinite(healthy)].mean() > 0.2 else None
    return None


def _coarser(step: float | None) -> list[Map]:
    if not step:
        return []
    ways = (("rounded", np.round), ("cut", np.trunc), ("rounded down", np.floor), ("rounded up", np.ceil))
    return [(f"{words} to multiples of {step:g}", lambda v, how=how: how(np.round(v / step, 6)) * step) for words, how in ways]  # type: ignore[misc]


def _limited(mine: Values, healthy: Values) -> list[Map]:
    """Limits at which the values heap up, and beyond which healthy ones lie."""
    x, y = mine[np.isfinite(mine)], healthy[np.isfinite(healthy)]
    if not len(x) or not len(y) or len(np.unique(x)) < 2:
        return []
    low, high = float(x.min()), float(x.max())
    heaps = []
    for end, beyond in ((low, y < low), (high, y > high)):
        heap, usual = float(np.mean(x == end)), float(np.mean(y == end))
        heaps.append(beyond.mean() >= 0.02 and heap - usual > 0.5 * beyond.mean())
    if not any(heaps):
        return []
    least, most = low if heaps[0] else -np.inf, high if heaps[1] else np.inf
    words = " and ".join(w for w, there in ((f"no less than {low:g}", heaps[0]), (f"no more than {high:g}", heaps[1])) if there)
    return [(f"limited to {words}", lambda v: np.clip(v, least, most))]


def _filled(mine: Values, healthy: Values) -> list[Map]:
    """The number that took the place of nulls."""
    share, left = float(np.isnan(healthy).mean()), float(np.isnan(mine).mean())
    if share - left < 0.02 or left > KEPT * share or share > 0.95:
        return []
    known, counts = np.unique(mine[np.isfinite(mine)], return_counts=True)
    rise = [float(k / len(mine) - np.mean(healthy == v)) for v, k in zip(known.tolist(), counts.tolist(), strict=True)]
    at = int(np.argmax(rise)) if rise else 0
    if not rise or rise[at] < 0.5 * share:
        return []
    value = float(known[at])
    return [(f"filled with {value:g} where it is null", lambda v: np.where(np.isnan(v), value, v))]


def _turned(mine: Values, healthy: Values) -> list[Map]:
    """Hours of another time zone."""
    lengths = [{t.length for t in turns(values, of_day=True)} for values in (mine, healthy)]
    # An hour's season lies nearer than that.
    if lengths[0] != lengths[1] or not lengths[0] or _distance(mine, healthy) < LEAST_TURN:
        return []
    return [(f"turned by {t.words}", lambda v, t=t: turned(v, t)) for t in turns(healthy, of_day=True)]  # type: ignore[misc]


def _defaulted(pair: Pair, column: str) -> list[Map]:
    """The level that took the place of nulls or of another level, which is gone."""
    mine, healthy = texts(pair.suspect, column), texts(pair.yardstick, column)
    now, was = ({v: float(np.mean(part == v)) for v in set(part.tolist())} for part in (mine, healthy))
    if None in was:
        was[None] = float(np.mean([v is None for v in healthy.tolist()]))
    levels = [v for v in now if v is not None and v in was]
    gone = [v for v in was if v not in now and was[v] >= 0.05 and was[v] * len(mine) >= 20]
    # Where two levels only are left their shares would add up whatever happened.
    if len(gone) != 1 or len(levels) < 3 or not levels:
        return []
    lost, default = gone[0], max(levels, key=lambda v: now[v] - was[v])
    said = "null" if lost is None else f'"{lost}"'

    def how(values: Values) -> Values:
        return np.array([default if v == lost else v for v in values.tolist()], dtype=object)

    return [(f'filled with "{default}" where it is {said}', how)]


def _cells(values: Values, healthy: Values) -> tuple[np.ndarray, np.ndarray]:
    """Codes of equal values, shape (n_values,) and (n_healthy,); -1 for values that no map makes."""
    both = np.concatenate([values, healthy])
    known = np.array([_said(v) for v in both.tolist()]) if both.dtype == object else np.nan_to_num(np.round(both, 9), nan=-1e300)
    codes = np.unique(known, return_inverse=True)[1]
    return codes[: len(values)], codes[len(values) :]
