"""Guards that several pages leave behind: the log replays, a column keeps its company."""

from __future__ import annotations

from ruleout.causes.page import Finding, Pair
from ruleout.errors import RuleoutError
from ruleout.guards.guard import Guard
from ruleout.guards.tables import association
from ruleout.problem.problem import Problem
from ruleout.problem.state import ALIKE

__all__ = ["company_guard", "log_guard", "told_guard"]

LEAST_LOSS = 0.03


def log_guard(cause: str, problem: Problem, finding: Finding) -> Guard | None:
    """A day's log is answered again by the artifact; None where no log with answers and no artifact are there, or they agree."""
    log = problem.case.current.serving
    if log is None or not {"prediction", "score"} & set(log.columns):
        return None
    if problem.laboratory.model("current") is None and problem.laboratory.model("reference") is None:
        return None
    try:
        found = problem.laboratory.replay(log)
    except RuleoutError:
        found = None
    if found is not None and found.rate >= ALIKE:
        return None  # The answers follow from the features that were logged: such a guard would be green.
    positive = problem.case.positive
    given = {"table": "serving"} | ({"positive": positive} if positive is not None else {})
    told = "Logged answers are not what the artifact gives for their features."
    return Guard(cause, finding.place, "log_follows", "serving", given, told)


def company_guard(cause: str, finding: Finding, pair: Pair, column: str) -> Guard | None:
    """The column goes with the other one that it has lost most of, halfway between before and now; None where it lost little."""
    others = [c for c in pair.yardstick.columns if c != column and c in pair.suspect and c not in ("prediction", "score")]
    others = [c for c in others if pair.yardstick.kind(c) == pair.suspect.kind(c) and pair.suspect.kind(c) in ("numeric", "category")]
    found = {c: (association(pair.yardstick, column, c), association(pair.suspect, column, c)) for c in others}
    partner = max(found, key=lambda c: found[c][0] - found[c][1], default=None)
    if partner is None or found[partner][0] - found[partner][1] < LEAST_LOSS:
        return None
    given = {"column": column, "target": partner, "at_least": round(sum(found[partner]) / 2, 4)}
    told = f"{pair.place(column)} no longer goes with {partner}: its values may be another moment's."
    return Guard(cause, finding.place, "min_association", pair.name, given, told)


def told_guard(cause: str, problem: Problem, finding: Finding) -> Guard | None:
    """The column tells of the target at most halfway between what it tells and what the best other one does; None if they tell as much."""
    table, target = problem.case.current.train, problem.case.target
    if table is None or target is None or target not in table:
        return None
    leaking = [c for c in finding.repair.get("columns", ()) if c in table]
    honest = [c for c in problem.case.features(table) if c not in leaking and table.kind(c) in ("numeric", "category")]
    column = max(leaking, key=lambda c: association(table, c, target), default=None)
    if column is None:
        return None
    found, usual = association(table, column, target), max((association(table, c, target) for c in honest), default=0.0)
    if found - usual < LEAST_LOSS:
        return None
    given = {"column": column, "target": target, "at_most": round((found + usual) / 2, 4)}
    return Guard(cause, finding.place, "max_association", "train", given, f"{column} tells more of {target} than any honest column does.")
