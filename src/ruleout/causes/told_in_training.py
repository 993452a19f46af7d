"""A column that tells the target in training and neither before nor at validation: it was written when the outcome was known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import borrowed, bounded, pair_of, put_values
from ruleout.causes.comparison import compare
from ruleout.causes.leaks import Judged, column_of, judged_rows
from ruleout.causes.page import Finding, pairs
from ruleout.problem.problem import Problem
from ruleout.statistics.skill import as_outcomes, single_skill
from ruleout.tables.table import Table

__all__ = ["as_it_was", "told_in_training"]

MORE = 0.08
"""Skill that a column must have in training beyond what it has in validation and had in the reference's training."""

PLAIN = 0.25
"""The same, from which it is as good as proved."""

MOVED = 0.1
"""Distance of the target from its healthy self from which labels, and not a column, are what changed."""


def told_in_training(problem: Problem) -> Iterator[Finding]:
    """Yield the columns of the current training table that tell more of the target than they do at validation and did before.

    Learned on one half of the training rows and judged on the other, against learned there and judged on the validation rows, and
    against the reference's training rows in halves. One column alone must do so: where others do as well, the target is another.
    """
    case, reference = problem.case, problem.case.reference
    rows = judged_rows(problem)
    if rows is None or reference is None or reference.train is None or rows.target not in reference.train:
        return
    pair = next((p for p in pairs(case) if p.name == "train"), None)
    held = None if pair is None else compare(case, pair)
    if pair is None or held is None or held.target is None or held.distance[held.target] > MOVED:
        return
    before = reference.train.sample(rows.train.n_rows)
    told = {}
    for column in rows.features:
        kinds = {t.kind(column) if column in t else "other" for t in (before, rows.train, rows.validation)}
        if len(kinds) > 1 or kinds & {"other", "time"}:
            continue
        own, was = _halves(rows, rows.train, column), _halves(rows, before, column)
        then = single_skill(column_of(rows.train, column), rows.outcomes, column_of(rows.validation, column), rows.judged)
        told[column] = own, was, then
    risen = {c: own - max(was, then, 0.0) for c, (own, was, then) in told.items()}
    if not risen:
        return
    column = max(risen, key=lambda c: risen[c])
    if risen[column] < MORE or sum(r > 0.5 * risen[column] for r in risen.values()) > 1:
        return
    own, was, then = told[column]
    evidence = 3.5 if risen[column] >= PLAIN else 1.5 + 2.0 * (risen[column] - MORE) / (PLAIN - MORE)
    n = rows.train.n_rows
    said = (
        f"train.{column}: alone it has skill {own:.3f} of the target in training, {max(then, 0.0):.3f} at validation and {was:.3f} in the"
        f" reference's training; expected the same; n = {n:,}."
    )
    figures = {"skill": own, "validation": then, "before": was, "n": n, "columns": [column]}
    yield Finding(f"train.{column}", "train", bounded(evidence), said, figures, {"columns": [column], "table": "train"}, specificity=0.9)


def as_it_was(case: Case, finding: Finding) -> Case | None:
    """The training table with the column as the reference's rows like these have it: as it was when the outcome was not known."""
    pair, column = pair_of(case, finding), str(finding.repair["columns"][0])
    if pair is None or column not in pair.suspect or column not in pair.yardstick:
        return None
    taken = borrowed(case, pair, column, np.ones(pair.suspect.n_rows, dtype=bool))
    return None if taken is None else case.with_table("current", "train", put_values(pair.suspect, column, taken, pair.yardstick))


def _halves(rows: Judged, table: Table, column: str) -> float:
    """The skill of one column in a table itself: learned on one half of the rows and judged on the other, both ways."""
    values = column_of(table, column)
    target = column_of(table, rows.target) if rows.task == "regression" else table.texts(rows.target)
    outcomes = as_outcomes(target, rows.classes)
    first = np.random.default_rng(0).permutation(len(values)) < len(values) // 2
    ways = [single_skill(values[a], outcomes[a], values[b], outcomes[b]) for a, b in ((first, ~first), (~first, first))]
    return float(np.mean(ways))
