"""Answers of earlier rows that are given again: by lag, by block, by key, or by any."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.causes.answers import Answers
from ruleout.causes.columns import bounded
from ruleout.tables.moments import clock

__all__ = ["Recurrence", "permuted", "recurrence", "slipped"]

LONGEST = 200
"""Longest block of requests of which the first one's answer is looked for."""

LONGEST_OF_ONE = 24
"""The same among the requests of one entity."""

MOST_MOVED = 0.98
"""Part of the sorted answers that must be the artifact's own: a shift loses those at its ends."""

LONGEST_SHIFT = 50
"""Rows by which all answers may have slipped."""

CHANCE_DRAWS = 20
"""Draws of unrelated rows from which the share of equal answers by chance is taken."""


class Recurrence(NamedTuple):
    """Which earlier row's answer is given again, in words, and how often among the rows that do not follow."""

    pattern: str
    hits: float
    chance: float
    n_missed: int
    evidence: float


def recurrence(answers: Answers) -> Recurrence | None:
    """The pattern of earlier rows that best explains the answers that do not follow; None where none does."""
    logged, own = answers.said
    missed = np.flatnonzero(~answers.plain.same)
    if len(missed) < 8 or permuted(answers) is not None:
        return None
    rng = np.random.default_rng(0)
    draws = [answers.equal(logged[missed], own[rng.integers(0, answers.n, len(missed))]).mean() for _ in range(CHANCE_DRAWS)]
    chance = float(np.clip(np.mean(draws), 0.5 / len(missed), 0.999))
    least = 0.5 if answers.exact else 0.9
    best: Recurrence | None = None
    n_tried = 0
    for pattern, source in _sources(answers):
        n_tried += 1
        known = source[missed] >= 0
        if known.sum() < 0.5 * len(missed):
            continue
        at = np.where(known, source[missed], 0)
        hits = float((answers.equal(logged[missed], own[at]) & known).mean())
        if best is None or hits > best.hits + 0.01:
            best = Recurrence(pattern, hits, chance, len(missed), 0.0)
    if answers.exact and (best is None or best.hits < least):
        best = _any_earlier(answers, missed)
    if best is None or best.hits < least or best.hits < best.chance + 0.1:
        return None
    p, q = min(best.hits, 1 - 0.5 / len(missed)), best.chance
    ratio = len(missed) * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))) - math.log(n_tried + 1)
    return best._replace(evidence=bounded(ratio)) if ratio > 1.0 else None


def permuted(answers: Answers) -> float | None:
    """The share of answers that stand on other rows, where all are the artifact's own answers in another order; None where they are not.

    Numbers of many values can be told in any order. Bare classes are alike in any, so they must be those of a row that stands some rows
    later: an earlier one's may have been stored.
    """
    found = answers.numbers
    if answers.follow:
        return None
    if found is None or not answers.exact:
        return float(np.mean(~answers.plain.same)) if _of_later_rows(answers) else None
    logged, own = (np.sort(values[np.isfinite(found[0]) & np.isfinite(found[1])]) for values in found)
    if len(logged) < 20 or float(answers.equal(logged, own).mean()) < MOST_MOVED:
        return None
    return float(np.mean(~answers.plain.same))


def slipped(answers: Answers) -> int | None:
    """By how many rows of the log all answers stand below (or, negative, above) their requests; None where they did not slip as one."""
    logged, own = answers.said
    for rows in range(1, min(LONGEST_SHIFT, answers.n // 4) + 1):
        if float(answers.equal(logged[rows:], own[:-rows]).mean()) >= MOST_MOVED:
            return rows
        if float(answers.equal(logged[:-rows], own[rows:]).mean()) >= MOST_MOVED:
            return -rows
    return None


def _of_later_rows(answers: Answers) -> bool:
    """Whether nearly all answers are what the artifact gives for the row so many rows further on."""
    logged, own = answers.said
    if answers.plain.rate >= MOST_MOVED - 0.05:
        return False
    order = _in_time(answers)
    for rows in (order, np.arange(answers.n)):
        for ahead in range(1, min(LONGEST_SHIFT, answers.n // 4) + 1):
            if float(answers.equal(logged[rows[:-ahead]], own[rows[ahead:]]).mean()) >= MOST_MOVED:
                return True
    return False


def _in_time(answers: Answers) -> np.ndarray:
    """The rows in order of time, where the log has one, shape (n_rows,)."""
    when = clock(answers.log, answers.case.time)
    return np.arange(answers.n) if when is None else np.argsort(when, kind="stable")


def _sources(answers: Answers) -> Iterator[tuple[str, np.ndarray]]:
    """Patterns of earlier rows: in words, and for each row the row whose answer it would get (-1 for none), shape (n_rows,)."""
    n, case, log = answers.n, answers.case, answers.log
    rows = np.arange(n)
    order, when = _in_time(answers), clock(log, case.time)
    place = np.empty(n, dtype=np.int64)
    place[order] = rows
    in_time = not np.array_equal(order, rows)
    for how, ordered in ((" in order of time", True), ("", False)) if in_time else (("", False),):
        at, back = (place, order) if ordered else (rows, rows)
        for lag in range(1, LONGEST_SHIFT + 1):
            yield (
                (f"the request {lag} before{how}" if lag > 1 else f"the request before{how}"),
                np.where(at >= lag, back[np.maximum(at - lag, 0)], -1),
            )
        for size in range(2, LONGEST + 1):
            yield f"the first of each block of {size}{how}", back[at - at % size]
    for name, group in _groups(answers):
        first, before = _first_and_before(group, place)
        yield f"the first request with the same {name}", first
        yield f"the request before with the same {name}", before
        if name in log and answers.n / (group.max() + 1) >= 3:
            for size in range(2, LONGEST_OF_ONE + 1):
                yield f"the first of each {size} requests with the same {name}", _first_of_block(group, place, size)
    if when is not None and in_time:
        for unit, seconds in (("day", 86_400), ("hour", 3_600), ("week", 604_800)):
            group = np.floor(when / seconds)
            first, _ = _first_and_before(np.unique(group, return_inverse=True)[1], place)
            yield f"the first request of the {unit}", first


def _groups(answers: Answers) -> Iterator[tuple[str, np.ndarray]]:
    """Ways to put requests together: a column that repeats, or all features but one; codes, shape (n_rows,)."""
    case, log = answers.case, answers.log
    codes: dict[str, np.ndarray] = {}
    for column in log.columns:
        if column in ("prediction", "score", case.target) or log.kind(column) == "other":
            continue
        codes[column] = np.unique(log.texts(column).astype(str), return_inverse=True)[1]
    for column, group in codes.items():
        if group.max() + 1 < 0.9 * answers.n and group.max() >= 1:
            yield column, group
    known = [c for c in answers.features if c in codes]
    for left_out in known if len(known) >= 2 else ():
        group = np.zeros(answers.n, dtype=np.int64)
        for column in known:
            if column != left_out:
                group = np.unique(group * (codes[column].max() + 1) + codes[column], return_inverse=True)[1]
        if group.max() + 1 < 0.9 * answers.n:
            yield f"features but for {left_out}", group


def _first_and_before(group: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the first row of its group in an order, and the one before it; -1 for none, shape (n_rows,) each."""
    by_group = np.lexsort((place, group))
    ordered = group[by_group]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first, before = np.empty(len(group), dtype=np.int64), np.empty(len(group), dtype=np.int64)
    first[by_group] = by_group[np.maximum.accumulate(np.where(starts, np.arange(len(group)), 0))]
    before[by_group] = np.where(starts, -1, np.concatenate([[-1], by_group[:-1]]))
    return first, before


def _first_of_block(group: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """For each row the first row of its block of `size` within its group, in an order, shape (n_rows,)."""
    by_group = np.lexsort((place, group))
    ordered = group[by_group]
    at = np.arange(len(group))
    start = np.maximum.accumulate(np.where(np.concatenate([[True], ordered[1:] != ordered[:-1]]), at, 0))
    first = np.empty(len(group), dtype=np.int64)
    first[by_group] = by_group[at - (at - start) % size]
    return first


def _any_earlier(answers: Answers, missed: np.ndarray) -> Recurrence | None:
    """Whether answers that do not follow are, to the last digit, answers that some earlier request got rightly."""
    logged, own = answers.said
    spread = max(float(np.nanstd(logged)), 1e-12)
    keys, wanted = np.round(logged / spread, 6), np.round(own / spread, 6)
    seen: set[float] = set()
    hits, chance = 0, 0
    same = answers.plain.same
    for row in range(answers.n):
        if same[row]:
            seen.add(float(keys[row]))
        elif seen:
            hits += float(keys[row]) in seen
            chance += float(wanted[row]) in seen
    # One constant for all is a default answer, not an old one.
    if len(np.unique(keys[missed])) < 3:
        return None
    n = len(missed)
    return Recurrence("some earlier request", hits / n, float(np.clip(chance / n, 1.0 / n, 0.999)), n, 0.0)
