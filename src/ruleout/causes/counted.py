"""Codes that were given in the order of how often each category comes, in one of two tables and not in the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np

from ruleout.causes.columns import texts
from ruleout.causes.page import Pair

__all__ = ["counted_codes"]

SURE = math.log(200.0)
"""Log odds from which that all codes stand in the order of their frequency is no chance."""

MOVED = 5.0
"""Standard errors by which the share of some code must differ between the tables."""

FITS = 4.0
"""Standard errors within which the shares agree, on the root mean square, once every code is read by its rank."""


def counted_codes(pair: Pair, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """By column the healthy code for each code of the suspect, where one table's codes are ranks of frequency and the other's are not.

    Of k codes one order in k! is that of their frequency; over all columns whose shares moved these chances multiply. Encoders count so
    (`OrdinalEncoder` on categories sorted by `value_counts`, pandas `factorize` after a sort). Empty where that may be chance.
    """
    shares = {c: (_counts(pair, c, "suspect"), _counts(pair, c, "yardstick")) for c in columns}
    moved = {c: s for c, s in shares.items() if _whole(s[0]) and set(s[0]) == set(s[1]) and len(s[0]) >= 2 and _apart(*s) > MOVED}
    for side in (0, 1):
        for sign in (1, -1):
            ranked = {c: s for c, s in moved.items() if _in_order(s[side], sign) and not _in_order(s[1 - side], sign)}
            if sum(math.lgamma(len(s[0]) + 1) for s in ranked.values()) - math.log(4.0) < SURE or len(ranked) < 0.7 * len(moved):
                continue
            codes = {c: dict(zip(_by_count(s[0]), _by_count(s[1]), strict=True)) for c, s in ranked.items()}
            return {c: read for c, read in codes.items() if _apart(*ranked[c], read) < FITS}
    return {}


def _counts(pair: Pair, column: str, which: str) -> Counter[str]:
    return Counter(v for v in texts(getattr(pair, which), column).tolist() if v is not None)


def _whole(counts: Mapping[str, int]) -> bool:
    """Whether the names are the whole numbers that a coder gives, from 0 or from 1."""
    return all(v.isdigit() for v in counts) and sorted(map(int, counts)) in ([*range(len(counts))], [*range(1, len(counts) + 1)])


def _by_count(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda v: (-counts[v], v))


def _in_order(counts: Mapping[str, int], sign: int) -> bool:
    ordered = [sign * counts[v] for v in sorted(counts, key=int)]
    return all(a < b for a, b in pairwise(ordered))


def _apart(mine: Mapping[str, int], theirs: Mapping[str, int], read: Mapping[str, str] | None = None) -> float:
    """By how many standard errors the shares of the codes differ, as a root mean square, each of mine read as `read` says."""
    n, m = sum(mine.values()), sum(theirs.values())
    here = np.array([mine[v] / n for v in mine])
    there = np.array([theirs[read[v] if read else v] / m for v in mine])
    error = np.sqrt(np.maximum(here * (1 - here) / n + there * (1 - there) / m, 1e-12))
    return float(np.sqrt(np.mean(((here - there) / error) ** 2)))
