"""The rows of a log in the order of time: over all, within an entity, within the levels of a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["LARGEST", "SURE", "Order", "orders_of"]

LARGEST = 30
"""Records by which a value is looked for before and after its row."""

SURE = 6.0
"""Standard errors by which a shift must fit better than none."""


class Order(NamedTuple):
    """Rows in an order of time, perhaps within groups: in words, the rows in their order, and each one's group in that order."""

    words: str
    rows: np.ndarray
    group: np.ndarray

    def moved(self, shift: int) -> np.ndarray:
        """For each row the row `shift` records later in its group, -1 where there is none; shape (n_rows,)."""
        n = len(self.rows)
        at = np.arange(n) + shift
        inside = (at >= 0) & (at < n)
        at = np.clip(at, 0, n - 1)
        inside &= self.group[at] == self.group
        out = np.full(n, -1, dtype=np.int64)
        out[self.rows] = np.where(inside, self.rows[at], -1)
        return out


def orders_of(case: Case, table: Table) -> Iterator[Order]:
    """Orders of the rows by time: within the entity, within the levels of a column, and over all."""
    n = table.n_rows
    when = clock(table, case.time)
    by_entity = case.entity if case.entity and case.entity in table else None
    if when is None and by_entity is None:
        return
    place = np.arange(n) if when is None else np.argsort(np.argsort(when, kind="stable"), kind="stable")
    said = "" if when is None else f" in order of {case.time}"
    groups = [by_entity] if by_entity else []
    if when is not None:
        groups += [c for c in case.features(table) if table.kind(c) == "category"][:6]
    for name in groups:
        codes = np.unique(table.texts(str(name)).astype(str), return_inverse=True)[1]
        if 1 < codes.max() + 1 <= n / 3:
            rows = np.lexsort((place, codes))
            yield Order(f"records of the same {name}{said}", rows, codes[rows])
    if when is not None:
        yield Order(f"records{said}", np.argsort(place), np.zeros(n, dtype=np.int64))
