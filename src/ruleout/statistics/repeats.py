"""Rows as one number each, to find those that come again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["coincidence", "repeats", "row_codes", "twins"]


def row_codes(columns: Sequence[np.ndarray]) -> np.ndarray:
    """A 64-bit hash of each row over `columns` (floats or objects, each of shape (n_rows,)): equal rows have equal codes."""
    from pandas.util import hash_array

    out: np.ndarray | None = None
    for column in columns:
        if column.dtype == object:
            codes = hash_array(np.array(["\0" if v is None else str(v) for v in column.tolist()], dtype=object), categorize=True)
        else:
            # Adding zero makes -0.0 and 0.0 the same; every NaN becomes the one NaN.
            plain = np.where(np.isnan(column), np.nan, column.astype(np.float64)) + 0.0
            codes = hash_array(plain)
        codes = codes.astype(np.uint64)
        out = codes if out is None else (out * np.uint64(0x9E3779B97F4A7C15)) ^ (codes + (out >> np.uint64(7)))
    return out if out is not None else np.zeros(0, dtype=np.uint64)


def repeats(codes: np.ndarray) -> np.ndarray:
    """Which rows repeat an earlier one, shape (n_rows,), bool."""
    out = np.ones(len(codes), dtype=bool)
    out[np.unique(codes, return_index=True)[1]] = False
    return out


def coincidence(codes: np.ndarray) -> float:
    """The chance that two rows drawn from the table are equal: the unbiased estimate of Simpson (1949), whatever the table's size."""
    n = len(codes)
    counts = np.unique(codes, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0


def twins(codes: np.ndarray) -> float:
    """The share of rows that have an equal among the others: what a further row of the same population would have, in [0, 1]."""
    counts, place = np.unique(codes, return_counts=True)[1], np.unique(codes, return_inverse=True)[1]
    return float(np.mean(counts[place] > 1)) if len(codes) else 0.0
