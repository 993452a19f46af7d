"""Two serving logs of the same rows beside each other: which features differ, in which rows, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import replayed
from ruleout.tables.table import Table

__all__ = ["Beside", "beside", "taken_back"]

TOLERANCE = 1e-6
"""Relative difference of two numbers that is the platform's: float32 keeps seven digits."""

MATERIAL = 0.005
"""Share of rows in which a column must differ."""


@dataclass(frozen=True)
class Beside:
    """The logs of both environments, row by row.

    Parameters
    ----------
    case
        Says which columns are features.
    reference, current
        The logs, their rows in the same order.
    """

    case: Case
    reference: Table
    current: Table

    @property
    def n(self) -> int:
        """Number of rows that are in both logs."""
        return self.current.n_rows

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Features that both logs hold."""
        return tuple(c for c in self.case.features(self.current) if c in self.reference)

    @cached_property
    def unlike(self) -> Mapping[str, np.ndarray]:
        """For each feature that differs materially, the rows where it does, shape (n_rows,), bool."""
        out = {}
        for column in self.features:
            rows = self.differs(column)
            if rows.mean() >= MATERIAL:
                out[column] = rows
        return out

    def differs(self, column: str) -> np.ndarray:
        """Where a column is not what it is in the reference's log, shape (n_rows,), bool."""
        first, second = self.reference, self.current
        if first.kind(column) == second.kind(column) and first.kind(column) in ("numeric", "time"):
            a, b = first.numbers(column), second.numbers(column)
            scale = float(np.nanstd(a)) if np.isfinite(a).any() else 0.0
            same = np.abs(a - b) <= TOLERANCE * np.maximum(np.abs(a), scale)
            return np.asarray(~(same | (np.isnan(a) & np.isnan(b))))
        return np.asarray(first.texts(column) != second.texts(column), dtype=bool)


def beside(case: Case) -> Beside | None:
    """The two sides' logs, where their rows are the same ones: by key, else by number and labels; None where they are not."""
    reference = case.reference
    if reference is None or reference.serving is None or case.current.serving is None:
        return None
    first, second = reference.serving, case.current.serving
    if first.n_rows != second.n_rows or not first.n_rows:
        return None
    names = [c for c in (case.key, case.time, case.entity, case.target) if c and c in first and c in second]
    if case.key in names:
        names = [str(case.key)]
    for name in names:
        if not np.array_equal(first.texts(name), second.texts(name)):
            return None
    if case.key not in names:
        # Without a key, rows are the same ones only if most features are.
        alike = [c for c in case.features(second) if c in first and float(np.mean(first.texts(c) == second.texts(c))) > 0.95]
        if len(alike) < 0.5 * max(1, len(case.features(second))):
            return None
    return Beside(case, first, second)


def taken_back(case: Case, columns: Sequence[str]) -> Case | None:
    """The case with some columns of the current log as the reference's log has them, and the artifact asked again."""
    found = beside(case)
    if found is None:
        return None
    table = found.current
    for column in columns:
        if column in found.reference:
            table = table.with_column(column, found.reference.arrow.column(column).combine_chunks())
    return replayed(case.with_side("current", replace(case.current, serving=table)))
