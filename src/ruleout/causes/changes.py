"""What a service may have done to the features on their way to the model: one column, or several, changed in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ruleout.causes.answers import Change
from ruleout.tables.table import Table

__all__ = ["constant", "exchanged", "numbers_changed", "texts_changed"]


def numbers_changed(words: str, columns: Sequence[str], how: Callable[[np.ndarray, str], np.ndarray]) -> Change:
    """Numbers put through a function of values and column; null stays null unless the function says otherwise."""

    def apply(table: Table) -> Table:
        for column in columns:
            with np.errstate(all="ignore"):
                made = np.asarray(how(table.numbers(column), column), dtype=float)
            table = table.with_column(column, np.where(np.isfinite(made), made, np.nan))
        return table

    return Change(words, tuple(columns), apply)


def texts_changed(words: str, columns: Sequence[str], how: Callable[[str | None, str], str | None]) -> Change:
    """Texts put through a function of value and column, applied once to each distinct value."""

    def apply(table: Table) -> Table:
        for column in columns:
            values = table.values(column)
            made = {value: how(None if value is None else str(value), column) for value in {*values.tolist()}}
            table = table.with_column(column, np.array([made[v] for v in values.tolist()], dtype=object))
        return table

    return Change(words, tuple(columns), apply)


def constant(column: str, value: object, words: str) -> Change:
    """One value in every row of a column."""

    def apply(table: Table) -> Table:
        if table.kind(column) == "numeric":
            return table.with_column(column, np.full(table.n_rows, np.nan if value is None else float(value)))  # type: ignore[arg-type]
        made = np.empty(table.n_rows, dtype=object)
        made[:] = value
        if value is None:
            import pyarrow as pa

            return table.with_column(column, pa.nulls(table.n_rows, table.schema.field(column).type))
        return table.with_column(column, made)

    return Change(words, (column,), apply)


def exchanged(words: str, places: Mapping[str, str]) -> Change:
    """Columns under other names: the model reads `places[column]` where it asks for `column`."""

    def apply(table: Table) -> Table:
        was = table
        for column, now in places.items():
            table = table.with_column(column, was.arrow.column(now))
        return table

    return Change(words, tuple(c for c, now in places.items() if c != now), apply)
