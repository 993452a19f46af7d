"""The categories of a column on both sides, value by value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from ruleout.tables.buffers import row_numbers
from ruleout.tables.state import CategoryState

__all__ = ["Levels"]

_FEWEST_IN_CELL = 5
_MOST_LISTED = 50


@dataclass(frozen=True)
class Levels:
    """The categories that either side shows, with their counts.

    Parameters
    ----------
    values
        Distinct texts, a large_string array of shape (n_levels,).
    reference, current
        Their counts, shape (n_levels,).
    n_reference, n_current
        Values of each side, those of categories that are not listed included.
    """

    values: pa.Array
    reference: np.ndarray
    current: np.ndarray
    n_reference: int
    n_current: int

    @classmethod
    def of(cls, reference: CategoryState, current: CategoryState) -> Levels:
        """Align two states; of counts that may lack something only those are kept to which that makes no difference."""
        values, there, here = reference.frequent.aligned(current.frequent)
        error = reference.frequent.error + current.frequent.error
        if error:
            sure = np.maximum(there, here) >= 10 * error
            values, there, here = values.take(row_numbers(np.flatnonzero(sure))), there[sure], here[sure]
        return cls(values, there, here, reference.n - reference.n_null, current.n - current.n_null)

    @cached_property
    def cells(self) -> np.ndarray:
        """Where a category is frequent enough to be counted by itself, shape (n_levels,): five are expected on the smaller side."""
        n, m = self.n_reference, self.n_current
        frequent: np.ndarray = (self.reference + self.current) * min(n, m) / (n + m) >= _FEWEST_IN_CELL
        return frequent

    @cached_property
    def bins(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts of the frequent categories, and of all others together at the end, on both sides."""
        there, here = self.reference[self.cells], self.current[self.cells]
        return np.append(there, self.n_reference - there.sum()), np.append(here, self.n_current - here.sum())

    @cached_property
    def new(self) -> np.ndarray:
        """Where the reference does not show a category, shape (n_levels,)."""
        return np.asarray(self.reference == 0)

    @cached_property
    def missing(self) -> np.ndarray:
        """Where the current side does not show a category of which five and more are expected, shape (n_levels,)."""
        return np.asarray((self.current == 0) & (self.reference * self.n_current / self.n_reference >= _FEWEST_IN_CELL))

    def listed(self, counts: np.ndarray, chosen: np.ndarray) -> tuple[tuple[str, int], ...]:
        """Some categories with their counts, the most frequent first, at most 50."""
        found = zip(self.values.take(row_numbers(np.flatnonzero(chosen))).to_pylist(), counts[chosen].tolist(), strict=True)
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0]))[:_MOST_LISTED])
