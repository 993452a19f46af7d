"""Rows of a log that hold, value for value, what an older record of the same entity holds: a store that was not refreshed."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Pair
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["Old", "old_records"]

BEYOND = 0.2
"""By how much more of the log's rows than of the healthy ones a column must repeat an older record."""

FEWEST_ROWS = 60

MOST_RECORDS = 60
"""Older records of one entity that each row is held against, the newest."""


class Old(NamedTuple):
    """Columns that repeat an older record, in how many rows here and in health, which rows, and how old the records are in the middle."""

    columns: tuple[str, ...]
    by: str
    share: float
    usual: float
    n_usual: int
    rows: np.ndarray
    age: float
    evidence: float


_known: WeakKeyDictionary[Table, tuple[Case, Old | None]] = WeakKeyDictionary()


def old_records(case: Case, pair: Pair) -> Old | None:
    """The features that are an older record's of the same entity in many rows of a log, as they are not in health; None for none.

    The older records are the reference's labelled tables; in health, validation's rows are held against training's, or each training row
    against those before it. Needs an entity (or a key that comes again) and a time.
    """
    if pair.suspect not in _known or _known[pair.suspect][0] is not case:
        _known[pair.suspect] = (case, _found(case, pair))
    return _known[pair.suspect][1]


def _found(case: Case, pair: Pair) -> Old | None:
    reference = case.reference
    tables = [t for t in (reference.train, reference.validation) if t is not None] if reference is not None else []
    by = next((c for c in (case.entity, case.key) if c and c in pair.suspect and tables and all(c in t for t in tables)), None)
    when = clock(pair.suspect, case.time)
    columns = [c for c in case.features(pair.suspect) if c not in (by, case.time) and all(c in t for t in tables)]
    columns = [c for c in columns if {t.kind(c) for t in (pair.suspect, *tables)} == {"numeric"}]
    if by is None or when is None or not columns or pair.suspect.n_rows < FEWEST_ROWS:
        return None
    history = [(t, w) for t in tables if (w := clock(t, case.time)) is not None]
    if not history:
        return None
    now = _matches(pair.suspect, when, history, by, columns)
    judged = history[-1] if len(history) > 1 else history[0]
    was = _matches(judged[0], judged[1], history, by, columns)
    if min(int(now.known.sum()), int(was.known.sum())) < FEWEST_ROWS:
        return None
    excess = now.equal[:, now.known].mean(axis=1) - was.equal[:, was.known].mean(axis=1)
    chosen = np.flatnonzero(excess >= BEYOND)
    if not len(chosen):
        return None
    ours, theirs = now.all_of(chosen), was.all_of(chosen)
    n, m = int(now.known.sum()), int(was.known.sum())
    p, q = min(float(ours[now.known].mean()), 1 - 0.5 / n), float(np.clip(theirs[was.known].mean(), 0.5 / m, 0.99))
    if p < q + BEYOND:
        return None
    ratio = n * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    age = float(np.median(now.age_of(chosen)[ours & now.known]))
    return Old(tuple(columns[c] for c in chosen), by, p, q, m, ours & now.known, age, float(ratio))


class _Matches(NamedTuple):
    """For each column and row, the older records of its entity of which it has the value.

    `bits` by the record's place, shape (n_columns, n_rows); `known` where there is an older record at all, shape (n_rows,); `ages` of the
    records, shape (n_records, n_rows).
    """

    bits: np.ndarray
    known: np.ndarray
    ages: np.ndarray

    @property
    def equal(self) -> np.ndarray:
        """Whether some older record has the column's value, shape (n_columns, n_rows)."""
        return np.asarray(self.bits != 0)

    def all_of(self, columns: np.ndarray) -> np.ndarray:
        """Whether one older record has the values of all these columns, shape (n_rows,)."""
        return np.asarray(np.bitwise_and.reduce(self.bits[columns], axis=0) != 0)

    def age_of(self, columns: np.ndarray) -> np.ndarray:
        """How much older the newest such record is, in the unit of the time, shape (n_rows,); NaN for none."""
        same = np.bitwise_and.reduce(self.bits[columns], axis=0)
        out = np.full(self.bits.shape[1], np.nan)
        for place in range(self.ages.shape[0] - 1, -1, -1):
            hit = (same >> np.uint64(place)) & np.uint64(1) == 1
            out[hit] = self.ages[place][hit]
        return out


def _matches(table: Table, when: np.ndarray, history: list[tuple[Table, np.ndarray]], by: str, columns: list[str]) -> _Matches:
    """Hold every row against the records of its entity that are older than itself, the newest first."""
    times = np.concatenate([w for _, w in history])
    names = np.concatenate([t.texts(by).astype(str) for t, _ in history])
    values = {c: np.concatenate([t.numbers(c) for t, _ in history]) for c in columns}
    records: dict[str, list[int]] = {}
    for at in np.argsort(-times, kind="stable").tolist():
        if np.isfinite(times[at]):
            records.setdefault(str(names[at]), []).append(at)
    n = table.n_rows
    older = np.full((MOST_RECORDS, n), -1, dtype=np.int64)
    for row, (name, moment) in enumerate(zip(table.texts(by).astype(str).tolist(), when.tolist(), strict=True)):
        known = [at for at in records.get(name, ()) if times[at] < moment][:MOST_RECORDS]
        older[: len(known), row] = known
    bits, there = np.zeros((len(columns), n), dtype=np.uint64), older >= 0
    for k, column in enumerate(columns):
        same = there & (values[column][np.maximum(older, 0)] == table.numbers(column)[None, :])
        for place in range(MOST_RECORDS):
            bits[k] |= same[place].astype(np.uint64) << np.uint64(place)
    ages = np.where(there, when[None, :] - times[np.maximum(older, 0)], np.nan)
    return _Matches(bits, np.asarray(there.any(axis=0)), ages)
