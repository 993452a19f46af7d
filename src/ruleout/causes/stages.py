"""What the pages on pipelines share: the stages of a run log, and the first one that did not do what it does."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ruleout.case.case import Case, TableName
from ruleout.case.words import FAILED, JOINS, OLD, THINS
from ruleout.causes.page import Finding

__all__ = [
    "Stage",
    "emptied_stage",
    "emptied_tables",
    "failed_stage",
    "fanned_stage",
    "goes_on",
    "leaking_stage",
    "stages_of",
    "stale_stage",
]

TABLES: tuple[TableName, ...] = ("train", "validation", "serving")


@dataclass(frozen=True)
class Stage:
    """One stage of a run as it told of itself; what it did not tell is None or empty."""

    name: str
    rows_in: float | None
    rows_out: float | None
    status: str
    started: datetime.datetime | None
    message: str


def stages_of(log: Iterable[Mapping[str, Any]] | None) -> tuple[Stage, ...]:
    """Read the stages of a run log, whatever is missing in them."""
    found = []
    for number, entry in enumerate(log or (), start=1):
        name = str(entry.get("stage") or entry.get("name") or entry.get("step") or number)
        found.append(
            Stage(
                name,
                _number(entry.get("rows_in")),
                _number(entry.get("rows_out")),
                str(entry.get("status") or "").lower(),
                _time(entry.get("started") or entry.get("time") or entry.get("timestamp")),
                str(entry.get("message") or ""),
            )
        )
    return tuple(found)


def emptied_stage(case: Case) -> Finding | None:
    """The first stage that let no row through, or fewer than a fiftieth of what the reference's run of it did."""
    before = {s.name: s for s in stages_of(case.reference.runlog if case.reference else None)}
    stages = stages_of(case.current.runlog)
    for number, stage in enumerate(stages):
        if stage.rows_out is None or (number + 1 < len(stages) and goes_on(stages[number + 1], before)):
            continue
        was = before.get(stage.name)
        usual = was.rows_out if was is not None and was.rows_out else stage.rows_in
        if was is None and stage.rows_out > 0 and THINS.search(stage.name.lower()):
            continue  # One model comes out of many rows.
        nothing_came = stage.rows_in == 0 and usual is None
        if stage.rows_out > 0.02 * (usual or 0.0) or not (usual or nothing_came or stage.rows_out == 0):
            continue
        yardstick = (
            f"{usual:,.0f} in the reference" if was is not None and was.rows_out else f"{usual:,.0f} in" if usual else "some expected"
        )
        said = f"runlog.{stage.name}: {stage.rows_out:,.0f} rows out, {yardstick}, status {stage.status or 'not told'!r}."
        figures = {"stage": stage.name, "rows_out": stage.rows_out, "usual": usual}
        return Finding(f"runlog.{stage.name}", "runlog", 3.6, said, figures, specificity=0.7)
    return None


def goes_on(following: Stage, before: Mapping[str, Stage], least: float = 0.5) -> bool:
    """Whether the stage after one had its rows: then the one before passes none on, and was merely left out (an evaluation).

    `least` is the share of the rows that the reference's run of it took in.
    """
    was = before.get(following.name)
    usual = was.rows_in if was is not None and was.rows_in else 0.0
    return following.rows_in is not None and following.rows_in > least * usual and following.rows_in > 0


def leaking_stage(case: Case) -> Finding | None:
    """Without an earlier run: the first stage that loses most of its rows although its name and message do not say that it should.

    A join is to find partners for its rows: losing half of them is a finding, nine tenths are there for sure. Other stages that are not
    there to thin rows out count from nine tenths on.
    """
    if case.reference is not None and case.reference.runlog:
        return None
    stages = stages_of(case.current.runlog)
    for stage in stages:
        if stage.rows_in is None or stage.rows_out is None or stage.rows_in < 50:
            continue
        kept, told = stage.rows_out / stage.rows_in, f"{stage.name} {stage.message}".lower()
        join = bool(JOINS.search(told))
        if kept > (0.5 if join else 0.1) or (not join and THINS.search(told)):
            continue
        what = "a join that drops what finds no partner" if join else "a stage that is not there to thin rows out"
        message = f", message {stage.message!r}" if stage.message else ""
        said = (
            f"runlog.{stage.name}: {stage.rows_out:,.0f} of n = {stage.rows_in:,.0f} rows came out ({kept:.1%}), the status being "
            f"{stage.status or 'not told'!r}{message}; {what}."
        )
        figures = {"stage": stage.name, "rows_in": stage.rows_in, "rows_out": stage.rows_out, "n": len(stages)}
        sure = join and kept <= 0.1
        return Finding(f"runlog.{stage.name}", "runlog", 3.6 if sure else 2.5, said, figures, specificity=0.7, certain=sure)
    return None


def fanned_stage(case: Case) -> Finding | None:
    """The first join that gives more rows than it takes, where the reference's run of it does not, or there is none."""
    before = {s.name: s for s in stages_of(case.reference.runlog if case.reference else None)}
    for stage in stages_of(case.current.runlog):
        was = before.get(stage.name)
        join = JOINS.search(f"{stage.name} {stage.message}".lower())
        if stage.rows_in is None or stage.rows_out is None or stage.rows_in < 50 or not join:
            continue
        usual = was.rows_out / was.rows_in if was is not None and was.rows_in and was.rows_out else 1.0
        times = stage.rows_out / stage.rows_in
        if times < 1.1 * usual or times < 1.1:
            continue
        rows = f"n = {stage.rows_in:,.0f} rows went into the join and {stage.rows_out:,.0f} came out"
        said = f"runlog.{stage.name}: {rows}, {usual:.2f} expected for one."
        figures = {"stage": stage.name, "rows_in": stage.rows_in, "rows_out": stage.rows_out}
        return Finding(f"runlog.{stage.name}", "runlog", 2.5, said, figures, {"columns": ()}, specificity=0.5)
    return None


def emptied_tables(case: Case) -> tuple[Finding, ...]:
    """Tables of the current side that hold no row, or fewer than a fiftieth of the reference's."""
    found = []
    for name in TABLES:
        mine = case.current.table(name)
        theirs = case.reference.table(name) if case.reference else None
        if mine is None or mine.n_rows > (0.02 * theirs.n_rows if theirs is not None else 0):
            continue
        usual = f"{theirs.n_rows:,} in the reference" if theirs is not None else "some expected"
        places = [name, *([f"{name}.{case.target}"] if case.target else [])]
        said = f"{mine.n_rows:,} rows, {usual}."
        for place in places:
            figures = {"n": mine.n_rows, "n_yardstick": theirs.n_rows if theirs is not None else None}
            found.append(Finding(place, name, 3.9, f"{place}: {said}", figures, {"table": name}, specificity=0.8))
    return tuple(found)


def stale_stage(case: Case) -> Finding | None:
    """The first stage that says it took old data, or that began a day and more before the stages after it or as early as last time."""
    stages = stages_of(case.current.runlog)
    before = {s.name: s for s in stages_of(case.reference.runlog if case.reference else None)}
    newest = max((s.started for s in stages if s.started is not None), default=None)
    for stage in stages:
        was = before.get(stage.name)
        if OLD.search(stage.message.lower()) and not (was is not None and OLD.search(was.message.lower())):
            usual = was.message if was is not None else "nothing"
            said = f"runlog.{stage.name}: told {stage.message!r}, the reference's run {usual!r}, n = {len(stages)} stages."
            return Finding(f"runlog.{stage.name}", "runlog", 3.0, said, {"message": stage.message}, specificity=0.5)
        if stage.started is None or newest is None:
            continue
        late = (newest - stage.started).total_seconds() / 3600
        again = was is not None and was.started == stage.started and newest > stage.started
        if late > 20 or (again and late > 1):
            said = f"runlog.{stage.name}: began {late:.0f} hours before the last stage, expected within a day, n = {len(stages)} stages."
            return Finding(f"runlog.{stage.name}", "runlog", 2.8, said, {"hours": late}, specificity=0.5)
    return None


def failed_stage(case: Case) -> Finding | None:
    """The first stage whose status or message tells of a failure that the reference's run does not tell of, or that did not run at all."""
    stages = stages_of(case.current.runlog)
    before = {s.name: s for s in stages_of(case.reference.runlog if case.reference else None)}
    for stage in stages:
        was = before.get(stage.name)
        told = f"{stage.status} {stage.message.lower()}"
        if FAILED.search(told) and not (was is not None and FAILED.search(f"{was.status} {was.message.lower()}")):
            said = f"runlog.{stage.name}: status {stage.status or 'not told'!r}, message {stage.message!r}, n = {len(stages)} stages."
            return Finding(f"runlog.{stage.name}", "runlog", 2.0, said, {"message": stage.message}, specificity=0.4)
    gone = [name for name in before if name not in {s.name for s in stages}] if stages else []
    if gone:
        said = f"runlog.{gone[0]}: did not run; {len(stages)} stages did, {len(before)} in the reference."
        return Finding(f"runlog.{gone[0]}", "runlog", 2.0, said, {"absent": gone}, specificity=0.4)
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _time(value: Any) -> datetime.datetime | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.datetime.fromtimestamp(float(value), tz=datetime.UTC).replace(tzinfo=None)
    try:
        return datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        return None
