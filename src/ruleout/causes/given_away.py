"""Columns that give the target away by a relation that is there for sure, not by how well they tell: a formula, a copy, a shared mark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import Lone
from ruleout.causes.columns import bounded
from ruleout.causes.encoded import encoded_features
from ruleout.causes.future import follows_time, future_features
from ruleout.causes.leaks import Judged, column_of
from ruleout.causes.page import Finding
from ruleout.causes.resting import computed
from ruleout.errors import RuleoutError
from ruleout.models.witness import fit_witness
from ruleout.statistics.exact_formulas import distribution_mean, exact_formula, follows_exactly
from ruleout.statistics.skill import as_outcomes, outcome_skill, single_skill
from ruleout.tables.table import Table

__all__ = ["Given", "given_away", "given_in_a_table", "told_by_a_lone_table"]

MARKED = 0.5
"""Brier skill of the outcome by whether a feature agrees with a column that was set aside, from which on one was made with the other."""
MARK_LEVELS = 20
FEWEST, FEWEST_OF_A_CLASS = 200, 20
ROWS_A_LEVEL = 20
"""Rows for each level of a column that tells the class without an exception."""
LOOKED_AT = 4_000


@dataclass(frozen=True)
class Given:
    """Columns that give the target away together, by which relation (a clause), and the log likelihood ratio of seeing it."""

    columns: tuple[str, ...]
    said: str
    evidence: float
    n: int


def given_away(case: Case, rows: Judged, open_to_it: Sequence[str]) -> Given | None:
    """The relation by which columns of a judged split give its target away; None where there is none.

    Means of the target over rows and what follows the time are other faults, and known exactly.
    """
    train = rows.train
    found = given_in_a_table(train, rows.target, open_to_it, rows.task)
    if found is None:
        found = _marked(case, rows, open_to_it)
    if found is None or any(follows_time(case, c) for c in found.columns):
        return None
    return None if encoded_features(case, found.columns) or future_features(case, found.columns) else found


def given_in_a_table(table: Table, target: str, columns: Sequence[str], task: str) -> Given | None:
    """The relation by which columns of one table give its target away: a formula or a copy of a number, a name for each class."""
    if task != "regression":
        return next(_renamed(table, target, columns), None)
    if table.kind(target) != "numeric":
        return None
    y = table.numbers(target)
    held = [(c, table.numbers(c)) for c in columns if table.kind(c) == "numeric"]
    names, values = [c for c, _ in held], [x for _, x in held]
    formula = exact_formula(values, y)
    if formula is not None:
        taken = [names[k] for k in formula.columns]
        # The product of a price per metre and the metres is the price: what is measured is round, what was computed is not.
        of = computed(table, taken) if formula.product or len(taken) == 1 else taken
        others = [c for c in taken if c not in of]
        how = "product" if formula.product else "weighted sum"
        beside = f" with {', '.join(others)}" if others else ""
        what = f"the target is a {how} of it{beside}" if len(of) == 1 else f"the target is a {how} of these {len(of)}{beside}"
        said = f"{what}, to a hundredth of its standard deviation in {formula.share:.1%} of the rows"
        return Given(tuple(of), said, 3.9, formula.n)
    copies = [c for c, x in held if follows_exactly(x, y)]
    if copies and table.n_rows >= FEWEST:
        said = "from each of its values to the next the target rises, or falls, without one exception"
        return Given(tuple(copies), said, 3.9, table.n_rows)
    shares = distribution_mean(names, values, y)
    if shares is None:
        return None
    taken = [names[k] for k in shares[0]]
    said = f"they are the shares of a distribution over the numbers in their names, of which the target is the mean (R2 {shares[1]:.2f})"
    return Given(tuple(taken), said, 3.5, table.n_rows)


def _renamed(table: Table, target: str, columns: Sequence[str]) -> Iterator[Given]:
    """Columns of few levels, each of which stands for one class without an exception; null is a level."""
    truth = _levels(table, target)
    classes = np.unique(truth, return_counts=True)[1]
    n = table.n_rows
    if n < FEWEST or len(classes) < 2 or np.sort(classes)[-2] < FEWEST_OF_A_CLASS:
        return
    for column in columns:
        if table.kind(column) not in ("category", "numeric"):
            continue
        levels = _levels(table, column)
        n_levels = int(levels.max()) + 1
        if len(classes) <= n_levels <= n / ROWS_A_LEVEL and len(np.unique(levels * np.int64(len(classes)) + truth)) == n_levels:
            yield Given((column,), f"each of its {n_levels} values stands for one class without one exception", 3.9, n)


def _levels(table: Table, column: str) -> np.ndarray:
    texts = np.array(["\0" if v is None else v for v in table.texts(column).tolist()], dtype=str)
    codes: np.ndarray = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    return codes


def _marked(case: Case, rows: Judged, columns: Sequence[str]) -> Given | None:
    """A feature that repeats a column which was set aside, in the rows of one outcome alone: both were written when it was known.

    Time to the event or to the last visit agrees with the time to the last visit wherever nothing happened.
    """
    train, validation = rows.train, rows.validation
    aside = [c for c in case.ignore if c in train and c in validation and c != rows.target]
    for column in columns:
        for other in aside:
            kinds = {t.kind(c) for t in (train, validation) for c in (column, other)}
            if len(kinds) > 1 or kinds & {"other"}:
                continue
            same = [(column_of(t, column) == column_of(t, other)).astype(float) for t in (train, validation)]
            if not 0.05 < same[0].mean() < 0.95 or len(set(train.texts(column)[same[0] > 0].tolist())) < MARK_LEVELS:
                continue
            skill = single_skill(same[0], rows.outcomes, same[1], rows.judged)
            if skill >= MARKED:
                said = f"whether it is the same as {other}, which is no feature, tells the outcome (skill {skill:.2f})"
                return Given((column,), said, 3.0, validation.n_rows)
    return None


def told_by_a_lone_table(case: Case, lone: Lone) -> Iterator[Finding]:
    """Columns of a table with nothing beside it that give its target away; ruleout's own trees say what is left without them."""
    table, target = lone.table, case.target
    if target is None or target not in table or table.n_rows < FEWEST:
        return
    table = table.sample(LOOKED_AT)
    columns = [c for c in case.features(table) if table.kind(c) != "other"]
    task = case.task or ("regression" if table.kind(target) == "numeric" else "classification")
    while columns and (found := given_in_a_table(table, target, columns, task)) is not None:
        columns = [c for c in columns if c not in found.columns]
        skill = [_own_skill(table, target, part, task) for part in ((*columns, *found.columns), columns)]
        trees = f"; trees learned from half of the rows have skill {skill[0]:.3f} with it, {skill[1]:.3f} without"
        for column in found.columns:
            beside = [c for c in found.columns if c != column]
            with_them = f" with {', '.join(beside)}" if beside else ""
            said = f"{lone.place(column)}{with_them}: {found.said}{trees}; expected of a feature: no such rule, n = {found.n:,}."
            figures = {"skill": skill[0], "rest": skill[1], "n": found.n, "columns": list(found.columns)}
            repair = {"columns": list(found.columns), "table": lone.name}
            yield Finding(lone.place(column), lone.name, bounded(found.evidence), said, figures, repair, specificity=0.9, certain=True)


def _own_skill(table: Table, target: str, columns: Sequence[str], task: str) -> float:
    """The skill of ruleout's own trees, learned on one half of the rows and judged on the other; 0 where nothing is left to learn from."""
    first = np.random.default_rng(0).permutation(table.n_rows) < table.n_rows // 2
    learned, judged = table.filter(first), table.filter(~first)
    try:
        trees = fit_witness(learned, target, tuple(columns), task, seed=0)  # type: ignore[arg-type]  # one of the two tasks
    except RuleoutError:
        return 0.0
    answer = trees.predict(judged)
    if task == "regression":
        outcome, said = as_outcomes(judged.numbers(target), None), np.asarray(answer.prediction, dtype=np.float64).reshape(-1, 1)
        base = as_outcomes(learned.numbers(target), None)
    else:
        classes = [str(c) for c in answer.classes or ()]
        score = np.asarray(answer.score, dtype=np.float64)
        if score.ndim == 1:
            score = np.column_stack([1 - score, score])
        outcome, base, said = as_outcomes(judged.texts(target), classes), as_outcomes(learned.texts(target), classes), score
        said = said[:, : outcome.shape[1]]
    return max(0.0, outcome_skill(said, outcome, np.nanmean(base, axis=0)))
