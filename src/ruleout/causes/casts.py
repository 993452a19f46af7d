"""Numbers in fewer bits: the casts that systems make, and the columns of a table that went through one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case, TableName
from ruleout.causes.columns import finite, numbers, numeric_columns, put_values
from ruleout.causes.page import Pair, pairs

__all__ = ["CASTS", "Cast", "as_bfloat16", "cast_columns", "cast_reference"]

ROWS = 100
"""Fewest rows of a table that is held against the reference's."""

LOST = 0.1
"""Least share of the healthy values that a cast must change for its traces to be seen."""

ALIKE = 0.9
"""Share of the rows whose values must be among those that the cast makes of the healthy ones, and the other way round; held against
what two halves of the healthy rows share."""

WHOLE = 0.02
"""Share of the expected values between whole numbers from which a column of whole numbers alone was rounded, not cast."""

DENSE = 0.3
"""Values so fine that two halves of the healthy rows share fewer are no grid that rows could fill."""


def as_bfloat16(values: np.ndarray, *, cut: bool = False) -> np.ndarray:
    """Numbers with 8 bits of mantissa, rounded to the nearest even or cut."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    if not cut:
        bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return np.where(np.isfinite(values), (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(float), np.nan)


def _half(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(values, -65_504, 65_504).astype(np.float16), dtype=float)


def _levels(values: np.ndarray) -> np.ndarray:
    low, high = np.nanmin(values), np.nanmax(values)
    return np.asarray(low + np.round((values - low) / (high - low) * 255) / 255 * (high - low)) if high > low else values


def _wrapped(bits: int, *, signed: bool, whole_by: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Numbers packed into whole ones of so many bits: decimals go, and what is too large comes out at the other end."""

    def cast(values: np.ndarray) -> np.ndarray:
        size = 2.0**bits
        whole = np.mod(whole_by(values), size)
        return np.asarray(np.where(whole >= size / 2, whole - size, whole) if signed else whole, dtype=float)

    return cast


CASTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "cast to float32": lambda v: v.astype(np.float32).astype(float),
    "cast to bfloat16": as_bfloat16,
    "cut to bfloat16": lambda v: as_bfloat16(v, cut=True),
    "cast to float16": _half,
    "cast to float16, what is too large for it null": lambda v: v.astype(np.float16).astype(float),
    "cast to 256 levels": _levels,
    **{
        f"{how} and packed into {'int' if signed else 'uint'}{bits}": _wrapped(bits, signed=signed, whole_by=whole_by)
        for how, whole_by in (("cut", np.trunc), ("rounded", np.rint))
        for bits, signed in ((8, True), (8, False), (16, True), (16, False))
    },
}


class Cast(NamedTuple):
    """A column that a cast went over: where, which, the share of healthy values it changes, distinct values here and expected."""

    table: TableName
    column: str
    place: str
    words: str
    lost: float
    distinct: tuple[int, int]
    n: int


def cast_columns(case: Case) -> tuple[Cast, ...]:
    """The numeric features whose every value is one that a cast gives, and which hold the values that it makes of the reference's.

    A cast is many-to-one and leaves a grid: bfloat16 steps of 1/128 of a number, uint8 the numbers below 256. Healthy values stand
    between its points; those of a column that is merely rounded or drifted do not fill it.
    """
    if case.reference is None:
        return ()
    found = []
    for pair in pairs(case):
        if pair.name == "serving" or min(pair.suspect.n_rows, pair.yardstick.n_rows) < ROWS:
            continue
        for column in numeric_columns(case, pair, target=False):
            cast = _cast(pair, column)
            if cast is not None:
                found.append(cast)
    return tuple(sorted(found, key=lambda c: (-c.lost, c.place)))


def cast_reference(case: Case, casts: Sequence[tuple[TableName, str, str]]) -> Case | None:
    """The case whose reference went through the same casts, each a table, a column and the words of the cast.

    What a cast took away cannot be given back; what it does to the healthy side can be measured exactly. None where it does nothing.
    """
    changed = False
    for name, column, words in casts:
        table = case.reference.table(name) if case.reference is not None else None
        if table is None or column not in table or table.kind(column) != "numeric":
            continue
        values = table.numbers(column)
        with np.errstate(over="ignore"):
            lossy = CASTS[words](values)
        if not np.array_equal(lossy, values, equal_nan=True):
            case, changed = case.with_table("reference", name, put_values(table, column, lossy)), True
    return case if changed else None


def _cast(pair: Pair, column: str) -> Cast | None:
    x, y = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
    if min(len(x), len(y)) < ROWS:
        return None
    best: Cast | None = None
    for words, cast in CASTS.items():
        if "levels" in words:
            continue
        with np.errstate(over="ignore"):
            expected, again = cast(y), cast(x)
        # Of numbers that were packed only those that came out at the other end are lost: the others may as well be rounded.
        near = np.abs(expected - y) < 1 if "packed" in words else np.isclose(expected, y, rtol=1e-9, atol=0.0)
        lost = float(np.mean(~near))
        if lost < LOST or not np.allclose(again, x, rtol=1e-9, atol=0.0) or (best is not None and lost <= best.lost):
            continue
        expected = finite(expected)
        if len(expected) < ROWS:
            continue
        usual = np.isin(expected[::2], expected[1::2]).mean()
        if usual < DENSE or min(np.isin(x, expected).mean(), np.isin(expected, x).mean()) < ALIKE * usual:
            continue
        if np.all(x == np.round(x)) and np.mean(expected != np.round(expected)) > WHOLE:
            continue  # Rounded to whole numbers, which small ones survive any cast as.
        distinct = len(np.unique(x)), len(np.unique(expected))
        best = Cast(pair.name, column, pair.place(column), words, lost, distinct, len(x))
    return best
