"""data.group-leakage."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.case.words import IDENTIFIER
from ruleout.causes.before import before_it_fell, mended_reference
from ruleout.causes.columns import bounded
from ruleout.causes.future import time_column
from ruleout.causes.leaks import disbelieved, used_features
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.strangers import as_strangers, split_by_entity
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference
from ruleout.statistics.repeats import row_codes
from ruleout.tables.moments import moments
from ruleout.tables.table import Table

SHARED = 0.2
"""Least share of validation rows whose entity training knows."""
FALL = 0.01
CERTAIN = 2.5
SPLITS = 2
PAIRED = 4.0
"""Standard errors by which the same rows must be predicted worse where their entities are strangers, for that to need no other proof."""


class GroupLeakage(Cause):
    """Rows of one entity are on both sides of the split, and what is learned of the entity passes for what is learned of the task.

    What goes wrong
    ---------------
    A person, a machine or a customer has several rows. Split row by row, each is in training and in validation; the model recognises the
    entity and knows its answer. On entities that it has not met it knows much less.

    Why it happens
    --------------
    The split is drawn over rows because nobody said what the rows belong to.

    What you see
    ------------
    A high validation score, for flexible models above all, that falls with new customers, new patients, another site.

    How it is tested
    ----------------
    The entity is the named column, or one that has several rows a value, not all of them copies, and that the model does not learn from.
    Where at least 20 % of the validation rows belong to entities that training knows, all rows are split anew by entity into tables of
    the same sizes, the model is fitted again, and its score held against the one of the split by rows: two splits, a fall of 0.01. The
    validation rows of known entities are then predicted twice, by trainings with and without other rows of theirs, as many rows in both.
    One of the two falls must be 2.5 standard errors; one of 4 on the same rows needs no other proof.

    After a retraining the reference is split anew, where its training knew twice as many of the entities as the current one does.

    What would rule it out
    ----------------------
    No entity on both sides, or a score that is the same for entities that training never saw.

    How it is fixed
    ---------------
    Split by entity: all rows of one on one side. Report the score of that split.

    How it stays fixed
    ------------------
    Name the entity where the split is made (GroupKFold, a hash of its id), and hold the entities that both tables share at none.

    Told apart from
    ---------------
    `data.overlap`: the same rows, not other rows of the same entity. `data.temporal-leakage`: what is shared is the time.

    References
    ----------
    Saeb et al. (2017), The need to approximate the use-case in clinical machine learning, GigaScience. Kapoor, Narayanan (2023), Leakage
    and the reproducibility crisis in machine-learning-based science.
    """

    needs = (("current.train", "current.validation"),)
    cost = 2.0
    situations = ("too-good", "retraining")

    def suspect(self, problem: Problem) -> Look:
        """Split by entity, fit again, and hold that score against the one at hand."""
        if problem.situation == "retraining":
            return before_it_fell(problem, self.suspect, _knew_more)
        case = problem.case
        train, validation = case.current.train, case.current.validation
        if (
            problem.situation != "too-good"
            or train is None
            or validation is None
            or case.target not in train
            or case.target not in validation
        ):
            return Look((), 0.0, "Entities on both sides of a split are looked for where a score is too good, n = 0 rows.")
        said: list[str] = []
        found: list[Finding] = []
        for column in _entities(problem, train, validation):
            shared = float(_known(train, validation, column).mean())
            if shared < SHARED:
                said.append(f"{column}: {shared:.1%} of {validation.n_rows:,} validation rows belong to entities that training knows")
                continue
            try:
                finding, sentence = _held_apart(problem, column, shared)
            except BudgetSpent:
                raise
            except RuleoutError as error:
                finding, sentence = _unproved(case, column, shared, validation.n_rows), str(error)
            said.append(sentence)
            if finding is not None:
                found.append(finding)
        found.sort(key=lambda f: -f.evidence)
        power = 0.92 if said or case.entity else 0.5
        statement = (
            "; ".join(said) + f" (n = {validation.n_rows:,})."
            if said
            else f"No column has several rows a value as an entity has, n = {train.n_rows:,}."
        )
        return Look(tuple(found[:3]), power, "" if found else statement, ("split",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Split all rows anew, entity by entity, into tables of the same sizes."""
        if finding.side == "reference":
            return mended_reference(case, finding, self.put_right)
        return split_by_entity(case, finding.repair["column"], 0)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """No validation row belongs to an entity that training knows."""
        parameters = {"table": "train", "columns": [finding.repair["column"]], "max_rate": 0.0}
        return Guard(self.id(), finding.place, "max_overlap", "validation", parameters, "Entities of the validation table are in training.")


def _entities(problem: Problem, train: Table, validation: Table) -> list[str]:
    """The columns that may say what rows belong to: the named one, else those with several rows a value that nothing else explains."""
    case = problem.case
    if case.entity is not None and case.entity in train and case.entity in validation:
        return [case.entity]
    used = set(used_features(problem)) if problem.laboratory.model("current") is not None else set(train.columns)
    found = []
    for column in train.columns:
        if column not in validation or column in (case.target, case.time) or train.kind(column) not in ("numeric", "category"):
            continue
        named = bool(IDENTIFIER.search(column))
        if column in used and not named:
            continue
        texts = np.concatenate([train.texts(column), validation.texts(column)])
        known = [v for v in texts.tolist() if v is not None]
        values = len(set(known))
        if values < 30 or len(known) < 0.9 * len(texts) or (train.kind(column) == "numeric" and any("." in v for v in known[:200])):
            continue
        if 1.3 <= len(known) / values <= 100 and (named or column not in used) and not _same_rows(case, train, validation, column):
            found.append(column)
    return found[:3]


def _knew_more(was: Problem, now: Problem) -> bool:
    """Whether the reference's training knew entities of its validation rows, and the current side's knows fewer by half."""
    train, validation = was.case.current.train, was.case.current.validation
    ours, theirs = now.case.current.train, now.case.current.validation
    assert train is not None and validation is not None and ours is not None and theirs is not None
    for column in _entities(was, train, validation):
        known = float(_known(train, validation, column).mean())
        if known >= SHARED and (column not in ours or column not in theirs or _known(ours, theirs, column).mean() <= known / 2):
            return True
    return False


def _same_rows(case: Case, train: Table, validation: Table, column: str) -> bool:
    """Whether the rows of a value are copies of one row: then it numbers the rows, and what is on both sides is the row itself."""
    columns = [c for c in (*case.features(train), case.target) if c and c != column and c in validation]
    codes = np.concatenate(
        [row_codes([t.numbers(c) if train.kind(c) == t.kind(c) == "numeric" else t.texts(c) for c in columns]) for t in (train, validation)]
    )
    value = np.unique(np.concatenate([t.texts(column) for t in (train, validation)]).astype(str), return_inverse=True)[1]
    pairs = len(np.unique(np.stack([value.astype(np.uint64), codes]), axis=1)[0])
    return bool(pairs <= 1.05 * (value.max() + 1))


def _known(train: Table, validation: Table, column: str) -> np.ndarray:
    """Which validation rows belong to an entity that training knows, shape (n_validation,)."""
    theirs = {v for v in train.texts(column).tolist() if v is not None}
    return np.array([v in theirs for v in validation.texts(column).tolist()], dtype=bool)


def _held_apart(problem: Problem, column: str, shared: float) -> tuple[Finding | None, str]:
    """What the score is for entities that training never saw."""
    case, laboratory = problem.case, problem.laboratory
    now = laboratory.outcome(case, "current")
    n = now.n
    falls: list[Difference] = []
    for seed in range(SPLITS):
        apart = split_by_entity(case, column, seed)
        if apart is None:
            return None, f"{column}: too few entities to split by"
        there = laboratory.outcome(apart, "current")
        less = now.minus(there)
        falls.append(Difference(laboratory.scorer.sign * less.value, less.error))
        if falls[-1].value < FALL / 2:
            break
    fall = float(np.mean([f.value for f in falls]))
    error = float(np.mean([f.error for f in falls])) / np.sqrt(len(falls)) if all(np.isfinite(f.error) for f in falls) else fall / 3
    error = max(float(np.hypot(error, problem.figures.get("training_noise", 0.0))), 1e-9)
    z, name = fall / error, laboratory.scorer.name
    honest = now.value - laboratory.scorer.sign * fall
    sentence = (
        f"{column}: {name} {now.value:.4f} split by rows, {honest:.4f} split by entity ({shared:.0%} of the rows are of known entities)"
    )
    strangers = as_strangers(problem, column) if fall >= FALL and len(falls) == SPLITS else None
    again = 0.0 if strangers is None or strangers.fall.value < FALL else strangers.fall.z()
    if fall < FALL or max(z, again) < CERTAIN or len(falls) < SPLITS:
        return None, sentence
    named = case.entity == column
    if strangers is not None and again >= CERTAIN:
        sentence += (
            f"; the same {strangers.n:,} rows of known entities lose {strangers.fall.value:.4f} where training holds no row of these"
        )
    z = max(z, again)
    evidence = (
        (2.4 if named else 1.6) + min(1.5, 0.35 * (z - CERTAIN)) + (0.5 if disbelieved(case) else 0.0) - (2.0 if _in_order(case) else 0.0)
    )
    said = f"{sentence}; expected: the same, to within {2 * error:.4f}, n = {n:,}."
    figures: dict[str, Any] = {"shared": shared, "score": now.value, "apart": honest, "z": z, "n": n}
    # The same rows, predicted twice: that is an intervention already, and a split into other rows says less.
    sure = again >= PAIRED and (named or bool(IDENTIFIER.search(column))) and not _in_order(case)
    return Finding(column, "split", bounded(evidence), said, figures, {"column": column}, specificity=0.8, certain=sure), sentence


def _unproved(case: Case, column: str, shared: float, n: int) -> Finding | None:
    """Entities on both sides where nothing can be fitted again: the split itself is what is seen."""
    if case.entity != column:
        return None
    said = f"{column}: {shared:.0%} of {n:,} validation rows belong to entities that training knows; expected 0 % in a split by entity."
    return Finding(
        column, "split", 2.4 if disbelieved(case) else 1.2, said, {"shared": shared, "n": n}, {"column": column}, specificity=0.8
    )


def _in_order(case: Case) -> bool:
    """Whether validation comes after training: then entities that come again are no fault of the split."""
    train, validation = case.current.train, case.current.validation
    if train is None or validation is None:
        return False
    time = time_column(case, (train, validation))
    if time is None:
        return False
    before, after = moments(train, time), moments(validation, time)
    return bool(np.isfinite(before).any() and np.isfinite(after).any() and np.nanmax(before) <= np.nanmin(after))
