"""What known releases of packages make otherwise of the same rows: words for null, numbers that wrap around, dates in another unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.causes.beside import Beside

__all__ = ["Released", "null_words", "released"]

NULL_WORDS = frozenset({"nan", "NaN", "None", "<NA>", "NaT"})
"""What text is made of missing values where a cast does not keep them missing."""

ALL = 0.99
"""Part of the rows that differ which must differ as the release has it."""

WIDTHS = (2.0**8, 2.0**16, 2.0**32)
UNITS = (1e3, 1e6, 1e9)


class Released(NamedTuple):
    """A release that crosses between the two environments, what it does, in words, and the columns that differ in that way."""

    package: str
    release: int
    words: str
    columns: tuple[str, ...]


def released(rows: Beside) -> Iterator[Released]:
    """Each known release that explains columns which differ between the logs, the one that explains most first."""
    words = tuple(c for c in rows.unlike if null_words(rows, c))
    wrapped = tuple(c for c in rows.unlike if _wrapped(rows, c))
    units = tuple(c for c in rows.unlike if _in_other_units(rows, c))
    found = [
        Released("pandas", 3, "text made of missing values is missing here and a word (nan) there", words),
        Released("numpy", 2, "whole numbers wrapped around at the width of their type", wrapped),
        Released("pandas", 3, "dates count another unit of time", units),
    ]
    yield from sorted((f for f in found if f.columns), key=lambda f: -len(f.columns))


def null_words(rows: Beside, column: str) -> bool:
    """Whether a column differs between the logs in that one has null where the other has a word for null."""
    if column not in rows.unlike or any(t.kind(column) != "category" for t in (rows.reference, rows.current)):
        return False
    at = rows.unlike[column]
    first, second = (t.texts(column)[at] for t in (rows.reference, rows.current))
    told = [(a is None and b in NULL_WORDS) or (b is None and a in NULL_WORDS) for a, b in zip(first, second, strict=True)]
    return float(np.mean(told)) >= ALL


def _differing(rows: Beside, column: str) -> tuple[np.ndarray, np.ndarray] | None:
    if any(t.kind(column) not in ("numeric", "time") for t in (rows.reference, rows.current)):
        return None
    at = rows.unlike[column]
    first, second = (t.numbers(column)[at] for t in (rows.reference, rows.current))
    return (first, second) if np.isfinite(first).all() and np.isfinite(second).all() else None


def _wrapped(rows: Beside, column: str) -> bool:
    """Whether one side's values are the other's less a multiple of 2^8, 2^16 or 2^32, and fit into that width."""
    found = _differing(rows, column)
    if found is None:
        return False
    for small, large in (found, found[::-1]):
        for width in WIDTHS:
            turns = (large - small) / width
            inside = (small >= -width / 2) & (small < width)
            if float(np.mean((np.abs(turns - np.round(turns)) < 1e-9) & inside)) >= ALL and np.abs(large).max() >= width / 2:
                return True
    return False


def _in_other_units(rows: Beside, column: str) -> bool:
    found = _differing(rows, column)
    if found is None or rows.unlike[column].mean() < ALL:
        return False
    first, second = found
    # What is left of a day or a second after a division keeps no ratio: whole stamps are meant.
    known = (first != 0) & (second != 0)
    ratio = first[known] / second[known]
    return any(len(ratio) > 0 and float(np.mean(np.abs(ratio / unit**sign - 1) < 1e-3)) >= ALL for unit in UNITS for sign in (1, -1))
