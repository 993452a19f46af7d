"""The page on answers that are given again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import ANSWERED, Answers, answers_of, between, follows, replayed
from ruleout.causes.columns import borrowed, bounded, put_values
from ruleout.causes.donors import predicted_donors
from ruleout.causes.held import Held, held_columns
from ruleout.causes.old_records import old_records
from ruleout.causes.page import Cause, Finding, Look, Pair, pairs
from ruleout.causes.recurrence import recurrence
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["Caching"]

FEWEST_FRESH, PART_FRESH = 60, 0.1
"""Rows with fresh features, at least, that stand for all, and their share: of fewer, most are old ones that were not recognised."""


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
    The artifact scores the logged features. Among the rows whose logged answer it does not give, the share is taken whose answer it gives
    for an earlier row: one to 50 rows before, the first of each block of 2 to 200, the first or the last before it with the same key,
    entity, day or value of a column, and any earlier row.

    The share is held against the same of rows drawn at random: the log likelihood ratio is n [p log(p/q) + (1 - p) log((1 - p)/(1 - q))],
    less the logarithm of the number of patterns tried. For scores half of the rows must be explained, for bare classes nine tenths, since
    classes are the same by chance.

    Where the answers follow, the features themselves may be old: in order of time, within each entity or level of a column, the share of
    rows with the value of the row before is held against the healthy one. A column is a finding if it changes less than two fifths as
    often. Where no time is known, records of one entity are looked at as they stand, and another feature must say that the column should
    have moved: one with which it moves within an entity in health (rank correlation of a half), and which spreads in the log as it did.

    Where an entity and a time are known, each row is held against the older records of its entity in the reference's tables: columns that
    repeat one of them, value for value, in a fifth more of the log's rows than of validation's come from a store that was not refreshed.
    Rows that do not are measured in place of all.

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

    needs = (*ANSWERED, ("current.serving", "reference.validation"), ("current.serving", "reference.train"))
    cost = 0.2

    def suspect(self, problem: Problem) -> Look:
        """Ask of every answer that does not follow whether it is an earlier row's."""
        answers = answers_of(problem)
        found = recurrence(answers) if answers is not None and not answers.follow and not answers.fallback else None
        if answers is None or found is None:
            pair = _serving(problem.case) if problem.situation == "serving" else None
            kept = (*_of_old(problem.case, pair), *_kept(pair, held_columns(problem.case, pair))) if pair is not None else ()
            return Look(kept, 0.9, covers=("serving",)) if kept else follows(answers, "the answer of an earlier request")
        share = float(np.mean(~answers.plain.same))
        said = (
            f"serving.{_column(answers)}: {found.hits:.1%} of the {found.n_missed:,} answers that do not follow from their features are"
            f" those of {found.pattern} ({found.chance:.1%} by chance); that is {share:.0%} of n = {answers.n:,} requests."
        )
        figures = {"pattern": found.pattern, "share": share, "hits": found.hits, "chance": found.chance}
        finding = between(f"serving.{_column(answers)}", found.evidence, said, figures)
        return Look((finding,), 0.95, covers=("serving",))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A day's log, answered again by the artifact."""
        return log_guard(self.id(), problem, finding)

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers in place of the stored ones; for stored features, fresh values as like rows have them.

        Of old records of an entity the fresh values are not known: the rows that hold fresh ones stand for all; where hardly any does,
        each gets values as like rows have them.
        """
        if finding.repair.get("old"):
            return _fresh(case) or _like_fresh(case)
        if "held" not in finding.repair:
            return replayed(case, finding.side)
        pair, column, rows = _serving(case), str(finding.repair["column"]), finding.repair["rows"]
        if pair is None or column not in pair.suspect or len(rows) != pair.suspect.n_rows:
            return None
        taken = borrowed(case, pair, column, rows, without=finding.repair["held"])
        if taken is None:
            return None
        values = pair.suspect.numbers(column) if pair.suspect.kind(column) == "numeric" else pair.suspect.values(column)
        values[rows] = taken
        return case.with_table(pair.side, pair.name, put_values(pair.suspect, column, values, pair.yardstick))


def _serving(case: Case) -> Pair | None:
    return next((p for p in pairs(case) if p.name == "serving"), None)


def _of_old(case: Case, pair: Pair) -> Iterator[Finding]:
    """Columns of the log that are those of an older record of the same entity, value for value."""
    old = old_records(case, pair)
    plain = case.time is not None and case.time in pair.suspect and pair.suspect.kind(case.time) == "numeric"
    for column in old.columns[:8] if old is not None else ():
        assert old is not None
        age = f"{old.age:,.0f}" if plain else f"{old.age / 86_400:,.1f} days"
        said = (
            f"serving.{column}: {old.share:.1%} of n = {pair.suspect.n_rows:,} rows hold, value for value, an older record of the same"
            f" {old.by} in {', '.join(old.columns[:5])} ({old.usual:.1%} of n = {old.n_usual:,} in health); by {case.time} its median age"
            f" is {age}."
        )
        figures = {"share": old.share, "usual": old.usual, "columns": list(old.columns), "age": old.age}
        yield Finding(f"serving.{column}", "serving", bounded(old.evidence), said, figures, {"old": True}, pair.side, 0.9)


def _fresh(case: Case) -> Case | None:
    """The rows of the log that hold no older record; None where hardly any do."""
    pair = _serving(case)
    old = old_records(case, pair) if pair is not None else None
    if pair is None or old is None or int((~old.rows).sum()) < max(FEWEST_FRESH, PART_FRESH * len(old.rows)):
        return None
    return case.with_table(pair.side, pair.name, pair.suspect.filter(~old.rows))


def _like_fresh(case: Case) -> Case | None:
    """The log with the columns that are an older record's taken from like rows, all of a row's from one; None where nothing likens them."""
    pair = _serving(case)
    old = old_records(case, pair) if pair is not None else None
    if pair is None or old is None or any(c not in pair.yardstick for c in old.columns):
        return None
    rows = np.flatnonzero(old.rows)
    donors = predicted_donors(case, pair, old.columns, rows)
    if donors is None:
        return None
    table = pair.suspect
    for column in old.columns:
        values = table.numbers(column)
        values[rows] = pair.yardstick.numbers(column)[donors]
        table = put_values(table, column, values, pair.yardstick)
    return case.with_table(pair.side, pair.name, table)


def _kept(pair: Pair, found: tuple[Held, ...]) -> Iterator[Finding]:
    """Columns of the log whose values are held on to where they change in health."""
    names = tuple(h.column for h in found)
    # One store keeps them all: they are renewed together, from one like row.
    rows = np.any([h.rows for h in found], axis=0) if found else None
    for held in found:
        said = (
            f"serving.{held.column}: {held.same:.1%} of the {held.words} have the value of the one before, {held.usual:.1%} in"
            f" {pair.yardstick.name}; it is renewed after {held.length:.0f} of them; n = {pair.suspect.n_rows:,}."
        )
        figures = {"same": held.same, "usual": held.usual, "length": held.length, "columns": list(names)}
        repair = {"column": held.column, "held": names, "rows": rows}
        yield Finding(f"serving.{held.column}", "serving", bounded(held.evidence), said, figures, repair, pair.side, 0.9)


def _column(answers: Answers) -> str:
    return "score" if "score" in answers.log and answers.case.task != "regression" else "prediction"
