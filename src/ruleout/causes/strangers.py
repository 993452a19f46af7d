"""Rows of entities that training knows: split by entity, and the same rows predicted by models that know their entities and that do not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.leaks import cut_anew
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["Strangers", "as_strangers", "split_by_entity"]

FOLDS = 3
"""Parts of the known entities, each of which is a stranger to one training."""

DRAWS = 2
"""Trainings on as many rows with these entities among them: what another draw of rows changes is no effect of theirs."""


class Strangers(NamedTuple):
    """The fall of the score, counted so that more is worse, where the same validation rows are of entities that training never saw."""

    fall: Difference
    n: int


def as_strangers(problem: Problem, column: str) -> Strangers | None:
    """Predict the validation rows of known entities twice: by trainings that hold other rows of theirs, and by one that holds none.

    The entities are parted in three; as many training rows are left out at random on the one side as belong to a part on the other. The
    scores pair, row by row. None where a part has fewer than 40 validation rows, or too few training rows are left.
    """
    case, laboratory = problem.case, problem.laboratory
    train, validation = case.current.train, case.current.validation
    if train is None or validation is None or column not in train or column not in validation:
        return None
    ours, theirs = (np.array(["" if v is None else v for v in t.texts(column).tolist()], dtype=str) for t in (train, validation))
    known = np.intersect1d(ours[ours != ""], theirs[theirs != ""])
    rng = np.random.default_rng([laboratory.seed, 17])
    falls, scatter, sizes = [], [], []
    for part in np.array_split(rng.permutation(known), FOLDS):
        rows, stay = np.isin(theirs, part), ~np.isin(ours, part)
        if rows.sum() < 40 or stay.sum() < 100:
            return None
        base = case.with_table("current", "validation", validation.filter(rows))
        strange = laboratory.outcome(base.with_table("current", "train", train.filter(stay)), "current")
        drawn = [np.sort(rng.permutation(train.n_rows)[: int(stay.sum())]) for _ in range(DRAWS)]
        familiar = [laboratory.outcome(base.with_table("current", "train", train.take(d)), "current") for d in drawn]
        falls.append(familiar[0].minus(strange))
        values = np.array([f.value for f in familiar])
        falls[-1] = Difference(laboratory.scorer.sign * (float(values.mean()) - strange.value), falls[-1].error)
        scatter.append(float(values.var(ddof=1)))
        sizes.append(int(rows.sum()))
    if not all(np.isfinite(f.error) for f in falls):
        return None
    weights = np.array(sizes) / sum(sizes)
    of_rows = float(np.sum((weights * np.array([f.error for f in falls])) ** 2))
    # Each part has trainings of its own: their scatter is measured over all parts, and counts for each.
    of_training = float(np.mean(scatter)) * (1 + 1 / DRAWS) * float(np.sum(weights**2))
    value = float(np.sum(weights * np.array([f.value for f in falls])))
    return Strangers(Difference(value, float(np.sqrt(of_rows + of_training))), sum(sizes))


def split_by_entity(case: Case, column: str, seed: int) -> Case | None:
    """The current side split by entity at random; None where the entities are too few to fill both tables."""
    train, validation = case.current.train, case.current.validation
    if train is None or validation is None or column not in train or column not in validation:
        return None
    texts = np.concatenate([train.texts(column), validation.texts(column)])
    # A row without an entity is one of its own.
    names = np.array([f"\0{k}" if v is None else v for k, v in enumerate(texts.tolist())], dtype=str)
    codes = np.unique(names, return_inverse=True)[1]
    if codes.max() < 5:
        return None
    place = np.random.default_rng([7, seed]).permutation(codes.max() + 1)[codes]
    order = np.argsort(place, kind="stable")
    # The cut falls between two entities.
    n, n_all = train.n_rows, len(order)
    while n < n_all - 1 and place[order[n]] == place[order[n - 1]]:
        n += 1
    if n_all - n < 40:
        return None
    if n == train.n_rows:
        return cut_anew(case, order)
    rows = train.stack(validation)
    return case.with_table("current", "train", rows.take(order[:n])).with_table("current", "validation", rows.take(order[n:]))
