"""What of one column differs on the rows that two tables share, found in one go or place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.tables.buffers import primitive, row_numbers, valid
from ruleout.tables.spoken import duration, figure, moment, part, quoted
from ruleout.tables.table import kind_of

__all__ = ["CellChange", "Cells", "cells_of", "change_of", "known"]

_SAME = 1e-9
_SAME_SINGLE = 1e-6
"""Numbers this close, relative to their size, are the same written otherwise; the second where one side has single precision."""
_ALL_BUT = 0.99


@dataclass(frozen=True)
class CellChange:
    """One column on the rows that both tables have.

    Parameters
    ----------
    column
        Its name.
    n_differ
        Shared rows on which its value is another one.
    n_became_null, n_was_null
        Those of them that are null on the current side alone, on the reference alone.
    said
        What is common to the differences, in words; empty where nothing is.
    """

    column: str
    n_differ: int
    n_became_null: int
    n_was_null: int
    said: str

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "column": self.column,
            "n_differ": self.n_differ,
            "n_became_null": self.n_became_null,
            "n_was_null": self.n_was_null,
            "said": self.said,
        }


@dataclass(frozen=True)
class Cells:
    """One column on some of the shared rows.

    Parameters
    ----------
    column
        Its name.
    n_differ, n_unequal
        Rows on which its value is another one, and those of them on which neither side is null.
    n_became_null, n_was_null
        Rows on which one side alone is null.
    there, here
        The unequal values of the reference and of the current side, or an even part of them: texts, numbers, or microseconds.
    time
        Whether these are points in time.
    """

    column: str
    n_differ: int
    n_unequal: int
    n_became_null: int
    n_was_null: int
    there: pa.Array
    here: pa.Array
    time: bool


def cells_of(column: str, there: pa.Array, here: pa.Array, *, single: bool, most: int | None = None) -> tuple[np.ndarray, Cells]:
    """Where a column differs on shared rows, shape (n_shared,), and how.

    Parameters
    ----------
    there, here
        Its values on either side, row by row, of one type: large text, numbers, or times in microseconds.
    single
        One side has single precision.
    most
        How many of the unequal values are kept; all by default.
    """
    type_ = there.type
    knows = [known(side) for side in (there, here)]
    both = knows[0] & knows[1]
    if kind_of(type_) == "category":
        unequal = _filled(pc.not_equal(there, here)) & both
    else:
        values = [_numbers(side) for side in (there, here)]
        unequal = both & (values[0] != values[1])
        if pa.types.is_floating(type_):
            tolerance = _SAME_SINGLE if single else _SAME
            with np.errstate(over="ignore", invalid="ignore"):
                near = np.abs(values[1] - values[0]) <= tolerance * np.maximum(np.abs(values[0]), np.abs(values[1]))
            unequal &= ~(near & np.isfinite(values[0]) & np.isfinite(values[1]))
    rows = np.flatnonzero(unequal)
    n_unequal = len(rows)
    if most is not None and n_unequal > most:
        rows = rows[np.arange(most) * n_unequal // most]
    mine, theirs = (side.take(row_numbers(rows)) for side in (there, here))
    became, was = int((knows[0] & ~knows[1]).sum()), int((~knows[0] & knows[1]).sum())
    cells = Cells(column, n_unequal + became + was, n_unequal, became, was, mine, theirs, kind_of(type_) == "time")
    return unequal | (knows[0] ^ knows[1]), cells


def change_of(cells: Sequence[Cells]) -> CellChange:
    """One column on all shared rows, from what was found of it place by place."""
    there, here = (pa.chunked_array([getattr(one, side) for one in cells]).combine_chunks() for side in ("there", "here"))
    there, here = (side.combine_chunks() if isinstance(side, pa.ChunkedArray) else side for side in (there, here))
    n_unequal, became, was = (sum(getattr(one, name) for one in cells) for name in ("n_unequal", "n_became_null", "n_was_null"))
    said = ""
    if n_unequal:
        if pa.types.is_large_string(there.type):
            said = _replaced(there, here)
        else:
            said = _moved(_numbers(there).astype(float), _numbers(here).astype(float), cells[0].time)
        said += f" (of {len(there):,} looked at)" if len(there) < n_unequal else ""
    parts = [said, f"{became:,} became null" if became else "", f"{was:,} were null" if was else ""]
    return CellChange(cells[0].column, n_unequal + became + was, became, was, "; ".join(filter(None, parts)))


def known(values: pa.Array) -> np.ndarray:
    """Where a value is neither null nor NaN, shape (n_rows,)."""
    present = valid(values)
    if pa.types.is_floating(values.type):
        present &= ~np.isnan(_numbers(values))
    return present


def _numbers(values: pa.Array) -> np.ndarray:
    """Numbers and times (in microseconds) with 0 for null, shape (n_rows,)."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return primitive(values.fill_null(0)) if values.null_count else primitive(values)


def _filled(values: pa.Array) -> np.ndarray:
    return primitive(values.fill_null(False).cast(pa.uint8())).astype(bool)


def _replaced(there: pa.Array, here: pa.Array) -> str:
    """The replacement that is most frequent among the values that differ."""
    pairs = pa.table({"there": there, "here": here}).group_by(["there", "here"]).aggregate([([], "count_all")])
    counts = pairs.column("count_all").to_pylist()
    at = min(range(len(counts)), key=lambda row: (-counts[row], str(pairs.column("there")[row]), str(pairs.column("here")[row])))
    first, second = (quoted(pairs.column(side)[at].as_py()) for side in ("there", "here"))
    share = counts[at] / sum(counts)
    return f"{first} → {second}" + (f" on {part(share)} of them" if share < _ALL_BUT else "")


def _moved(there: np.ndarray, here: np.ndarray, time: bool) -> str:
    """What numbers that differ have in common: one step, one factor, or else the middle difference."""
    if len(here) > 1 and (here == here[0]).all():
        return f"every one became {_point(here[0], time)}"
    finite = np.isfinite(there) & np.isfinite(here)
    if not finite.any():
        return "infinite on one side"
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return _moved_by(there[finite], here[finite], time)


def _moved_by(there: np.ndarray, here: np.ndarray, time: bool) -> str:
    """The same of finite numbers, of which differences may be infinite all the same."""
    gaps = here - there
    step = float(np.median(gaps))
    ratios = here[there != 0] / there[there != 0]
    factor = float(np.median(ratios)) if len(ratios) else 0.0
    if step and (np.abs(gaps - step) <= 1e-6 * np.maximum(np.abs(there), np.abs(here))).mean() >= _ALL_BUT:
        return f"every one {'+' if step > 0 else '-'} {_size(step, time)}"
    if not time and factor and (np.abs(here - factor * there) <= 1e-6 * np.abs(here)).mean() >= _ALL_BUT:
        return f"every one x {figure(float(f'{factor:.6g}'))}"
    middle = float(np.median(np.abs(gaps)))
    up = float((gaps > 0).mean())
    direction = f"{part(up)} of them up" if 0.1 < up < 0.9 else "most of them up" if up >= 0.9 else "most of them down"
    return f"by {_size(middle, time)} in the middle, {direction}"


def _point(value: float, time: bool) -> str:
    return moment(value / 1e6, fine=True) if time else figure(float(value))


def _size(gap: float, time: bool) -> str:
    return duration(gap / 1e6) if time else figure(float(f"{abs(gap):.4g}"))
