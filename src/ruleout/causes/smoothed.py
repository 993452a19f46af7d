"""Answers that are made of several rows' answers: a moving average, exponential smoothing, a vote of the last few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ruleout.causes.answers import Answers
from ruleout.tables.moments import clock

__all__ = ["Smoothed", "smoothed"]

WINDOWS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 20, 24, 28, 30, 50)
"""Rows of a window of which the mean, the median or the commonest answer is looked for."""

MOST = 0.9
"""Part of the answers that do not follow which the formula must give again, of those that have a whole window before them."""

FEWEST = 30
MOST_CLASSES = 50


class Smoothed(NamedTuple):
    """Of what the answers are made, in words; the part of those that do not follow that it gives; how many these are."""

    words: str
    hits: float
    n: int


def smoothed(answers: Answers) -> Smoothed | None:
    """The formula over neighbouring rows that gives the logged answers; None where none does.

    Rows stand in the order of the log, or of time, over all or within the entity. Each formula is held against those of its rows whose
    answer is not the artifact's own; bare classes must also be given again where they follow.
    """
    if answers.follow:
        return None
    missed = ~answers.plain.same & (answers.telling if answers.exact else True)
    if missed.sum() < FEWEST:
        return None
    best: Smoothed | None = None
    for words, order, start in _orders(answers):
        for how, made in _numbers(answers, order, start) if answers.exact else _votes(answers, order, start):
            known = missed[order] & (np.isfinite(made) if made.dtype != object else np.array([v is not None for v in made]))
            if known.sum() < max(FEWEST, 0.5 * missed.sum()):
                continue
            again = answers.equal(answers.said[0][order], made)
            hits = float(again[known].mean())
            kept = 1.0 if answers.exact else float(again[~missed[order]].mean()) if (~missed).any() else 1.0
            if hits >= MOST and kept >= MOST and (best is None or hits > best.hits + 0.005):
                best = Smoothed(f"{how}{words}", hits, int(known.sum()))
    return best


def _orders(answers: Answers) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Orders of the rows: in words, the rows, and for each place in the order how many rows of its group stand before it."""
    n, case, log = answers.n, answers.case, answers.log
    when = clock(log, case.time)
    place = np.arange(n) if when is None else np.argsort(np.argsort(when, kind="stable"), kind="stable")
    said = "" if when is None else f" in order of {case.time}"
    yield said, np.argsort(place), np.arange(n)
    if when is not None and np.any(np.diff(place) < 0):
        yield " in the order of the log", np.arange(n), np.arange(n)
    if case.entity and case.entity in log:
        codes = np.unique(log.texts(case.entity).astype(str), return_inverse=True)[1]
        order = np.lexsort((place, codes))
        first = np.maximum.accumulate(np.where(np.concatenate([[True], np.diff(codes[order]) != 0]), np.arange(n), 0))
        yield f" of the same {case.entity}{said}", order, np.arange(n) - first


def _numbers(answers: Answers, order: np.ndarray, before: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What each formula makes of the artifact's numbers, in the order, shape (n_rows,); NaN where a window is not whole."""
    logged, own = (values[order] for values in answers.said)
    last = np.concatenate([[np.nan], logged[:-1]])
    last[before < 1] = np.nan
    known = np.isfinite(own) & np.isfinite(last) & np.isfinite(logged)
    if known.sum() >= FEWEST:
        # logged - last = part (own - last): one unknown, and the middle of the quotients is not led astray by rows that follow.
        step = own[known] - last[known]
        far = np.abs(step) > 0.1 * float(np.std(step))
        part = float(np.median((logged[known] - last[known])[far] / step[far])) if far.any() else 0.0
        if 0.01 < part < 0.99:
            yield f"{part:.2g} of the artifact's answer and {1 - part:.2g} of the last one given", part * own + (1 - part) * last
    from numpy.lib.stride_tricks import sliding_window_view

    for size in (w for w in WINDOWS if w <= len(own) // 4):
        windows = sliding_window_view(own, size)
        made = {"mean": windows.mean(axis=1), "median": np.median(windows, axis=1)} if size > 2 else {"mean": windows.mean(axis=1)}
        for name, values in made.items():
            trailing = np.full(len(own), np.nan)
            trailing[size - 1 :] = values
            trailing[before < size - 1] = np.nan
            yield f"the {name} of the artifact's last {size} answers", trailing
            if size % 2:
                centred = np.full(len(own), np.nan)
                centred[size // 2 : len(own) - size // 2] = values
                yield f"the {name} of the artifact's {size} answers around it", centred


def _votes(answers: Answers, order: np.ndarray, before: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What most of the artifact's last few classes are, in the order, shape (n_rows,); None where a window is not whole."""
    own = answers.said[1][order]
    if own.dtype != object:
        return
    labels, codes = np.unique(own.astype(str), return_inverse=True)
    if not 2 <= len(labels) <= MOST_CLASSES:
        return
    counts = np.cumsum(np.concatenate([np.zeros((1, len(labels))), np.eye(len(labels))[codes]]), axis=0)
    for size in (3, 5, 7, 9, 11, 15):
        if size > len(own) // 4:
            break
        votes = counts[size:] - counts[:-size]
        # A tie is the latest one's.
        votes[np.arange(len(votes)), codes[size - 1 :]] += 0.5
        made = np.full(len(own), None, dtype=object)
        made[size - 1 :] = labels[votes.argmax(axis=1)].astype(object)
        made[before < size - 1] = None
        yield f"the commonest of the artifact's last {size} answers", made
