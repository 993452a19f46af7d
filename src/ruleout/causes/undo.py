"""Whether columns that stand on wrong rows can be put back exactly: by a shift, or by the order of another column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.comparison import Comparison
from ruleout.causes.page import Pair
from ruleout.statistics.association import best_shift, row_evidence
from ruleout.tables.matrix import binned
from ruleout.tables.table import Table

__all__ = ["find_undo", "source_rows"]

_LARGEST_SHIFT = 60
_MOST_ROWS = 200_000
_MENDED = 0.75
"""Share of the association that an exact undo must bring back, within the error of measuring it."""


def find_undo(case: Case, pair: Pair, held: Comparison, names: Sequence[str]) -> dict[str, Any] | None:
    """The shift or the order that puts the columns `names` back beside the others, or None where none does.

    Shifts by up to 60 rows are tried on all rows and on every block of them; then the order of the key and of the time.
    """
    if pair.suspect.n_rows > _MOST_ROWS:
        return None
    columns = held.columns
    _, codes, _ = binned(held.yardstick, pair.suspect, columns)
    moved = [columns.index(c) for c in names]
    right = [c for c in range(len(columns)) if c not in moved and columns[c] not in held.misplaced]
    evidence = [row_evidence(held.alignment, codes, c, right) for c in moved]
    values = [codes[:, c] for c in moved]
    rows = np.arange(pair.suspect.n_rows)
    known = np.isfinite(held.alignment.kept[np.ix_(moved, right)])
    goal = float(held.alignment.strength[np.ix_(moved, right)][known].sum())
    chance = sum(
        float((table.mean(axis=0) * _shares(column, table.shape[1])).sum()) for table, column in zip(evidence, values, strict=True)
    )

    def kept(source: np.ndarray) -> float:
        found = sum(float(table[rows, column[source]].mean()) for table, column in zip(evidence, values, strict=True))
        return (found - chance) / goal if goal > 0 else 0.0

    least = max(_MENDED, kept(rows) + 0.05)
    shift, first, last = best_shift(evidence, values, [k for k in range(-_LARGEST_SHIFT, _LARGEST_SHIFT + 1) if k])
    n_rows = len(rows)
    first, last = (0 if first < 0.02 * n_rows else first), (n_rows if last > 0.98 * n_rows else last)
    undo: dict[str, Any] = {"shift": shift, "first": first, "last": last, "shares": [round(first / n_rows, 4), round(last / n_rows, 4)]}
    if shift and kept(source_rows(pair.suspect, undo)) >= least:
        return undo
    for order in (case.key, case.time):
        if order and order in pair.suspect and pair.suspect.kind(order) != "other":
            for way in ("to", "from"):
                undo = {"order": order, "way": way}
                if kept(source_rows(pair.suspect, undo)) >= least:
                    return undo
    return None


def source_rows(table: Table, undo: Mapping[str, Any]) -> np.ndarray:
    """For each row of the table, the row whose value belongs there; shape (n_rows,)."""
    rows = np.arange(table.n_rows)
    if "shift" in undo:
        first, last = int(undo["first"]), min(int(undo["last"]), table.n_rows)
        rows[first:last] = (rows[first:last] + int(undo["shift"])) % table.n_rows
        return rows
    values = table.texts(undo["order"]).astype(str) if table.kind(undo["order"]) == "category" else table.numbers(undo["order"])
    order = np.argsort(values, kind="stable")
    return order if undo["way"] == "to" else np.argsort(order, kind="stable")


def _shares(codes: np.ndarray, size: int) -> np.ndarray:
    shares: np.ndarray = np.bincount(codes, minlength=size) / max(len(codes), 1)
    return shares
