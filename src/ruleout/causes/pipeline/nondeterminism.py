"""The page on answers that differ from call to call."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import Answers, answers_of, between, follows, replayed
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.recurrence import permuted, recurrence
from ruleout.causes.stretches import stretch_of
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.fits import held_out_r2
from ruleout.tables.matrix import matrices

__all__ = ["Nondeterminism"]

LEAST_ROWS = 200


class Nondeterminism(Cause):
    """The same inputs give other answers from call to call.

    What goes wrong
    ---------------
    The service is not a function. Asked twice with the same row it answers twice, and neither answer is the validated one.

    Why it happens
    --------------
    Dropout or noise is left on at inference; a sample is drawn in the features; replicas behind one address hold different models; a
    sum runs over threads in no fixed order; a hash is salted anew.

    What you see
    ------------
    A retry helps. Rows that are the same in the log have different answers, and the difference from the artifact's answer has no
    pattern in any feature.

    How it is tested
    ----------------
    Logged rows whose features are all the same are put together: the share of such groups of two or more whose answers differ.

    Where rows do not repeat, the difference between logged and replayed score is learned from the features by boosted trees on one half of
    the rows and predicted on the other: another model's difference is a function of the features (R2 above 0.1), noise is not. Noise that
    is a function of nothing counts less than rows that contradict each other.

    What would rule it out
    ----------------------
    Equal rows with equal answers, or answers that the artifact gives again.

    How it is fixed
    ---------------
    Switch the model to its mode for inference, fix seeds and the order of sums, and let all replicas load one artifact.

    How it stays fixed
    ------------------
    Ask the service twice with the same hundred rows in every deployment and compare the answers.

    Told apart from
    ---------------
    pipeline.caching, whose answers are those of other rows. model.checkpoint, whose answers are a function of the row. Last digits
    that differ on every platform are no fault.

    References
    ----------
    Srivastava et al. (2014), Dropout, JMLR 15, section 4 (inference without it). Pham et al. (2020), Problems and opportunities in
    training deep learning software systems: an analysis of variance, ASE.
    """

    needs = (("current.serving",),)
    cost = 0.3

    def suspect(self, problem: Problem) -> Look:
        """Look for equal rows with unequal answers, and for differences that no feature tells of."""
        answers = answers_of(problem)
        if answers is None or answers.follow:
            return follows(answers, "noise in the answers")
        if recurrence(answers) is not None or permuted(answers) is not None:
            return Look((), 0.8, f"serving: answers that do not follow are other rows' and no noise, n = {answers.n:,}.", ("serving",))
        stretch = stretch_of(answers)
        if stretch is not None:
            said = f"serving: answers that do not follow stand {stretch.words} and nowhere else: no noise, n = {answers.n:,}."
            return Look((), 0.9, said, ("serving",))
        groups = _contradictions(answers)
        column = "prediction" if answers.numbers is None or answers.case.task == "regression" else "score"
        if groups.n >= 4 and groups.unlike >= max(3, 0.1 * groups.n):
            said = (
                f"serving.{column}: {groups.unlike:,} of {groups.n:,} groups of equal rows differ in their answers, expected 0;"
                f" the artifact gives {answers.plain.rate:.1%} of n = {answers.n:,} answers again."
            )
            return Look(
                (between(f"serving.{column}", 3.9, said, {"groups": groups.n, "unlike": groups.unlike}),), 0.95, covers=("serving",)
            )
        if groups.n >= 10:
            said = f"serving: {groups.n - groups.unlike:,} of {groups.n:,} groups of equal rows have one answer, n = {answers.n:,}."
            return Look((), 0.95, said, ("serving",))
        told = _predictable(answers)
        if told is None:
            return Look(
                (),
                0.2,
                f"serving: {groups.n} groups of equal rows, too few to tell, n = {answers.n:,}.",
                ("serving",),
            )
        r2, alike = told
        if r2 < 0.03 and alike > 0.5 and answers.plain.rate < 0.5:
            said = (
                f"serving.{column}: what differs from the artifact's answers is told by no feature (R2 {r2:.3f} on rows held out; another"
                f" model's is above 0.1) while the answers correlate by {alike:.3f} with its own, n = {answers.n:,}."
            )
            return Look(
                (between(f"serving.{column}", 2.0, said, {"r2": r2, "correlation": alike}, specificity=0.7),), 0.6, covers=("serving",)
            )
        return Look(
            (),
            0.7,
            f"serving: features tell {r2:.0%} of the difference from the artifact's answers: no noise, n = {answers.n:,}.",
            ("serving",),
        )

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers, which are the same at every call."""
        return replayed(case, finding.side)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A day's log, answered again by the artifact."""
        return log_guard(self.id(), problem, finding)


class _Groups(NamedTuple):
    """Groups of rows with equal features, and how many of them hold different answers."""

    n: int
    unlike: int


def _contradictions(answers: Answers) -> _Groups:
    logged = answers.said[0]
    group = np.zeros(answers.n, dtype=np.int64)
    for column in answers.features:
        codes = np.unique(answers.log.texts(column).astype(str), return_inverse=True)[1]
        group = np.unique(group * (codes.max() + 1) + codes, return_inverse=True)[1]
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(again):
        return _Groups(0, 0)
    unlike = ~answers.equal(logged[order[again + 1]], logged[order[again]])
    repeated = np.unique(ordered[again])
    return _Groups(len(repeated), len(np.unique(ordered[again][unlike])))


def _predictable(answers: Answers) -> tuple[float, float] | None:
    """How much of the difference features tell of (R2 on rows held out), and how the answers correlate; None for bare classes."""
    if answers.numbers is None or answers.n < LEAST_ROWS or answers.plain.rate > 0.5:
        return None
    return _learned(answers)


def _learned(answers: Answers) -> tuple[float, float] | None:
    assert answers.numbers is not None
    logged, own = _open_ended(answers.numbers[0]), _open_ended(answers.numbers[1])
    columns = [c for c in answers.features if answers.log.kind(c) != "other"]
    values, _ = matrices(answers.log, answers.log.take(np.arange(1)), columns)
    known = np.isfinite(logged) & np.isfinite(own)
    values = np.column_stack([values, own])[known]
    difference = (logged - own)[known]
    if np.std(difference) == 0 or np.std(own[known]) == 0:
        return None
    return held_out_r2(values, difference), float(np.corrcoef(logged[known], own[known])[0, 1])


def _open_ended(values: np.ndarray) -> np.ndarray:
    """Probabilities as logits, other numbers as they are."""
    if np.nanmin(values) < 0 or np.nanmax(values) > 1:
        return values
    inside = np.clip(values, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))
