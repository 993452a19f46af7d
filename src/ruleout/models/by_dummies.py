"""A model fitted on an array of numbers and one column per category: the array is made again from the table that it was made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.model import Description, Model
from ruleout.models.wrapped import Wrapped
from ruleout.tables.table import Table

__all__ = ["ByDummies", "Layout", "layouts"]

MOST_LEVELS = 100
"""Levels of a column, at most, of which each may have a column of its own."""


@dataclass(frozen=True)
class Layout:
    """How an array is laid out: the features in their order, and for each category the levels that have a column, in theirs."""

    features: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def width(self) -> int:
        """Columns of the array."""
        return sum(len(self.levels[c]) if c in self.levels else 1 for c in self.features)


def layouts(table: Table, features: Sequence[str], width: int) -> Iterator[Layout]:
    """Yield the ways in which a table's features may fill an array of `width` columns, none where they cannot.

    Numbers stand first or where they stand in the table; levels as they sort, as they appear or by their frequency, perhaps without the
    first.
    """
    kinds = {c: table.kind(c) for c in features}
    texts = {c: [v for v in table.texts(c).tolist() if v is not None] for c in features if kinds[c] == "category"}
    if not texts or set(kinds.values()) - {"numeric", "category"}:
        return
    counts = {c: Counter(values) for c, values in texts.items()}
    if max(len(k) for k in counts.values()) > MOST_LEVELS:
        return
    first = tuple(sorted(features, key=lambda c: kinds[c] == "category"))
    seen: set[tuple[Any, ...]] = set()
    for order in dict.fromkeys((first, tuple(features))):
        for known in (
            {c: sorted(k) for c, k in counts.items()},
            {c: list(k) for c, k in counts.items()},
            {c: [v for v, _ in k.most_common()] for c, k in counts.items()},
        ):
            for skipped in (0, 1):
                layout = Layout(order, {c: tuple(v[skipped:]) for c, v in known.items()})
                key = (order, tuple(sorted(layout.levels.items())))
                if layout.width == width and key not in seen:
                    seen.add(key)
                    yield layout


class ByDummies(Wrapped):
    """A model that takes an array of numbers and indicators, asked by the columns that these are made of.

    Parameters
    ----------
    model
        The model as it opened; its description names no columns.
    layout
        How its array is laid out.
    """

    def __init__(self, model: Model, layout: Layout) -> None:
        super().__init__(model)
        self.layout = layout

    def _told(self, found: Description) -> Description:
        categories = {c: list(levels) for c, levels in self.layout.levels.items()}
        return replace(found, features=self.layout.features, fitted={**found.fitted, "categories": categories, "scalers": []})

    def _around(self, model: Model) -> Model:
        return ByDummies(model, self.layout)

    def _taken(self, table: Table, *more: str) -> Table:
        import pyarrow as pa

        lacking = [c for c in self.layout.features if c not in table]
        if lacking:
            raise ModelError(
                f"model: {table.origin} lacks {len(lacking)} of the {len(self.layout.features)} columns it was fitted on: {lacking[0]!r}."
            )
        columns: dict[str, np.ndarray] = {}
        for name in self.layout.features:
            if name not in self.layout.levels:
                columns[name] = table.numbers(name)
                continue
            values = table.texts(name)
            columns |= {f"{name}_{level}": (values == level).astype(float) for level in self.layout.levels[name]}
        arrow = pa.table(columns | {name: table.arrow.column(name) for name in more})
        return Table(arrow, name=table.name, origin=table.origin)
