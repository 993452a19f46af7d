"""Features scaled within the batch of requests that they came with: a scaler fitted again and again at serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ruleout.causes.answers import Answers, Change
from ruleout.tables.moments import clock
from ruleout.tables.table import Table

__all__ = ["batches", "scaled_by_batch"]

SIZES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000)
"""Requests of a batch: what people write into configurations."""

MOST_LEVELS = 200


def scaled_by_batch(answers: Answers, scales: Mapping[str, tuple[float, float]]) -> list[Change]:
    """The whole log as it would be had each batch been scaled by its own rows, in place of the artifact's `scales` (centre, scale)."""
    return [change for words, codes in batches(answers) for change in _changes(words, codes, scales)] if scales else []


def batches(answers: Answers) -> Iterator[tuple[str, np.ndarray]]:
    """Ways in which requests may have come together: in words, and the batch of each row, shape (n_rows,)."""
    n, case, log = answers.n, answers.case, answers.log
    when = clock(log, case.time)
    rows = np.arange(n)
    place = rows if when is None else np.argsort(np.argsort(when, kind="stable"), kind="stable")
    for how, at in {"": rows, **({} if np.array_equal(place, rows) else {f" in order of {case.time}": place})}.items():
        for size in (s for s in SIZES if s <= n // 2):
            yield f"{size} requests{how}", at // size
    if when is not None and log.kind(str(case.time)) != "numeric":
        for unit, seconds in (("hour", 3_600), ("day", 86_400), ("week", 604_800)):
            codes = np.unique(np.floor(when / seconds), return_inverse=True)[1]
            if 1 <= codes.max() < n / 3:
                yield f"the requests of one {unit}", codes
    for column in log.columns:
        if column in ("prediction", "score", case.target, case.time, case.key) or log.kind(column) != "category":
            continue
        codes = np.unique(log.texts(column).astype(str), return_inverse=True)[1]
        if 1 <= codes.max() < min(MOST_LEVELS, n / 3):
            yield f"the requests of one {column}", codes


def _changes(words: str, codes: np.ndarray, scales: Mapping[str, tuple[float, float]]) -> Iterator[Change]:
    def by(of: str) -> Change:
        def apply(table: Table) -> Table:
            for column, (centre, scale) in scales.items():
                values = table.numbers(column)
                low, width = _of_group(values, codes, of)
                table = table.with_column(column, centre + scale * (values - low) / width)
            return table

        return Change(f"scaled by the {of} of {words}", tuple(scales), apply)

    yield by("mean and deviation")
    yield by("smallest and largest value")


def _of_group(values: np.ndarray, codes: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Where each row's group begins and how wide it is, nulls aside, shape (n_rows,) each; a width of 0 counts as 1, as scalers have it."""
    known = np.isfinite(values)
    n = int(codes.max()) + 1
    count = np.maximum(np.bincount(codes[known], minlength=n), 1)
    if of == "mean and deviation":
        low = np.bincount(codes[known], weights=values[known], minlength=n) / count
        width = np.sqrt(np.bincount(codes[known], weights=(values[known] - low[codes[known]]) ** 2, minlength=n) / count)
    else:
        low, high = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(low, codes[known], values[known])
        np.maximum.at(high, codes[known], values[known])
        low, width = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(low), high - low, 1.0)
    return low[codes], np.where(width > 1e-12 * np.maximum(np.abs(low), 1.0), width, 1.0)[codes]
