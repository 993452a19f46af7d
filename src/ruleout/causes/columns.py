"""What several pages need of a pair of tables: its columns as arrays, sampled once, and values borrowed from healthy rows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Finding, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.statistics.matching import hot_deck
from ruleout.tables.table import Table

__all__ = [
    "ROWS",
    "borrowed",
    "bounded",
    "category_columns",
    "finite",
    "match_columns",
    "numbers",
    "numeric_columns",
    "pair_of",
    "put_values",
    "quantile_guard",
    "sampled",
    "texts",
]

ROWS = 20_000
"""Rows of a table that a page looks at: a quantile of that many is known to within 0.7 points."""

_samples: WeakKeyDictionary[Table, Table] = WeakKeyDictionary()
_arrays: WeakKeyDictionary[Table, dict[tuple[str, str], np.ndarray]] = WeakKeyDictionary()


def sampled(table: Table) -> Table:
    """At most `ROWS` rows of a table, the same ones for every page."""
    if table not in _samples:
        _samples[table] = Table(table.arrow, name=table.name, origin=table.origin) if table.n_rows <= ROWS else table.sample(ROWS)
    return _samples[table]


def numbers(table: Table, column: str) -> np.ndarray:
    """A sampled column as floats, NaN for null; read-only."""
    return _remembered(table, "numbers", column)


def texts(table: Table, column: str) -> np.ndarray:
    """A sampled column as text, None for null; read-only."""
    return _remembered(table, "texts", column)


def finite(values: np.ndarray) -> np.ndarray:
    """The finite ones of some numbers."""
    kept: np.ndarray = values[np.isfinite(values)]
    return kept


def numeric_columns(case: Case, pair: Pair, *, target: bool = True) -> tuple[str, ...]:
    """Features that are numbers in both tables, and the target where it is a number to be predicted as one."""
    return _shared(case, pair, "numeric", case.task == "regression" and target)


def category_columns(case: Case, pair: Pair, *, target: bool = True) -> tuple[str, ...]:
    """Features that are text or booleans in both tables, and the target where it is one of them."""
    return _shared(case, pair, "category", target)


def pair_of(case: Case, finding: Finding) -> Pair | None:
    """The pair of tables that a finding with `table` in its repair is about, in this (perhaps counterfactual) case."""
    return next((pair for pair in pairs(case) if pair.name == finding.repair.get("table") and pair.side == finding.side), None)


def match_columns(case: Case, pair: Pair, without: Sequence[str]) -> tuple[str, ...]:
    """Columns by which rows of the two tables can be likened: shared features and the target, less some."""
    wanted = (*case.features(pair.suspect), *([case.target] if case.target else []))
    out = []
    for column in wanted:
        if column in without or column not in pair.suspect or column not in pair.yardstick:
            continue
        kinds = {pair.suspect.kind(column), pair.yardstick.kind(column)}
        if len(kinds) == 1 and kinds <= {"numeric", "category"}:
            out.append(column)
    return tuple(out)


def put_values(table: Table, column: str, values: np.ndarray, like: Table | None = None) -> Table:
    """The table with a column of floats or objects, in the healthy table's type where every value fits it."""
    import pyarrow as pa

    array = pa.array(values.tolist() if values.dtype == object else values, from_pandas=True)
    if like is not None and column in like:
        # A value that does not fit (3.5 into a whole-number column) is kept as it is rather than bent.
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            array = array.cast(like.arrow.schema.field(column).type)
    return table.with_column(column, array)


def bounded(evidence: float) -> float:
    """A log likelihood ratio within 1/50 to 50: what a statistic alone may say."""
    return float(min(3.9, max(-3.9, evidence)))


def _shared(case: Case, pair: Pair, kind: str, target: bool) -> tuple[str, ...]:
    wanted = (*case.features(pair.suspect), *([case.target] if target and case.target else []))
    return tuple(
        column
        for column in wanted
        if column in pair.suspect and column in pair.yardstick and pair.suspect.kind(column) == kind and pair.yardstick.kind(column) == kind
    )


def _remembered(table: Table, how: str, column: str) -> np.ndarray:
    arrays = _arrays.setdefault(table, {})
    if (how, column) not in arrays:
        rows = sampled(table)
        values = rows.numbers(column) if how == "numbers" else rows.texts(column)
        values.flags.writeable = False
        arrays[how, column] = values
    return arrays[how, column]


def quantile_guard(cause: str, place: str, pair: Pair, column: str, message: str) -> Guard | None:
    """A guard on the quantile of a numeric column at which the two tables lie furthest apart, its bounds halfway between them."""
    x, y = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
    if len(x) < 20 or len(y) < 20:
        return None
    best: tuple[float, float, float, float] | None = None
    for at in (0.5, 0.25, 0.75, 0.1, 0.9, 0.02, 0.98):
        margin = 4 * np.sqrt(at * (1 - at) / min(len(x), len(y)))
        low, high = np.quantile(y, [max(0.0, at - margin), min(1.0, at + margin)])
        found, width = float(np.quantile(x, at)), float(high - low) or 1e-9
        gap = max(low - found, found - high) / width
        if gap > 0 and (best is None or gap > best[0]):
            slack = 0.5 * gap * width
            best = (gap, at, float(low - slack), float(high + slack))
    if best is None:
        return None
    parameters = {"column": column, "quantile": best[1], "low": best[2], "high": best[3]}
    return Guard(cause, place, "quantile_range", pair.name, parameters, message)


def borrowed(case: Case, pair: Pair, column: str, rows: np.ndarray, *, seed: int = 0, without: Sequence[str] = ()) -> np.ndarray | None:
    """Values for some rows of a column, each taken from a healthy row that is like it in all else (`hot_deck`).

    Parameters
    ----------
    rows
        Which rows of the table under suspicion, shape (n_rows,), bool.
    without
        Columns that must not be matched on, `column` aside: they are suspect themselves.

    Returns
    -------
    The values, shape (rows.sum(),), floats for a numeric column of the yardstick, else objects; None where there is nothing to match on.
    """
    columns = match_columns(case, pair, (column, *without))
    if not columns or not rows.any() or not pair.yardstick.n_rows:
        return None
    donors = sampled(pair.yardstick)
    receivers = pair.suspect.filter(rows)

    def arrays(table: Table) -> list[np.ndarray]:
        return [table.numbers(c) if table.kind(c) == "numeric" else table.texts(c) for c in columns]

    # The target speaks for the relation that must survive; it counts double.
    weights = [2.0 if c == case.target else 1.0 for c in columns]
    chosen = hot_deck(arrays(receivers), arrays(donors), rng=np.random.default_rng(seed), weights=weights)
    values = donors.numbers(column) if donors.kind(column) == "numeric" else donors.values(column)
    taken: np.ndarray = values[chosen]
    return taken
