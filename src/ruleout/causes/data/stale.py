"""The page of `data.stale`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from ruleout.case.case import Case, Side
from ruleout.causes.judgement import judge
from ruleout.causes.page import Cause, Finding, Look, Pair, pairs
from ruleout.causes.stages import stale_stage
from ruleout.guards.guard import Guard
from ruleout.problem.again import Again, same_again
from ruleout.problem.problem import Problem
from ruleout.statistics.retyping import read_times
from ruleout.tables.matrix import alike, shared_rows
from ruleout.tables.table import Table

__all__ = ["Stale"]

_MOST_ROWS = 50_000
_SAME = 0.97
_NEW = 0.5
_FEWEST_TIMES = 5


class Stale(Cause):
    """The table is not new: yesterday's rows again, or rows that end too early for what they are used for.

    What goes wrong
    ---------------
    The model was trained again on rows that it had seen already, while the rows it is measured on moved on.

    Why it happens
    --------------
    A path without a date, a cache, a job that ran before its input was there, a snapshot that nobody renewed.

    What you see
    ------------
    Every run succeeds; the training table has the rows of last time or ends long before the validation table begins.

    How it is tested
    ----------------
    By time: the gap between the last training row and the first validation row, against the same gap in the reference run, in spans of the
    reference's training rows; and whether the newest training row moved while the newest validation row did.

    Without times: the share of training rows that are, value for value, those of the reference, while those of validation are not, or
    lie beyond all older ones by some column of numbers.

    Old rows are no fault in themselves: a finding needs a healthy model to lose on the validation rows, by their labels or their inputs.

    Where every table is the reference's, no metric can fall; then the run logs tell: a later run whose source bears the date that it bore
    before, or that began after a tenth of the rows' span of time.

    What would rule it out
    ----------------------
    Training rows that are new to within the overlap that a moving window has, or end as near to the validation rows as they did.

    How it is fixed
    ---------------
    Mend the step that brings new rows, then train again on rows up to the validation window.

    How it stays fixed
    ------------------
    A check on the newest time in the table, and one on the share of rows known from last time.

    Told apart from
    ---------------
    `data.missing-partition`: the tail of the window is absent and the rows are fewer. `data.concept-drift`: the training rows are
    new and show the new relation too. `pipeline.caching`: features or answers are old at serving.

    References
    ----------
    Breck et al. (2017), The ML test score: a rubric for ML production readiness, IEEE Big Data.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("reference.train", "current.train", "current.validation"), ("current.runlog",))
    cost: ClassVar[float] = 0.5

    def suspect(self, problem: Problem) -> Look:
        """Ask whether the training rows moved on with the validation rows."""
        case = problem.case
        current, reference = case.current, case.reference
        # On the same rows nothing can fall: where something did, it is not for the rows being old.
        again = same_again(case) if not problem.significant else None
        if again is not None:
            return Look(tuple(_again(case, again)), 0.9, "", ("freshness", "runlog"))
        told = stale_stage(case)
        if reference is None or current.train is None or current.validation is None or reference.train is None or told is not None:
            said = f"runlog: 0 of n = {len(current.runlog or ())} stages tell of old data."
            return Look((told,) if told else (), 0.5, "" if told else said, ("runlog",))
        found = self._by_time(case) or self._by_rows(problem)
        said = f"The training rows moved on as the validation rows did, n = {current.train.n_rows:,}."
        return Look((found,) if found else (), 0.9 if _time(case) else 0.6, "" if found else said, ("freshness",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Newer rows in place of the old ones, where the reference holds newer ones; else there is nothing to take them from."""
        reference, current, time = case.reference, case.current, finding.repair.get("time")
        if not time or reference is None or reference.train is None or current.train is None:
            return None
        if _edge(reference.train, time, last=True) <= _edge(current.train, time, last=True):
            return None
        return case.with_table("current", "train", reference.train)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The newest training row is no older than the reference's was."""
        time, reference = finding.repair.get("time"), problem.case.reference
        current = problem.case.current
        if not time or reference is None or reference.train is None or current.train is None or reference.train.kind(time) != "time":
            return None
        least, newest = (_edge(t, time, last=True) for t in (reference.train, current.train))
        if newest >= least:
            return None
        given = {"column": time, "at_least": str(np.datetime64(int(least), "s"))}
        return Guard(self.id(), finding.place, "newest_time", "train", given, f"{finding.place}: the training rows end too early.")

    def _by_time(self, case: Case) -> Finding | None:
        time, current, reference = _time(case), case.current, case.reference
        if time is None or reference is None or reference.train is None or current.train is None or current.validation is None:
            return None
        if reference.validation is None or time not in reference.validation:
            return None
        span = _edge(reference.train, time, last=True) - _edge(reference.train, time, last=False)
        gaps = [_gap(side, time) for side in (current, reference)]
        if not np.isfinite([span, *gaps]).all() or span <= 0:
            return None
        wider = (gaps[0] - gaps[1]) / span
        onward = (_edge(current.validation, time, last=True) - _edge(reference.validation, time, last=True)) / span
        stood = (_edge(current.train, time, last=True) - _edge(reference.train, time, last=True)) / span
        # The world moved on and the very same rows were trained on: what else has moved, moved by the way.
        same = onward > 0.05 and abs(stood) < 0.01 and _share_known(current.train, reference.train) >= _SAME
        if wider < 0.1 or (onward > 0.05 and stood > 0.8 * onward):
            return None
        if gaps[1] < -0.2 * span and not (same and gaps[0] > 0):
            return None  # The reference's rows were split at random: how far apart in time says nothing, unless it does now.
        n = current.train.n_rows
        statement = (
            f"`train.{time}`: the training rows end {gaps[0] / span:.2f} spans before the validation rows begin, "
            f"{gaps[1] / span:.2f} in the reference run; validation moved on by {onward:.2f} spans, training by {stood:.2f}; n = {n:,}."
        )
        figures = {"gap": round(gaps[0] / span, 4), "gap_reference": round(gaps[1] / span, 4), "moved": round(stood, 4), "n": n}
        evidence = float(min(3.4, 1.5 + 8.0 * wider))
        if same:
            statement = f"{statement[:-1]}; {_SAME:.0%} and more of the training rows are those of the reference run, value for value."
            evidence = 3.9
        exact, repair = 0.9 if same else 0.6, {"table": "train", "time": time}
        return Finding(f"train.{time}", "freshness", evidence, statement, figures, repair, "current", exact)

    def _by_rows(self, problem: Problem) -> Finding | None:
        case, current, reference = problem.case, problem.case.current, problem.case.reference
        if reference is None or current.train is None or reference.train is None:
            return None
        same = _share_known(current.train, reference.train)
        if same < _SAME:
            return None
        validation = next((p for p in pairs(case) if p.name == "validation"), None)
        if validation is None or _share_known(validation.suspect, validation.yardstick) > _NEW:
            return None
        clock = _onward(case) if problem.significant else None
        if clock is not None:
            said = (
                f"`train`: {same:.3f} of the training rows are those of the reference run, value for value, but `validation.{clock}` lies "
                f"beyond all that either table held before; expected training rows that moved on too, n = {current.train.n_rows:,}."
            )
            return Finding("train", "freshness", 3.7, said, {"same": round(same, 4), "clock": clock}, {"table": "train"}, "current", 0.6)
        rate, error = _lost(problem, validation)
        if rate < max(0.02, 3.5 * error):
            return None
        n = current.train.n_rows
        statement = (
            f"`train`: {same:.3f} of the training rows are those of the reference run, value for value, while the validation rows are new "
            f"and {rate:.3f} +/- {1.96 * error:.3f} more of them go against a healthy model; expected new rows; n = {n:,}."
        )
        figures = {"same": round(same, 4), "contradicted": round(rate, 4), "error": round(error, 4), "n": n}
        return Finding("train", "freshness", 3.0, statement, figures, {"table": "train"}, "current", 0.4)


def _again(case: Case, again: Again) -> Iterator[Finding]:
    """What a run that read an earlier one's rows says of itself: the tables, and the stage that names the old source."""
    why = f"the source is of {again.source} as it was then" if again.source else "the rows of so much later were to be others"
    figures = {"days": round(again.days, 2), "source": again.source}
    evidence, sure = (3.6, 0.8) if again.source else (2.9, 0.6)
    for name in again.tables:
        table = case.current.table(name)
        said = (
            f"{name}: every row is that of the reference run, value for value, although this run began {again.days:,.0f} days later; "
            f"{why}, n = {table.n_rows if table is not None else 0:,}."
        )
        yield Finding(name, "freshness", evidence, said, figures, {"table": name}, "current", sure)
    if again.stage:
        before = f"as the reference run did {again.days:,.0f} days before"
        said = f"runlog.{again.stage}: names {again.source} {before}, n = {len(again.tables)} tables."
        yield Finding(f"runlog.{again.stage}", "runlog", evidence - 0.1, said, figures, {}, "current", sure)


def _time(case: Case) -> str | None:
    """The column of event times: the case's own, else the one point in time that every table of the comparison holds."""
    tables = [t for s in (case.current, case.reference) if s for t in (s.train, s.validation) if t is not None]
    if case.time and all(case.time in t and len(_moments(t, case.time)) for t in tables):
        return case.time
    shared = [c for c in tables[0].of_kind("time") if all(c in t and t.kind(c) == "time" for t in tables)] if tables else []
    return shared[0] if len(shared) == 1 else None


def _moments(table: Table, time: str) -> np.ndarray:
    """The times of a table's rows as finite numbers, seconds where they are points in time, be they written as text."""
    if table.kind(time) == "category":
        read = read_times(table.texts(time))
        return np.empty(0) if read is None else read[~np.isnat(read)].astype(np.int64) / 1e6
    values = table.numbers(time) if table.kind(time) in ("time", "numeric") else np.empty(0)
    found: np.ndarray = values[np.isfinite(values)]
    return found


def _edge(table: Table, time: str, *, last: bool) -> float:
    values = _moments(table, time)
    if not len(values):
        return float("nan")
    return float(values.max() if last else values.min())


def _gap(side: Side, time: str) -> float:
    """Seconds, or the time's own unit, from the last training row to the first validation row."""
    if side.train is None or side.validation is None:
        return float("nan")
    return _edge(side.validation, time, last=False) - _edge(side.train, time, last=True)


def _onward(case: Case) -> str | None:
    """A column of numbers by which every validation row comes after all rows of the reference: a month, a serial number, an age."""
    reference, table = case.reference, case.current.validation
    if reference is None or reference.train is None or reference.validation is None or table is None:
        return None
    before = (reference.train, reference.validation)
    for column in case.features(table):
        if table.kind(column) != "numeric" or any(column not in t or t.kind(column) != "numeric" for t in before):
            continue
        values, old = table.numbers(column), np.concatenate([t.numbers(column) for t in before])
        values, old = values[np.isfinite(values)], old[np.isfinite(old)]
        if len(values) and len(np.unique(old)) >= _FEWEST_TIMES and values.min() > old.max():
            return column
    return None


def _share_known(table: Table, known: Table) -> float:
    """Share of a table's rows that another holds too, value for value."""
    if table.fingerprint == known.fingerprint:
        return 1.0
    columns = alike(table, known, table.columns)
    if max(table.n_rows, known.n_rows) > _MOST_ROWS or len(columns) < len(table.columns):
        return 0.0
    return len(shared_rows(table, known, columns)[0]) / max(table.n_rows, 1)


def _lost(problem: Problem, validation: Pair) -> tuple[float, float]:
    """How much more of the validation labels a healthy model contradicts than it did, and the standard error."""
    judgement = judge(problem, validation)
    if judgement is None:
        return 0.0, 1.0
    mine, theirs = (wrong.astype(float) for wrong in judgement.wrong)
    error = float(np.sqrt(mine.var() / max(len(mine), 1) + theirs.var() / max(len(theirs), 1)))
    return float(mine.mean() - theirs.mean()), max(error, 1e-6)
