"""Where the answers stand that do not follow: from one request on, or at one level of a column, and nowhere else."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ruleout.causes.answers import Answers
from ruleout.tables.moments import clock

__all__ = ["Stretch", "stretch_of"]

LEAST_ROWS = 20
MOST_LEVELS = 60

OUTSIDE = 0.985
"""Part of the answers outside of a stretch that must follow."""

Z = 6.0
"""Standard errors by which answers inside must follow less than those outside: many stretches are looked at."""


class Stretch(NamedTuple):
    """Rows that hold the answers that do not follow: in words, the column that tells them apart ("" for the order), and which they are.

    `rate` is the part of the answers inside that follow all the same, as bare classes do by chance; `n_levels` how many levels of the
    column were picked for what is wrong in them.
    """

    words: str
    column: str
    rows: np.ndarray
    rate: float
    n_levels: int = 1


def stretch_of(answers: Answers) -> Stretch | None:
    """The stretch of the log, or the levels of a column, outside of which all answers follow; None where there is none.

    The order of the log, or of time, comes first, then columns that the model does not take: they tell which service answered.
    """
    same = answers.plain.same
    n_wrong = int((~same).sum())
    if n_wrong < LEAST_ROWS or n_wrong > 0.95 * answers.n:
        return None
    found = [s for s in (_in_order(answers), *_by_level(answers)) if s is not None]
    return max(found, key=lambda s: (s.column not in answers.features, -s.rate, -len(s.rows)), default=None)


def _in_order(answers: Answers) -> Stretch | None:
    """One run of requests, in the order of time where the log has one (Kadane's run of the largest sum)."""
    same, case, log = answers.plain.same, answers.case, answers.log
    order = np.arange(answers.n)
    when = clock(log, case.time)
    timed = when is not None
    if when is not None:
        order = np.argsort(when, kind="stable")
    gains = np.where(same[order], -max(1.0 - same.mean(), 0.02), max(same.mean(), 0.02))
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: end + 1]))
    rows = np.zeros(answers.n, dtype=bool)
    rows[order[start:end]] = True
    if rows.sum() < LEAST_ROWS or rows.sum() > 0.95 * answers.n:
        return None
    if timed:
        said = [log.texts(str(case.time))[order[at]] for at in (start, end - 1)]
        words = (
            f"from {said[0]} on"
            if end > 0.98 * answers.n
            else f"up to {said[1]}"
            if start < 0.02 * answers.n
            else f"from {said[0]} to {said[1]}"
        )
    else:
        words = f"from request {start + 1:,} on" if end > 0.98 * answers.n else f"in requests {start + 1:,} to {end:,}"
    return _told(answers, words, "", rows)


def _by_level(answers: Answers) -> list[Stretch | None]:
    same = answers.plain.same
    found: list[Stretch | None] = []
    for column in answers.log.columns:
        if column in ("prediction", "score", answers.case.target, answers.case.time, answers.case.key):
            continue
        values = answers.log.texts(column).astype(str)
        levels, codes = np.unique(values, return_inverse=True)
        if len(levels) > MOST_LEVELS:
            levels, codes = np.array(["something", "null"]), np.asarray(values == "None", dtype=np.int64)
        total = np.bincount(codes, minlength=len(levels))
        wrong = np.bincount(codes, weights=(~same).astype(float), minlength=len(levels))
        bad = wrong > max(0.05, 0.5 * float((~same).mean())) * np.maximum(total, 1)
        if bad.any() and not bad.all():
            names = ", ".join("null" if v == "None" else str(v) for v in levels[bad][:4]) + (" and others" if bad.sum() > 4 else "")
            one = _told(answers, f"where {column} is {names}", column, bad[codes])
            found.append(None if one is None else one._replace(n_levels=int(bad.sum())))
    return found


def _told(answers: Answers, words: str, column: str, rows: np.ndarray) -> Stretch | None:
    """The stretch, if nearly all answers outside follow, clearly fewer inside do, and it holds hardly any that follow but by chance."""
    same = answers.plain.same
    n_in, n_out = int(rows.sum()), int((~rows).sum())
    if min(n_in, n_out) < LEAST_ROWS:
        return None
    inside, outside = float(same[rows].mean()), float(same[~rows].mean())
    spread = math.sqrt(max(same.mean() * (1 - same.mean()), 1e-6) * (1 / n_in + 1 / n_out))
    # Bare classes are the same by chance; the levels of a feature are picked by what is wrong in them, so there chance gets less room.
    most = 0.1 if answers.exact else 0.6 if column in answers.features else 0.9
    if outside < OUTSIDE or inside > most or (outside - inside) / spread < Z:
        return None
    return Stretch(words, column, rows, inside)
