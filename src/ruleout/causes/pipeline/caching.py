"""The page on answers that are given again."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import ANSWERED, Answers, answers_of, between, follows, replayed
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.recurrence import recurrence
from ruleout.problem.problem import Problem

__all__ = ["Caching"]


class Caching(Cause):
    """Old answers are given again: a request gets what an earlier one got.

    What goes wrong
    ---------------
    Part of the requests never reach the model. They are answered from a store, whose key is too coarse or whose entries live too long.

    Why it happens
    --------------
    A key that leaves a feature out, a time to live of a day where the features change by the hour, a buffer that is not emptied
    between batches, a retry that returns the last good answer.

    What you see
    ------------
    The same score to the last digit over runs of requests that have nothing in common, and other requests answered as validated.

    How it is tested
    ----------------
    The artifact scores the logged features. Among the rows whose logged answer it does not give, the share is taken whose answer it
    gives for an earlier row: one to 50 rows before, the first of each block of 2 to 200, the first or the last before it with the same
    key, entity, day or value of a column, and any earlier row. The share is held against the same of rows drawn at random: the log
    likelihood ratio is n [p log(p/q) + (1 - p) log((1 - p)/(1 - q))], less the logarithm of the number of patterns tried. For
    scores half of the rows must be explained, for bare classes nine tenths, since classes are the same by chance.

    What would rule it out
    ----------------------
    Logged answers that follow, row by row, from the features beside them.

    How it is fixed
    ---------------
    Empty the store, put every feature that the model uses into its key, and let no entry outlive the features it was made from.

    How it stays fixed
    ------------------
    Replay a sample of each day's log against the artifact, and alarm on shares of equal scores in a row above those of validation.

    Told apart from
    ---------------
    pipeline.temporal-misalignment, where the answers follow and a feature is old. data.stale, where a whole table is old.
    pipeline.nondeterminism, where answers are no other row's either.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency. Breck et al. (2017), The ML test score, monitoring test 6.
    """

    needs = ANSWERED
    cost = 0.2

    def suspect(self, problem: Problem) -> Look:
        """Ask of every answer that does not follow whether it is an earlier row's."""
        answers = answers_of(problem)
        found = recurrence(answers) if answers is not None and not answers.follow else None
        if answers is None or found is None:
            return follows(answers, "the answer of an earlier request")
        share = float(np.mean(~answers.plain.same))
        said = (
            f"serving.{_column(answers)}: {found.hits:.1%} of the {found.n_missed:,} answers that do not follow from their features are"
            f" those of {found.pattern} ({found.chance:.1%} by chance); that is {share:.0%} of n = {answers.n:,} requests."
        )
        figures = {"pattern": found.pattern, "share": share, "hits": found.hits, "chance": found.chance}
        finding = between(f"serving.{_column(answers)}", found.evidence, said, figures)
        return Look((finding,), 0.95, covers=("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers in place of the stored ones."""
        return replayed(case, finding.side)


def _column(answers: Answers) -> str:
    return "score" if "score" in answers.log and answers.case.task != "regression" else "prediction"
