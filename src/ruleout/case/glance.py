"""A glance at a table: some columns of some rows, without reading it whole where its files allow."""

from __future__ import annotations

import pyarrow as pa

from ruleout.tables.table import Table

__all__ = ["GLANCE_ROWS", "first_rows", "some_rows"]

GLANCE_ROWS = 50_000
"""What is said of a table's columns before it is examined rests on at most so many rows."""


def first_rows(table: Table, columns: tuple[str, ...]) -> pa.Table:
    """Some columns of the first rows: neighbours, among which repeated values would show."""
    chosen = table.select(columns)
    batches, n_rows = [], 0
    for batch in chosen.batches(GLANCE_ROWS):
        batches.append(batch)
        n_rows += batch.num_rows
        if n_rows >= GLANCE_ROWS:
            break
    return pa.Table.from_batches(batches).slice(0, GLANCE_ROWS) if batches else chosen.arrow


def some_rows(table: Table, columns: tuple[str, ...]) -> pa.Table:
    """Some columns of rows chosen at random, always the same ones: sorted tables show all their values."""
    return table.select(columns).sample(GLANCE_ROWS).arrow
