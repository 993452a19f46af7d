"""Tables as nobody expects them: no row, one row, constants, nulls, infinities, huge integers, odd names."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator

import pyarrow as pa

__all__ = ["strange_pairs"]

N_ROWS = 60


def strange_pairs(target: str = "y") -> Iterator[tuple[str, pa.Table, pa.Table]]:
    """Yield what is strange, a table that is, and an ordinary one with the same columns, both with a target."""
    plain = _plain(target)
    yield "no row", plain.slice(0, 0), plain
    yield "one row", plain.slice(0, 1), plain
    yield "two rows", plain.slice(0, 2), plain
    yield "no row on either side", plain.slice(0, 0), plain.slice(0, 0)
    yield "a constant number", _with(plain, "x", pa.array([3.0] * N_ROWS)), plain
    yield "all null", _with(plain, "x", pa.nulls(N_ROWS, pa.float64())), plain
    yield "all null text", _with(plain, "colour", pa.nulls(N_ROWS, pa.string())), plain
    yield "a column without a type", _with(plain, "x", pa.nulls(N_ROWS)), plain
    yield "infinities", _with(plain, "x", pa.array([math.inf, -math.inf, 1.0] * (N_ROWS // 3))), plain
    yield "NaN only", _with(plain, "x", pa.array([math.nan] * N_ROWS)), plain
    yield "huge integers", _with(plain, "x", pa.array([2**62 + i for i in range(N_ROWS)])), plain
    yield "numbers beyond counting", _with(plain, "x", pa.array([1e150 * (-1) ** i for i in range(N_ROWS)])), plain
    yield "numbers as text", _with(plain, "x", pa.array([f"{i}.5" for i in range(N_ROWS)])), plain
    yield "text as numbers", _with(plain, "colour", pa.array(range(N_ROWS))), plain
    yield "lists", _with(plain, "x", pa.array([[i, i] for i in range(N_ROWS)])), plain
    yield "times", _with(plain, "x", pa.array([datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=i) for i in range(N_ROWS)])), plain
    yield "one class", _with(plain, target, pa.array(["no"] * N_ROWS)), plain
    yield "no label", _with(plain, target, pa.nulls(N_ROWS, pa.string())), plain
    yield "labels of another type", _with(plain, target, pa.array([i % 2 for i in range(N_ROWS)])), plain
    yield "every row a category of its own", _with(plain, "colour", pa.array([f"c{i}" for i in range(N_ROWS)])), plain
    names = {"x": "größe (m²) 'x\".y", "colour": "색깔\n"}
    odd = plain.rename_columns([names.get(c, c) for c in plain.column_names])
    yield "odd names", odd, odd
    yield "no column in common", plain.rename_columns([c if c == target else f"{c}_new" for c in plain.column_names]), plain
    yield "the target alone", plain.select([target]), plain


def _plain(target: str) -> pa.Table:
    return pa.table(
        {
            "x": pa.array([float(i * 7 % 13) for i in range(N_ROWS)]),
            "n": pa.array([i % 5 for i in range(N_ROWS)]),
            "colour": pa.array([("red", "green", "blue")[i % 3] for i in range(N_ROWS)]),
            target: pa.array(["no" if i * 7 % 13 < 6 else "yes" for i in range(N_ROWS)]),
        }
    )


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, values)
