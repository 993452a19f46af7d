"""By which columns two rows of a table are the same one, and the table with each of its rows once."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.statistics.repeats import coincidence, repeats, row_codes
from ruleout.statistics.spelling import NULL_WORDS
from ruleout.tables.table import Table

__all__ = ["codes", "once", "ways_to_repeat"]

MOST_LOST = 0.2
"""Rise of a column's share of nulls from which on it no longer tells rows apart."""

OFTEN = 0.1
"""Share of rows that repeat one, beyond chance, from which on rows are no independent draws: each then counts once."""

_once: WeakKeyDictionary[Table, dict[tuple[str | None, ...], Table | None]] = WeakKeyDictionary()


def ways_to_repeat(case: Case, pair: Pair) -> list[tuple[str, ...]]:
    """The sets of columns by which two rows may be the same: key, all columns, all but the identifiers."""
    shared = tuple(c for c in pair.suspect.columns if c in pair.yardstick and pair.suspect.kind(c) == pair.yardstick.kind(c))
    # Rows that lost what told them apart are not for that the same row.
    shared = tuple(c for c in shared if _unknown(pair.suspect, c) - _unknown(pair.yardstick, c) <= MOST_LOST)
    known = {case.key, case.entity}
    counted = {c for c in shared if c not in known and _identifier(pair.yardstick, c)}
    ways: list[tuple[str, ...]] = [(case.key,)] if case.key in shared and _identifier(pair.yardstick, str(case.key)) else []
    ways.append(shared)
    ways.append(tuple(c for c in shared if c not in known | counted and c != case.time))
    return [w for w in ways if w]


def codes(table: Table, columns: tuple[str, ...]) -> np.ndarray:
    """A number for each row, shape (n_rows,), that rows alike in all these columns share."""
    return row_codes([table.numbers(c) if table.kind(c) in ("numeric", "time") else table.texts(c) for c in columns])


def once(case: Case, pair: Pair) -> Pair:
    """The pair with each row of the table under suspicion once, where many repeat one: what is repeated looks like drift and is none.

    Rows are the same by their key, else by all columns; requests to a service may well be alike.
    """
    known = _once.setdefault(pair.suspect, {})
    key = (pair.yardstick.fingerprint, case.key, case.time)
    if key not in known:
        known[key] = _first_rows(case, pair)
    kept = known[key]
    return pair if kept is None else replace(pair, suspect=kept)


def _first_rows(case: Case, pair: Pair) -> Table | None:
    """The table without its repeats; None where it has no more of them than the healthy one."""
    n, m = pair.suspect.n_rows, pair.yardstick.n_rows
    if n < 50 or m < 50:
        return None
    for columns in ways_to_repeat(case, pair)[:2]:
        if pair.name == "serving" and not {case.key, case.time} & set(columns):
            continue
        again = repeats(codes(pair.suspect, columns))
        chance = coincidence(codes(pair.yardstick, columns)) * n * (n - 1) / 2
        if again.sum() > chance + 12 * np.sqrt(chance + 1) and again.sum() - chance >= OFTEN * n:
            return pair.suspect.filter(~again)
    return None


def _unknown(table: Table, column: str) -> float:
    """The share of a column's values that are null, or a customary word for it."""
    if not table.n_rows:
        return 0.0
    if table.kind(column) in ("numeric", "time"):
        return float(np.mean(np.isnan(table.numbers(column))))
    codes, levels = table.coded(column)
    unknown = np.array([v is None or v.strip().casefold() in NULL_WORDS for v in levels.tolist()], dtype=bool)
    return float(np.mean(unknown[codes]))


def _identifier(table: Table, column: str) -> bool:
    """Whether a column numbers the rows: whole numbers or texts, each once."""
    if table.kind(column) == "numeric":
        values = table.numbers(column)
        if not np.array_equal(values, np.trunc(values)) or np.isinf(values).any():
            return False
    if table.kind(column) not in ("numeric", "category") or table.n_rows < 50:
        return False
    distinct = table.numbers(column) if table.kind(column) == "numeric" else table.coded(column)[0]
    return len(np.unique(distinct)) == table.n_rows
