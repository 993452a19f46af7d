"""What is said of two tables held side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ruleout.tables.profile import ColumnProfile
from ruleout.tables.table import Kind

__all__ = ["FLOORS", "ColumnChange", "Comparison"]

FLOORS: Mapping[str, float] = {"ks": 0.10, "tvd": 0.10, "psi": 0.10, "nulls": 0.02, "top": 0.02, "new": 0.02}
"""The smallest effect of each measure that counts as a move, however sure it is."""

_SAID = {
    "ks": "Kolmogorov-Smirnov distance",
    "tvd": "total variation distance",
    "psi": "population stability index",
    "nulls": "change of the null rate",
    "top": "change of a frequent value's share",
    "new": "share of new categories beyond chance",
}


@dataclass(frozen=True)
class ColumnChange:
    """One column on both sides. A distance is None where a side has no values, or where it has no meaning for the kind.

    Parameters
    ----------
    column, kind
        Its name, and how it is looked at.
    reference, current
        Its profiles, numbers counted between the same edges.
    psi
        Population stability index over at most 20 bins, less its expectation under no change.
    jensen_shannon
        Jensen-Shannon distance over the same bins, in [0, 1].
    ks
        Kolmogorov-Smirnov distance of numbers and times, in [0, 1].
    wasserstein
        First Wasserstein distance of numbers and times in standard deviations of the reference.
    tvd
        Total variation distance of categories, in [0, 1]; rare ones count together.
    null_rate_change
        Current less reference share of rows that are null or NaN.
    new_share
        Share of the current values that are categories which the reference does not show.
    new_categories, missing_categories
        Those, with their counts, the most frequent first, at most 50; missing are those that would be expected five times and more.
    top_value, top_share_change
        Of the two sides' most frequent values the one whose share changed more, and by how much (current less reference).
    effects, p_values
        By measure (`ks`, `tvd`, `psi`, `nulls`, `top`, `new`): what is held against its floor, and how often samples of one population
        would show as much.
    moved_by
        The measures that reach their floor and stay after Benjamini-Hochberg over all columns and measures.
    """

    column: str
    kind: Kind
    reference: ColumnProfile
    current: ColumnProfile
    psi: float | None = None
    jensen_shannon: float | None = None
    ks: float | None = None
    wasserstein: float | None = None
    tvd: float | None = None
    null_rate_change: float = 0.0
    new_share: float | None = None
    new_categories: tuple[tuple[str, int], ...] = ()
    missing_categories: tuple[tuple[str, int], ...] = ()
    top_value: Any = None
    top_share_change: float = 0.0
    effects: Mapping[str, float] | None = None
    p_values: Mapping[str, float] | None = None
    moved_by: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the column is different beyond the effect floors and beyond chance."""
        return bool(self.moved_by)

    @property
    def strength(self) -> float:
        """The largest effect in units of its floor: 1 is just worth speaking of."""
        return max((effect / FLOORS[measure] for measure, effect in (self.effects or {}).items()), default=0.0)

    def statement(self, table: str = "") -> str:
        """The change as a finding: place, numbers, yardsticks, n."""
        place = f"{table}.{self.column}" if table else self.column
        sizes = f"n = {self.reference.n:,} and {self.current.n:,}"
        effects = self.effects or {}
        told = self.moved_by or tuple(sorted(effects, key=lambda measure: -effects[measure] / FLOORS[measure])[:1])
        figures = ", ".join(f"{_SAID[measure]} {effects[measure]:.3f} (floor {FLOORS[measure]:.2f})" for measure in told)
        return f"{place}: {'moved' if self.moved else 'did not move'}: {figures or 'no values to compare'}; {sizes}."

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "column": self.column,
            "kind": self.kind,
            "moved": self.moved,
            "moved_by": list(self.moved_by),
            "psi": self.psi,
            "jensen_shannon": self.jensen_shannon,
            "ks": self.ks,
            "wasserstein": self.wasserstein,
            "tvd": self.tvd,
            "null_rate_change": self.null_rate_change,
            "new_share": self.new_share,
            "new_categories": [list(pair) for pair in self.new_categories],
            "missing_categories": [list(pair) for pair in self.missing_categories],
            "top_value": self.top_value,
            "top_share_change": self.top_share_change,
            "reference": self.reference.to_dict(),
            "current": self.current.to_dict(),
        }


@dataclass(frozen=True)
class Comparison(Mapping[str, ColumnChange]):
    """Two tables side by side: a change for every column that both have as the same kind.

    Parameters
    ----------
    reference, current
        What the tables are called.
    n_reference, n_current
        Their rows.
    changes
        By column, in the reference's order.
    only_reference, only_current
        Columns that one table alone has.
    kind_changes
        Columns that are looked at differently, with the Arrow types on both sides; they are not among the changes.
    type_changes
        Columns of one kind whose types differ (`int64`, `double`), with both; they are among the changes.
    """

    reference: str
    current: str
    n_reference: int
    n_current: int
    changes: Mapping[str, ColumnChange]
    only_reference: tuple[str, ...] = ()
    only_current: tuple[str, ...] = ()
    kind_changes: Mapping[str, tuple[str, str]] | None = None
    type_changes: Mapping[str, tuple[str, str]] | None = None

    def __getitem__(self, column: str) -> ColumnChange:
        return self.changes[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @cached_property
    def moved(self) -> tuple[ColumnChange, ...]:
        """The columns that moved, the strongest first."""
        return tuple(sorted((change for change in self.changes.values() if change.moved), key=lambda change: -change.strength))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "reference": {"name": self.reference, "n_rows": self.n_reference},
            "current": {"name": self.current, "n_rows": self.n_current},
            "only_reference": list(self.only_reference),
            "only_current": list(self.only_current),
            "kind_changes": {column: list(types) for column, types in (self.kind_changes or {}).items()},
            "type_changes": {column: list(types) for column, types in (self.type_changes or {}).items()},
            "columns": {column: change.to_dict() for column, change in self.changes.items()},
        }
