"""The laws over the handbook: each takes a page and something to try it on, and fails with a sentence that says what it broke.

They are plain functions that assert, so that any test runner can cross them with any pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from ruleout.case.case import Case, Side, SideName
from ruleout.causes.page import HEADINGS, Cause, Finding, Look
from ruleout.examination.counterfactual import Counterfactuals
from ruleout.guards import NAMES, check, read_guards, write_guards
from ruleout.problem.healthy_side import healthy_side
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table
from ruleout.testing.strange import strange_pairs

__all__ = [
    "bijection",
    "deterministic",
    "guarded",
    "indifferent",
    "page",
    "poor_evidence",
    "pure",
    "restores",
    "speaks",
    "speech",
    "strange_tables",
    "vocabulary",
]

SIDES: tuple[SideName, SideName] = ("reference", "current")
TABLES = ("train", "validation", "serving")
EVIDENCE = {field.name for field in fields(Side)}
COUNTED = re.compile(
    r"\bn = |\d[\d,]* (?:of \d[\d,]* )?(?:[\w-]+ ){0,2}"
    r"(?:rows?|columns?|tables?|levels?|labels?|values?|settings|packages|files|steps|classes)\b"
)
"""How a sentence says on how many it rests: `n = 8,000`, or the things counted by their name."""

TOLERANCE = 0.25
"""How far the evidence may move (in nats) when rows or columns only change places: samples of large tables are drawn anew."""


def page(entry: Cause) -> None:
    """The docstring is a page: a claim that ends, every heading in order with words under it, and needs that a side can hold."""
    name = entry.id()
    assert len(entry.claim()) >= 20, f"{name}: the docstring's first line says {entry.claim()!r}, expected a sentence about what went wrong"
    assert entry.claim().endswith("."), f"{name}: the first line is no sentence: {entry.claim()!r}"
    assert len(entry.claim()) <= 140, f"{name}: the claim has {len(entry.claim())} characters, expected at most 140"
    sections = entry.sections()
    absent = [heading for heading in HEADINGS if heading not in sections]
    assert not absent, f"{name}: the docstring is without the headings {absent}"
    assert tuple(sections) == HEADINGS, f"{name}: headings {list(sections)}, expected {list(HEADINGS)}"
    empty = [heading for heading, text in sections.items() if len(text) < 20]
    assert not empty, f"{name}: nothing stands under {empty}"
    assert re.search(r"\((19|20)\d\d\)|\b(19|20)\d\d\b", sections["References"]), f"{name}: no reference has a year"
    assert entry.needs, f'{name}: `needs` is empty; say which evidence it looks at, as in (("reference.train", "current.train"),)'
    for needed in chain.from_iterable(entry.needs):
        side, _, field = needed.partition(".")
        known = (side in SIDES and field in EVIDENCE) or (side == "case" and field in {f.name for f in fields(Case)})
        assert known, f"{name}: needs {needed!r}, which no case can hold"
    assert entry.cost > 0, f"{name}: cost {entry.cost}, expected more than 0 seconds"


def bijection(pages: Iterable[str], *others: tuple[str, Iterable[str]]) -> None:
    """The ids of the pages are those of every other list: faults, rows of the contract, documentation.

    Parameters
    ----------
    pages
        Cause ids of the pages.
    others
        What the other list is called, and its ids.
    """
    mine = set(pages)
    for called, ids in others:
        theirs = set(ids)
        assert mine == theirs, f"{called}: without a page {sorted(theirs - mine)}, without {called} {sorted(mine - theirs)}"


def vocabulary(pages: Iterable[str], contract: Path) -> None:
    """Every page has its row in the vocabulary's tables, and the row says what went wrong.

    Parameters
    ----------
    pages
        Cause ids of the pages.
    contract
        The Markdown file with the rows `| id | what went wrong | told apart from |`.
    """
    text = contract.read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `((?:data|model|pipeline)\.[a-z0-9-]+)` \|([^|]*)\|", text, re.MULTILINE))
    absent = sorted(set(pages) - set(told))
    assert not absent, f"{contract.name}: no row for {absent}, expected `| id | what went wrong | told apart from |`"
    silent = sorted(cause for cause in pages if len(told[cause].strip()) < 10)
    assert not silent, f"{contract.name}: the row of {silent} does not say what went wrong; say it in the row's second cell"


def restores(entry: Cause, problem: Problem, finding: Finding, least: float = 0.5) -> None:
    """Putting right what was found closes the gap between the sides: by half of the harm at least, where `least` says nothing else."""
    repaired = entry.put_right(problem.case, finding)
    assert repaired is not None, f"{entry.id()} at {finding.place}: `put_right` gives no case, so nothing could ever confirm it"
    gained = Counterfactuals(problem).gained(problem.case, repaired)
    assert gained.value >= least * problem.harm, (
        f"{entry.id()} at {finding.place}: putting it right gains {gained}, expected {least:.0%} of the {problem.harm:.4f} lost"
    )


def speech(entry: Cause, look: Look) -> None:
    """What a look says is a sentence with a number, n, and for a finding its place; figures are finite, power is a probability."""
    name = entry.id()
    assert 0 <= look.power <= 1, f"{name}: power {look.power}, expected a probability"
    if not look.findings and (look.power > 0 or look.statement):
        _sentence(name, look.statement)
    assert list(look.findings) == sorted(look.findings, key=lambda f: -f.evidence), f"{name}: the strongest finding does not come first"
    for finding in look.findings:
        _sentence(name, finding.statement)
        assert np.isfinite(finding.evidence), f"{name} at {finding.place}: evidence {finding.evidence}"
        assert -10 <= finding.evidence <= 10, f"{name} at {finding.place}: evidence {finding.evidence}, expected within 10 nats"
        assert 0 <= finding.specificity <= 1, f"{name} at {finding.place}: specificity {finding.specificity}, expected within [0, 1]"
        assert finding.place, f"{name}: a finding without a place"
        last = finding.place.rsplit(".", 1)[-1]
        assert last in finding.statement, f"{name}: {finding.statement!r} does not name its place {finding.place}"
        assert _plain(finding.figures), f"{name} at {finding.place}: figures that JSON cannot hold"


def pure(entry: Cause, problem: Problem) -> Look:
    """A look, and putting right what it found, leave the case as it was, hash for hash; the look is returned."""
    before = _state(problem.case)
    look = entry.suspect(problem)
    for finding in look.findings[:2]:
        for mend in (entry.put_right, entry.put_wrong):
            other = mend(problem.case, finding)
            assert other is not problem.case, f"{entry.id()}: {mend.__name__} at {finding.place} gives back the very case that it was given"
        entry.guard(problem, finding)
    assert _state(problem.case) == before, f"{entry.id()}: the case is not what it was before the look"
    return look


def deterministic(entry: Cause, problem: Problem, look: Look) -> None:
    """The same case gives the same findings again, number for number."""
    again = entry.suspect(problem)
    first, second = ([(f.place, round(f.evidence, 9), f.statement) for f in seen.findings] for seen in (look, again))
    assert first == second, f"{entry.id()}: {first} and then {second}"


def indifferent(entry: Cause, problem: Problem, look: Look, restate: Callable[[Case], Problem]) -> None:
    """The order of rows and columns changes neither the place nor, beyond sampling, the evidence.

    Parameters
    ----------
    restate
        Makes a problem of a case as `problem` was made.
    """
    again = entry.suspect(restate(_shuffled(problem.case)))
    first, second = ({f.place: f.evidence for f in seen.findings if f.evidence > 1} for seen in (look, again))
    assert set(first) == set(second), f"{entry.id()}: found {sorted(first)}, and {sorted(second)} after rows and columns changed places"
    moved = {p: (first[p], second[p]) for p in first if abs(first[p] - second[p]) > TOLERANCE + 0.25 * abs(first[p])}
    assert not moved, f"{entry.id()}: evidence moved with the order of rows and columns: {moved}"


def poor_evidence(entry: Cause, case: Case) -> None:
    """With any part of what it needs taken away, a page says what is lacking, or looks without an exception.

    Parameters
    ----------
    case
        A case that holds all that the page may need; artifacts are taken away with the rest.
    """
    needed = {name for name in chain.from_iterable(entry.needs) if not name.startswith("case.")}
    told = {f"case.{f.name}" for f in fields(Case) if getattr(case, f.name)}
    held = sorted(n for n in needed if getattr(case.side(n.split(".")[0]), n.split(".")[1], None) is not None)  # type: ignore[arg-type]
    for left in _subsets(held):
        poor = _only(case, set(left))
        lacking = entry.missing(poor)
        complete = any(set(alternative) <= {*left, *told} for alternative in entry.needs)
        assert bool(lacking) != complete, f"{entry.id()} with {list(left)}: says that {list(lacking)} is missing"
        assert not set(lacking) & {*left, *told}, f"{entry.id()} with {list(left)}: says that {list(lacking)} is missing"
        _looks(entry, poor, f"with {list(left)} alone")


def strange_tables(entry: Cause, case: Case) -> None:
    """No table is so strange that a look at it ends in an exception or in a sentence without a number.

    Parameters
    ----------
    case
        What stands beside the tables (task, metric); its tables are replaced.
    """
    for strange, odd, plain in strange_pairs(str(case.target)):
        for name in ("train", "validation"):
            tables = {n: Table(plain, name=n) for n in ("train", "validation")}
            reference = replace(case.reference or Side(), **{**tables, "model": None})  # type: ignore[arg-type]
            current = replace(case.current, **{**tables, name: Table(odd, name=name), "model": None})  # type: ignore[arg-type]
            _looks(entry, replace(case, reference=reference, current=current), f"on a {name} table with {strange}")


def speaks(entry: Cause, look: Look, places: Iterable[str]) -> None:
    """On its own fault a page finds something, at a right place.

    Parameters
    ----------
    places
        Places that are right, in the contract's words.
    """
    right = {_bare(p) for p in places}
    found = [f.place for f in look.findings]
    assert found, f"{entry.id()}: saw nothing of its own fault: {look.statement}"
    assert any(_bare(p) in right or p in set(places) for p in found), (
        f"{entry.id()}: found {found[:6]}, expected one of {sorted(right)[:8]}"
    )


def guarded(entry: Cause, problem: Problem, finding: Finding, folder: Path) -> None:
    """A guard is red on the side at fault, green on the other where there is one, names a check, and survives writing and reading."""
    guard = entry.guard(problem, finding)
    if guard is None:
        return
    assert guard.cause == entry.id(), f"{entry.id()}: its guard says that it is for {guard.cause}"
    assert guard.check in NAMES, f"{entry.id()}: its guard names the check {guard.check!r}, which there is not"
    assert guard.message, f"{entry.id()}: its guard has nothing to say when it is red"
    assert read_guards(write_guards([guard], folder)[0]) == (guard,), f"{entry.id()}: its guard is another one after writing and reading"
    healthy: SideName = "reference" if finding.side == "current" else "current"
    for name, green in ((finding.side, False), (healthy, True)):
        side = problem.case.side(name)
        if side is None and green:
            continue
        assert side is not None, f"{entry.id()}: a finding on the {name} side, which the case has not"
        laboratory = problem.laboratory
        if green and name == "reference":
            side = healthy_side(laboratory) or side
        opened = laboratory.model(name) or (laboratory.model("reference") if side.model is None else None)
        verdict = check(guard, side, measure=laboratory.metric, opened=opened)
        colour = "green" if green else "red"
        assert verdict.green == green, f"{entry.id()} at {finding.place}: the guard is not {colour} on the {name} side: {verdict.statement}"


def _looks(entry: Cause, case: Case, where: str) -> None:
    problem = Problem(
        case, Laboratory(case), "degradation", "It fell.", metric=case.metric, reference=0.9, current=0.7, change=-0.2, harm=0.2
    )
    try:
        look = entry.suspect(problem)
    except Exception as error:
        raise AssertionError(f"{entry.id()} {where}: {type(error).__name__}: {error}") from error
    speech(entry, look)


def _sentence(name: str, said: str) -> None:
    assert said.endswith("."), f"{name}: {said!r} has no full stop"
    assert re.search(r"\d", said), f"{name}: {said!r} has no number"
    assert COUNTED.search(said), f"{name}: {said!r} does not say its n"
    assert not re.search(r"\bnan\b", said), f"{name}: {said!r} says nan"


def _subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))


def _only(case: Case, left: set[str]) -> Case:
    sides = {}
    for name in SIDES:
        side = case.side(name)
        kept = {field: getattr(side, field) for field in EVIDENCE if side is not None and f"{name}.{field}" in left}
        sides[name] = Side(**kept)
    return replace(case, reference=sides["reference"], current=sides["current"])


def _shuffled(case: Case) -> Case:
    rng = np.random.default_rng(7)
    for name in SIDES:
        side = case.side(name)
        if side is None:
            continue
        for table_name in ("train", "validation"):
            table = side.table(table_name)
            if table is None:
                continue
            order = rng.permutation(table.n_rows)
            columns = [table.columns[i] for i in rng.permutation(len(table.columns))]
            side = replace(side, **{table_name: table.take(order).select(columns)})  # type: ignore[arg-type]
        case = case.with_side(name, side)
    return case


def _state(case: Case) -> tuple[object, ...]:
    out: list[object] = []
    for name in SIDES:
        side = case.side(name)
        for table_name in TABLES:
            table = side.table(table_name) if side else None  # type: ignore[arg-type]
            out.append(table.fingerprint if table else None)
        if side is not None:
            out.extend([repr(side.config), repr(side.metrics), repr(side.environment), repr(side.code)])
            out.append(side.model.fingerprint if side.model else None)
    return tuple(out)


def _bare(place: str) -> str:
    first, _, rest = place.partition(".")
    return rest if first in TABLES and rest else place


def _plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(_plain(v) for v in value)
    return value is None or isinstance(value, bool | int | float | str | np.integer | np.floating)
