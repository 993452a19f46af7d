"""The page on answers that are given again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import ANSWERED, Answers, answers_of, between, follows, replayed
from ruleout.causes.columns import bounded
from ruleout.causes.page import Cause, Finding, Look
from ruleout.problem.problem import Problem

__all__ = ["Caching", "Recurrence", "recurrence"]

LONGEST = 200
CHANCE_DRAWS = 20


class Caching(Cause):
    """Old answers are given again: a request gets what an earlier one got.

    What goes wrong
    ---------------
    Part of the requests never reach the model. They are answered from a store, whose key is too coarse or whose entries live too long.

    Why it happens
    --------------
    A key that leaves a feature out, a time to live of a day where the features change by the hour, a buffer that is not emptied
    between batches, a retry that returns the last good answer.

    What you see
    ------------
    The same score to the last digit over runs of requests that have nothing in common, and other requests answered as validated.

    How it is tested
    ----------------
    The artifact scores the logged features. Among the rows whose logged answer it does not give, the share is taken whose answer it
    gives for an earlier row: one to 50 rows before, the first of each block of 2 to 200, the first or the last before it with the same
    key, entity, day or value of a column, and any earlier row. The share is held against the same of rows drawn at random: the log
    likelihood ratio is n [p log(p/q) + (1 - p) log((1 - p)/(1 - q))], less the logarithm of the number of patterns tried. For
    scores half of the rows must be explained, for bare classes nine tenths, since classes are the same by chance.

    What would rule it out
    ----------------------
    Logged answers that follow, row by row, from the features beside them.

    How it is fixed
    ---------------
    Empty the store, put every feature that the model uses into its key, and let no entry outlive the features it was made from.

    How it stays fixed
    ------------------
    Replay a sample of each day's log against the artifact, and alarm on shares of equal scores in a row above those of validation.

    Told apart from
    ---------------
    pipeline.temporal-misalignment, where the answers follow and a feature is old. data.stale, where a whole table is old.
    pipeline.nondeterminism, where answers are no other row's either.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency. Breck et al. (2017), The ML test score, monitoring test 6.
    """

    needs = ANSWERED
    cost = 0.2

    def suspect(self, problem: Problem) -> Look:
        """Ask of every answer that does not follow whether it is an earlier row's."""
        answers = answers_of(problem)
        found = recurrence(answers) if answers is not None and not answers.follow else None
        if answers is None or found is None:
            return follows(answers, "the answer of an earlier request")
        share = float(np.mean(~answers.plain.same))
        said = (
            f"serving.{_column(answers)}: {found.hits:.1%} of the {found.n_missed:,} answers that do not follow from their features are"
            f" those of {found.pattern} ({found.chance:.1%} by chance); that is {share:.0%} of n = {answers.n:,} requests."
        )
        figures = {"pattern": found.pattern, "share": share, "hits": found.hits, "chance": found.chance}
        finding = between(f"serving.{_column(answers)}", found.evidence, said, figures)
        return Look((finding,), 0.95, covers=("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers in place of the stored ones."""
        return replayed(case, finding.side)


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
    if len(missed) < 8:
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


def _column(answers: Answers) -> str:
    return "score" if "score" in answers.log and answers.case.task != "regression" else "prediction"


def _sources(answers: Answers) -> Iterator[tuple[str, np.ndarray]]:
    """Patterns of earlier rows: in words, and for each row the row whose answer it would get (-1 for none), shape (n_rows,)."""
    n, case, log = answers.n, answers.case, answers.log
    rows = np.arange(n)
    order = rows
    if case.time and case.time in log and log.kind(case.time) in ("time", "numeric"):
        order = np.argsort(log.numbers(case.time), kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = rows
    in_time = not np.array_equal(order, rows)
    for how, ordered in ((" in order of time", True), ("", False)) if in_time else (("", False),):
        at, back = (place, order) if ordered else (rows, rows)
        for lag in range(1, 51):
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
    if in_time:
        for unit, seconds in (("day", 86_400), ("hour", 3_600), ("week", 604_800)):
            group = np.floor(log.numbers(str(case.time)) / seconds)
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
