"""Healthy rows that lend their values, found by what the values of other columns lead one to expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import match_columns, sampled
from ruleout.causes.page import Pair
from ruleout.models.witness import Witness, fit_witness
from ruleout.statistics.matching import hot_deck
from ruleout.tables.table import Table

__all__ = ["predicted_donors"]

CLASSES = 10
"""Levels of a category whose probability is matched on."""


def predicted_donors(case: Case, pair: Pair, columns: Sequence[str], rows: np.ndarray) -> np.ndarray | None:
    """For each of some rows of the suspect a healthy row of which the same values of `columns` are to be expected, shape (n_rows,).

    Predictive mean matching (Little, 1988): trees fitted on the healthy rows predict each column from all others, the target among
    them; the donor is drawn from the rows with the nearest predictions. What does not tell of the column does not choose its donor,
    as it would were rows likened in all columns. Healthy rows are predicted by trees that were fitted on the other half.

    Parameters
    ----------
    columns
        The columns whose values are wanted, together, from one row.
    rows
        Row numbers of the suspect.

    Returns
    -------
    Row numbers of the yardstick; None where nothing is left to predict from.
    """
    others = match_columns(case, pair, columns)
    if not others or not pair.yardstick.n_rows:
        return None
    healthy = pair.yardstick.sample_rows(sampled(pair.yardstick).n_rows)
    donors, receivers = pair.yardstick.take(healthy), pair.suspect.take(rows)
    half = np.random.default_rng(0).permutation(donors.n_rows) < donors.n_rows // 2
    mine: list[np.ndarray] = []
    theirs: list[np.ndarray] = []
    for column in columns:
        whole = _trees(donors, column, others)
        parts = [_trees(donors.filter(inside), column, others) for inside in (half, ~half)]
        if whole is None or parts[0] is None or parts[1] is None:
            continue
        expected = _expected(whole, receivers)
        levels = list(expected)
        by_halves = [_expected(model, donors) for model in parts if model is not None]
        nothing = np.zeros(donors.n_rows)
        for level in levels:
            mine.append(expected[level])
            theirs.append(np.where(half, by_halves[1].get(level, nothing), by_halves[0].get(level, nothing)))
    if not mine:
        return None
    found: np.ndarray = healthy[hot_deck(mine, theirs, rng=np.random.default_rng(0), k=5)]
    return found


def _trees(table: Table, column: str, others: Sequence[str]) -> Witness | None:
    known = np.array([v is not None for v in table.values(column).tolist()], dtype=bool)
    if table.kind(column) == "numeric":
        known &= np.isfinite(table.numbers(column))
    if known.sum() < 20:
        return None
    task = "regression" if table.kind(column) == "numeric" else "classification"
    return fit_witness(table.filter(known), column, tuple(others), task, seed=0)  # type: ignore[arg-type]  # one of the two tasks


def _expected(model: Witness, table: Table) -> dict[str, np.ndarray]:
    """What is expected of each row: a number, or the probability of each level."""
    found = model.predict(table)
    if found.classes is None or found.score is None:
        return {"": np.asarray(found.prediction, dtype=np.float64)}
    score = found.score if found.score.ndim == 2 else np.column_stack([1.0 - found.score, found.score])
    return {str(level): score[:, at] for at, level in enumerate(found.classes[:CLASSES])}
