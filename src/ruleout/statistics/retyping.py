"""Text that stands for numbers, truth values or points in time, and the reading that fits the healthy column."""

from __future__ import annotations

import re

import numpy as np

from ruleout.statistics.quantiles import ks_distance
from ruleout.statistics.spelling import NULL_WORDS

__all__ = ["read_numbers", "read_times", "read_truth"]

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0", "off"})


def read_numbers(texts: np.ndarray, healthy: np.ndarray | None = None) -> tuple[np.ndarray, str] | None:
    """The texts as floats, shape (n,), with the way they were written; None where fewer than 95 % can be read.

    Decimal points and commas, thousands separators, units and currency signs before or after are read. Where two readings are possible
    the one nearer to `healthy` wins (Kolmogorov-Smirnov distance). Null and the customary words for it become NaN.
    """
    plain = [None if v is None or v.strip().casefold() in NULL_WORDS else v.strip() for v in texts.tolist()]
    n_said = sum(v is not None for v in plain)
    if not n_said:
        return None
    best: tuple[float, np.ndarray, str] | None = None
    for way, thousands, decimal in (("a decimal point", ",", "."), ("a decimal comma", ".", ",")):
        out = np.array([np.nan if v is None else _number(v, thousands, decimal) for v in plain])
        read = np.isfinite(out)
        if read.sum() < 0.95 * n_said:
            continue
        gap = ks_distance(out[read], healthy[np.isfinite(healthy)]) if healthy is not None and len(healthy) else 0.0
        if best is None or gap < best[0] - 1e-9:
            best = gap, out, way
    return (best[1], best[2]) if best else None


def _number(text: str, thousands: str, decimal: str) -> float:
    found = re.fullmatch(r"([^\d+\-.,]{0,4})\s*([+-]?[\d.,'\s\u00a0\u202f]*\d[\d.,]*(?:[eE][+-]?\d+)?)\s*([^\d]{0,6})", text)
    if not found:
        return np.nan
    digits = re.sub(r"['\s\u00a0\u202f]", "", found[2])
    whole, _, rest = digits.rpartition(decimal) if decimal in digits else (digits, "", "")
    # Thousands stand in groups of three, before the decimals only.
    if thousands in rest or (thousands in whole and not re.fullmatch(r"[+-]?\d{1,3}(" + re.escape(thousands) + r"\d{3})+", whole)):
        return np.nan
    try:
        return float(digits.replace(thousands, "").replace(decimal, "."))
    except ValueError:
        return np.nan


def read_truth(texts: np.ndarray) -> np.ndarray | None:
    """The texts as 1.0 and 0.0 (NaN for null), shape (n,); None where one of them is neither a yes nor a no."""
    out = np.full(len(texts), np.nan)
    for i, value in enumerate(texts.tolist()):
        if value is None or value.strip().casefold() in NULL_WORDS:
            continue
        plain = value.strip().casefold()
        if plain not in _TRUE and plain not in _FALSE:
            return None
        out[i] = float(plain in _TRUE)
    return out


def read_times(texts: np.ndarray) -> np.ndarray | None:
    """The texts as points in time, datetime64[us], shape (n,); None where fewer than 95 % are dates in a written form."""
    import pandas as pd

    plain = [v if v is not None and re.search(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", v) else None for v in texts.tolist()]
    n_said = sum(v is not None for v in texts.tolist())
    if not n_said or sum(v is not None for v in plain) < 0.95 * n_said:
        return None
    read = pd.to_datetime(pd.Series(plain, dtype=object), errors="coerce", format="ISO8601")
    if read.notna().sum() < 0.95 * n_said:
        read = pd.to_datetime(pd.Series(plain, dtype=object), errors="coerce", format="mixed", dayfirst=True)
    return read.to_numpy().astype("datetime64[us]") if read.notna().sum() >= 0.95 * n_said else None
