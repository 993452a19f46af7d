"""Requests from a part of the population alone: what the healthy system is worth on its own rows of that part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case, TableName
from ruleout.causes.columns import finite, numbers
from ruleout.causes.comparison import Comparison
from ruleout.causes.page import Pair
from ruleout.statistics.arithmetic import on_values
from ruleout.statistics.classifier import domain_classifier, effective_rows
from ruleout.statistics.resampling import bin_weights, draw_rows
from ruleout.tables.matrix import binned
from ruleout.tables.table import Table

__all__ = ["Narrowed", "narrowed", "only_there"]

LEAST_ABSENT = 0.1
"""Share of the healthy rows that must lie where no request does."""

NO_REQUEST = 0.02
"""Part of its healthy share that a stretch may keep and still count as one without requests."""

FEW_VALUES = 60
"""Numbers of so many values at most are held against them one by one."""

ONE_VALUE = 0.8
"""Share of the requests from which a column's commonest value is a default, and tells of no part of a population."""

N_BINS = 40
FEWEST_ROWS = 60


class Narrowed(NamedTuple):
    """The column along which part of the population sends no requests, the healthy share of that part, and how alike the rest is.

    `auc` tells requests from all healthy rows, `left` from those that lie along the column as the requests do; 1/2 is no difference.
    """

    column: str
    absent: float
    auc: float
    left: float
    error: float


def narrowed(case: Case, pair: Pair, held: Comparison) -> Narrowed | None:
    """The column by which the requests were chosen, where whole stretches or levels of it send none; None where there is none.

    The other columns must agree: healthy rows that lie along that one as the requests do are no longer told from them.
    """
    if healthy_table(case, pair) is None or len(held.plain) < 2:
        return None
    absent = {c: _absent(held, c) for c in held.plain}
    tried = sorted((c for c, share in absent.items() if share >= LEAST_ABSENT), key=lambda c: -held.distance[c])[:4]
    if not tried:
        return None
    whole = held.apart(None, held.plain)
    yardstick, suspect = held.numbers(held.plain)
    coded = [at for at, name in enumerate(held.plain) if pair.yardstick.kind(name) == "category"]
    found = []
    for column in tried:
        weights = _weights(held.yardstick, held.suspect, column)
        if effective_rows(weights) >= FEWEST_ROWS:
            domain = domain_classifier(yardstick, suspect, suspect_weights=weights, categories=coded)
            found.append(Narrowed(column, absent[column], whole.auc, domain.auc, domain.error))
    best = min(found, key=lambda part: part.left, default=None)
    if best is None or best.left - 0.5 > max((whole.auc - 0.5) / 3.0, 0.02 + best.error):
        return None
    return best


def only_there(case: Case, pair: Pair, column: str) -> Case | None:
    """The case whose reference is asked only where requests come from: its rows drawn so that they lie along the column as these do.

    As many rows are drawn as the weighted ones are worth (Kish 1965), so that what is measured on them bears its true error.
    """
    name = healthy_table(case, pair)
    if name is None or column not in pair.suspect:
        return None
    weights = _weights(pair.yardstick, pair.suspect, column)
    n_rows = round(effective_rows(weights))
    if n_rows < FEWEST_ROWS:
        return None
    return case.with_table("reference", name, pair.yardstick.take(draw_rows(weights, n_rows)).named(name))


def healthy_table(case: Case, pair: Pair) -> TableName | None:
    """Which of the reference's tables its metric is measured on, where a log's yardstick is that one; None where it is another."""
    reference = case.reference
    if reference is None or pair.name != "serving":
        return None
    if reference.serving is not None:
        return "serving" if pair.yardstick is reference.serving else None
    return "validation" if reference.validation is not None and pair.yardstick is reference.validation else None


def _absent(held: Comparison, column: str) -> float:
    """The healthy share of the bins of a column into which hardly a request falls; 0 where nearly all requests have one value."""
    healthy, requests, sizes = binned(held.yardstick, held.suspect, [column], N_BINS)
    was, now = (np.bincount(codes[:, 0], minlength=sizes[0]) / max(len(codes), 1) for codes in (healthy, requests))
    if now.max() >= ONE_VALUE and was[int(now.argmax())] < now.max() - 0.2 and _one_value(held.suspect, column):
        return 0.0
    if held.suspect.kind(column) == "numeric" and not _healthy_values(held, column):
        return 0.0
    expected = was * held.suspect.n_rows
    return float(was[(now <= NO_REQUEST * was) & (expected >= 8)].sum())


def _healthy_values(held: Comparison, column: str) -> bool:
    """Whether a number of few values has none here that the healthy rows lack: who asks brings no new ones, arithmetic does."""
    mine, theirs = finite(numbers(held.suspect, column)), np.unique(finite(numbers(held.yardstick, column)))
    return len(theirs) > FEW_VALUES or on_values(mine, theirs) >= 0.95


def _one_value(table: Table, column: str) -> bool:
    values, counts = np.unique(table.texts(column).astype(str), return_counts=True)
    return bool(len(values) and counts.max() >= ONE_VALUE * table.n_rows)


def _weights(healthy: Table, requests: Table, column: str) -> np.ndarray:
    """Weight of each healthy row by which they lie along the column as the requests do, shape (n_rows,)."""
    yardstick, suspect, sizes = binned(healthy, requests, [column], N_BINS)
    return bin_weights(yardstick[:, 0], suspect[:, 0], sizes[0])
