"""The page on the order of features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleout.case.case import Case
from ruleout.causes.answers import ANSWERED, Answers, Change, answers_of, between, follows, replayed
from ruleout.causes.by_position import by_position, order_guard
from ruleout.causes.changes import exchanged
from ruleout.causes.columns import bounded, quantile_guard
from ruleout.causes.page import Cause, Component, Finding, Look, pairs
from ruleout.causes.places import changed_places, returned
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["FeatureOrder"]

CROWDED = 3.0
"""What the log likelihood ratio of another order loses where nearly all logged answers are one class."""


class FeatureOrder(Cause):
    """The same columns reach the model in another order, so that it reads one under the name of another.

    What goes wrong
    ---------------
    Nothing is missing and nothing is new. Two columns, or all of them, stand in each other's place when the model is asked.

    Why it happens
    --------------
    Features are passed as a bare array; a dictionary or a query gives them in its own order, by the alphabet or as they were added;
    two columns are exchanged in the service's mapping.

    What you see
    ------------
    In the log, columns that each look like another one did; or, where the log is written before the array is made, features that
    look right and answers that the artifact does not give for them.

    How it is tested
    ----------------
    At serving, columns that moved (Kolmogorov-Smirnov or total variation, p < 1e-6) are assigned to the healthy columns at least cost (Kuhn
    1955): they changed places if each returns to within sampling noise.

    Between features and answers, the artifact is asked again with every two columns of one kind exchanged, with the columns in the order of
    the log, of the alphabet, reversed and moved on by one; what reproduces the logged answers is the finding, up to four exchanges one
    after the other. Where an artifact was fitted on an array without names and the validation table, or the configuration's list of
    features, has the columns in another order than the training table, the metric is computed with the columns taken by position: it is the
    finding if that gives the reported number.

    What would rule it out
    ----------------------
    Answers that follow from the features under their names, each of which looks as it did in validation.

    How it is fixed
    ---------------
    Pass features by name and let the artifact put them into its order.

    How it stays fixed
    ------------------
    Store the list of names with the artifact and refuse input whose names are not that list.

    Told apart from
    ---------------
    data.schema-mismatch, which is the same in a table that is trained or validated on, or a column that is absent or renamed.
    data.row-misalignment, where a column has the right place and the wrong rows. pipeline.encoding, where it is the codes.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem. Sculley et al. (2015), Hidden technical debt in machine learning
    systems, section 3.
    """

    needs = (
        *ANSWERED,
        ("reference.validation", "current.serving"),
        ("reference.train", "current.serving"),
        ("current.train", "current.serving"),
        ("current.model", "current.train", "current.validation", "current.metrics"),
    )
    cost = 0.3

    def suspect(self, problem: Problem) -> Look:
        """Look for columns in each other's places, in the log, between the log and the answers, and under a reported metric."""
        if problem.situation == "retraining":
            reported = list(by_position(problem))
            said = "metrics: no other order of the columns gives the reported number, or none is to be had, n = 1 metric."
            return Look(tuple(reported), 0.5, "" if reported else said, ("metrics",))
        found: list[Finding] = []
        covers: list[Component] = ["serving"]
        seen = 0
        for pair in pairs(problem.case):
            if pair.name != "serving":
                continue
            seen += 1
            for place in changed_places(problem.case, pair):
                repair = {
                    "table": "serving",
                    "column": place.column,
                    "places": dict(place.places),
                    "noise": place.noise,
                    "mark": place.mark,
                }
                figures = {"what": "exchanged", "places": dict(place.places), "noise": place.noise}
                found.append(Finding(f"serving.{place.column}", "serving", bounded(3.9), place.statement, figures, repair, pair.side, 1.0))
        answers = answers_of(problem)
        if not found and answers is not None and not answers.follow:
            found += _reordered(answers)
        if found:
            return Look(tuple(found), 0.95, covers=tuple(covers))
        look = follows(answers, "another order of the columns")
        return Look((), look.power if answers is not None else 0.9 * bool(seen), look.statement, tuple(covers))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The columns exchanged back in the log; where the log was right, the artifact's own answers; the metric with columns by name."""
        if finding.repair.get("metrics"):
            held = case.side(finding.side)
            if held is None:
                return None
            return case.with_side(finding.side, replace(held, metrics={**(held.metrics or {}), **finding.repair["metrics"]}))
        if finding.repair.get("replay"):
            return replayed(case, finding.side)
        pair = next((p for p in pairs(case) if p.name == "serving" and p.side == finding.side), None)
        if pair is None:
            return None
        table = returned(pair, finding.repair["places"], finding.repair["noise"], finding.repair["mark"])
        return case if table is None else case.with_table(pair.side, "serving", table)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A quantile of one of the columns, halfway between where it lies and where it lay; else a day's log, answered again."""
        pair = next((p for p in pairs(problem.case) if p.name == "serving" and p.side == finding.side), None)
        column = finding.repair.get("column")
        if finding.repair.get("metrics"):
            return order_guard(self.id(), finding)
        if pair is None or column is None or pair.yardstick.kind(column) != "numeric":
            return log_guard(self.id(), problem, finding)
        return quantile_guard(self.id(), finding.place, pair, column, f"{finding.place} looks like another column.")


def _reordered(answers: Answers) -> Iterator[Finding]:
    """Columns that the model must have read in each other's place."""
    found = answers.search(list(_orders(answers)))
    if found is None or found.told.rate < 0.9999:
        # Where some answers are all alike, another order than the right one comes near.
        single = answers.search(list(_exchanges(answers)), rounds=4)
        found = single if found is None or (single is not None and single.told.rate > found.told.rate) else found
        found = found or answers.search(list(_two_exchanges(answers)))
    if found is None:
        return
    # Whatever drives a model to one class gives every answer again where nearly all that was logged is that class.
    evidence = answers.evidence(found.told) - (CROWDED if answers.crowded else 0.0)
    figures = {"changes": [c.words for c in found.changes], "rate": found.told.rate, "plain": answers.now.rate}
    for column in found.columns[:12]:
        said = f"serving.{column}: with {found.words} {answers.said_rate(found.told)}."
        yield between(f"serving.{column}", evidence, said, figures)


def _orders(answers: Answers) -> Iterator[Change]:
    """The columns of one kind, or all of them, in another order altogether."""
    log = answers.log
    for kind in ("numeric", "category", "all"):
        columns = [c for c in answers.features if kind == "all" or log.kind(c) == kind]
        if len(columns) < 2:
            continue
        in_log = [c for c in log.columns if c in columns]
        orders = {
            "in the order of the log": in_log,
            "in the order of the alphabet": sorted(columns),
            "in the reverse order": columns[::-1],
            "moved on by one": [*columns[1:], columns[0]],
            "moved back by one": [columns[-1], *columns[:-1]],
        }
        for words, order in orders.items():
            if order != columns:
                places = dict(zip(columns, order, strict=True))
                if all(_goes(answers, a, b) for a, b in places.items()):
                    yield exchanged(f"the {len(columns)} {'' if kind == 'all' else kind + ' '}columns {words}", places)


def _exchanges(answers: Answers) -> Iterator[Change]:
    columns = [c for c in answers.features if answers.log.kind(c) in ("numeric", "category")][:60]
    for at, first in enumerate(columns):
        for second in columns[at + 1 :]:
            if _goes(answers, first, second):
                yield exchanged(f"{first} and {second} exchanged", {first: second, second: first})


def _two_exchanges(answers: Answers) -> Iterator[Change]:
    """Two pairs of columns in each other's places at once, where either alone may lead away from the log."""
    single = [c for c in _exchanges(answers) if all(answers.log.kind(column) == "numeric" for column in c.columns)]
    for at, first in enumerate(single[:28]):
        for second in single[at + 1 : 28]:
            if not set(first.columns) & set(second.columns):
                places = {a: b for pair in (first.columns, second.columns) for a, b in (pair, pair[::-1])}
                yield exchanged(f"{first.words}, {second.words}", places)


def _goes(answers: Answers, first: str, second: str) -> bool:
    """Whether one column can be read as the other: numbers, or texts that share levels (else all is unknown, whatever made it so)."""
    log = answers.log
    if log.kind(first) != log.kind(second):
        return False
    if first == second or log.kind(first) != "category":
        return True
    mine, theirs = ({*log.texts(c).tolist()} - {None} for c in (first, second))
    return len(mine & theirs) >= 0.3 * min(len(mine), len(theirs))
