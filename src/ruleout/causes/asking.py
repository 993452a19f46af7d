"""How much an artifact is asked in one search: counted in rows, never in seconds, so that a slower machine finds the same."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

from ruleout.models.model import Description

__all__ = ["in_no_order", "pace", "rows_each", "turns"]

T = TypeVar("T")

SCANNED_ROWS = 240
"""Rows on which each supposed change is tried first."""

FEWEST_ROWS = 40
"""Rows below which a change that reproduces the log can't be told from one that comes near."""

MOST_ASKED = 100_000
"""Rows asked in one round of a search, all changes together, of a model of usual pace."""

FEWEST_TURNS = 10

TREES = 100
"""Trees of a forest of usual pace."""

STORED = ("svc", "svr", "neighbors", "gaussianprocess", "kernelridge", "labelspreading", "labelpropagation")
"""Estimators that hold each row against the rows that they were fitted on."""

STORED_PACE = 5.0


def pace(description: Description) -> float:
    """How many rows of a usual model one row of this one counts for, 1 or more: by its trees, or by whether it stored its rows."""
    named = f"{description.estimator} {' '.join(description.steps)}".lower()
    trees = [v for name, v in description.parameters.items() if name.rsplit("__", 1)[-1] == "n_estimators" and isinstance(v, int)]
    return max([STORED_PACE if any(word in named for word in STORED) else 1.0, *(n / TREES for n in trees)])


def rows_each(n_changes: int, pace: float) -> int:
    """Rows on which each of some changes is tried, so that all together ask no more than a round may, down to the fewest that tell."""
    return max(FEWEST_ROWS, min(SCANNED_ROWS, int(MOST_ASKED / (pace * max(n_changes, 1)))))


def turns(n_columns: int, n_rows: int, pace: float) -> int:
    """How often one of some columns is put in or left out, each turn trying all of them: twice a column, if that is not too much to ask."""
    return min(2 * n_columns, max(FEWEST_TURNS, int(MOST_ASKED / (pace * max(n_columns * n_rows, 1)))))


def in_no_order(things: Sequence[T], names: Sequence[str], most: int) -> list[T]:
    """As many of some things as may be tried, chosen by a hash of their names: neither rows nor columns have a say, wherever they stand."""
    if len(things) <= most:
        return list(things)
    chosen = sorted(range(len(things)), key=lambda at: (sha256(names[at].encode()).digest(), at))[:most]
    return [things[at] for at in sorted(chosen)]
