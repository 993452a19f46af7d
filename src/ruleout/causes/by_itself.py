"""Tables that nothing can be held against: what is wrong with one by itself, for the pages that it concerns.

Only what is there for sure is said. A value far out of reach, one column in two units or a key that comes twice need no healthy table to
be seen; that a column drifted or a label is wrong is not to be known from one table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Case, TableName
from ruleout.causes.columns import finite, numbers, texts
from ruleout.causes.page import Finding, Look, pairs
from ruleout.problem.problem import Problem
from ruleout.statistics import by_itself
from ruleout.statistics.repeats import repeats, row_codes
from ruleout.statistics.stand_ins import is_customary
from ruleout.tables.table import Table

__all__ = [
    "Lone",
    "absurd",
    "empty",
    "holes",
    "lone_tables",
    "repeated_rows",
    "spellings",
    "stand_ins",
    "text_numbers",
    "two_units",
    "with_lone",
]

FEW_REPEATS, MANY_REPEATS = 0.01, 0.05
"""Share of rows that repeat another, from which they count: where a key says that they must not, and where nothing says so."""

BEYOND_CHANCE = 200.0
"""Times as many equal pairs as chance gives: coarse columns that depend on each other give fifty times as many by themselves."""

MOST_ROWS = 500_000
"""Rows in which repeats are looked for."""


@dataclass(frozen=True)
class Lone:
    """A table of the current side that is judged by itself; `place` says a column as the contract does."""

    name: TableName
    table: Table

    def place(self, column: str) -> str:
        """A column with its table in front."""
        return f"{self.name}.{column}"

    def features(self, case: Case, kind: str) -> tuple[str, ...]:
        """Features and target of one kind; what identifies a row, or says when, is none."""
        wanted = (*case.features(self.table), *([case.target] if case.target else []))
        return tuple(c for c in wanted if c in self.table and c not in (case.key, case.entity) and self.table.kind(c) == kind)


def lone_tables(case: Case) -> tuple[Lone, ...]:
    """The current side's tables without a healthy one of another side; a log that other tables can be held against is not alone."""
    held: list[Lone] = []
    paired = {pair.name for pair in pairs(case)}
    for name in ("train", "validation", "serving"):
        table = case.current.table(name)
        if table is None or table.n_rows == 0 or (case.reference is not None and case.reference.table(name) is not None):
            continue
        if name not in paired or (case.reference is None and name != "serving"):
            held.append(Lone(name, table))
    return tuple(held)


def two_units(case: Case, lone: Lone) -> Iterator[Finding]:
    """Numeric columns that are one population in two units."""
    for column in lone.features(case, "numeric"):
        found = by_itself.two_scales(numbers(lone.table, column))
        if found is None:
            continue
        n = found.n_low + found.n_high
        few, side = (found.n_low, "below") if found.n_low <= found.n_high else (found.n_high, "above")
        said = (
            f"{lone.place(column)}: two crowds a factor of {found.factor:g} apart, {few / n:.1%} of the values lying {side} "
            f"{found.cut:.6g}; with the factor undone they are one (Kolmogorov-Smirnov distance {found.distance:.3f}, n = "
            f"{found.n_low:,} and {found.n_high:,})."
        )
        sure = found.factor >= by_itself.SURE_FACTOR
        figures = {"factor": found.factor, "cut": found.cut, "share": few / n, "after": found.distance, "n": n}
        yield _finding(lone, column, 3.9 if sure else 2.2, said, figures, certain=sure)


def absurd(case: Case, lone: Lone) -> Iterator[Finding]:
    """Numeric columns of which a few values stand out of all reach of the others."""
    for column in lone.features(case, "numeric"):
        x = finite(numbers(lone.table, column))
        stand_in = by_itself.stand_in(x)
        low, high, p = by_itself.detached(x if stand_in is None else x[x != stand_in[0]])
        strange = x[(x <= low) | (x >= high)]
        if stand_in is not None:
            strange = strange[strange != stand_in[0]]
        if not len(strange):
            continue
        rest = x[(x > low) & (x < high)]
        worst = float(strange[np.argmax(np.abs(strange - np.median(rest)))])
        said = (
            f"{lone.place(column)}: {len(strange):,} of n = {len(x):,} values lie out of all reach of the others, as far as {worst:.6g}; "
            f"these range from {rest.min():.6g} to {rest.max():.6g} (p = {max(p, 1e-300):.0e})."
        )
        figures = {"n_outliers": len(strange), "share": len(strange) / len(x), "worst": worst, "low": float(rest.min()), "n": len(x)}
        figures["high"] = float(rest.max())
        customary = len(np.unique(strange)) == 1 and is_customary(float(strange[0]))
        yield _finding(lone, column, 2.5 if customary else 3.9, said, figures, certain=not customary, low=low, high=high)


def stand_ins(case: Case, lone: Lone) -> Iterator[Finding]:
    """Numeric columns in which one number outside the range of all others stands for null."""
    for column in lone.features(case, "numeric"):
        values = numbers(lone.table, column)
        found = by_itself.stand_in(values)
        if found is None:
            continue
        value, share = found
        rest = finite(values)
        rest = rest[rest != value]
        said = (
            f"{lone.place(column)}: {value:g} in {share:.1%} of the rows, outside the range of all other values, {rest.min():.6g} to "
            f"{rest.max():.6g}, n = {len(values):,}: it stands for null."
        )
        figures = {"rate": share, "usual": 0.0, "value": value, "n": len(values)}
        yield _finding(lone, column, 3.9, said, figures, certain=True, value=value, segment=None)


def empty(case: Case, lone: Lone) -> Iterator[Finding]:
    """Features without a single value."""
    if lone.table.n_rows < 50:
        return
    for column in (*case.features(lone.table), *([case.target] if case.target in lone.table.columns else [])):
        counted = lone.table.kind(str(column)) in ("numeric", "time")
        values = numbers(lone.table, str(column)) if counted else texts(lone.table, str(column))
        if not (np.isfinite(values).any() if counted else any(v is not None for v in values.tolist())):
            said = f"{lone.place(str(column))}: null in every one of n = {lone.table.n_rows:,} rows."
            figures = {"rate": 1.0, "usual": 0.0, "value": None, "n": lone.table.n_rows}
            yield _finding(lone, str(column), 3.5, said, figures, certain=True, value=None, segment=None)


def repeated_rows(case: Case, lone: Lone) -> Iterator[Finding]:
    """A table whose key comes more than once, or whose rows stand twice more often than its coarse columns explain."""
    table = lone.table if lone.table.n_rows <= MOST_ROWS else lone.table.take(np.arange(MOST_ROWS))
    n = table.n_rows
    if n < 50 or lone.name == "serving":
        return  # Two requests may well be alike.
    found = by_itself.repeated([_values(table, c) for c in table.columns])
    whole = found.n_pairs > BEYOND_CHANCE * found.chance + 10
    by_key = int(repeats(row_codes([_values(table, case.key)])).sum()) if case.key is not None and case.key in table else None
    if by_key is not None and by_key >= FEW_REPEATS * n:
        same = found.n_again if whole else 0
        if case.key == case.entity or (same < 0.5 * by_key and by_key > 0.3 * n):
            return  # A key that comes again and again with other values numbers things, not rows.
        said = (
            f"{lone.name}: {by_key:,} of n = {n:,} rows ({by_key / n:.1%}) bear a key, {case.key}, that an earlier row bears; "
            f"{same:,} of them are the same in every column."
        )
        yield _repeats(lone, by_key, n, said, found.chance, (str(case.key),), certain=same >= 0.5 * by_key)
    elif by_key is None and whole and found.n_again >= MANY_REPEATS * n:
        said = (
            f"{lone.name}: {found.n_again:,} of n = {n:,} rows ({found.n_again / n:.1%}) repeat an earlier one in every column; "
            f"{found.n_pairs:,.0f} pairs of rows are equal, {found.chance:,.1f} expected from the columns' coarseness."
        )
        yield _repeats(lone, found.n_again, n, said, found.chance, table.columns, certain=True)


def spellings(case: Case, lone: Lone) -> Iterator[Finding]:
    """Text columns that spell one value in several ways: upper and lower case, spaces, underscores."""
    for column in lone.features(case, "category"):
        counts = Counter(v for v in texts(lone.table, column).tolist() if v is not None)
        if len(counts) > 500:
            continue
        forms: dict[str, list[str]] = {}
        for level in counts:
            forms.setdefault(re.sub(r"[\s_]+", " ", level.strip().casefold()), []).append(level)
        twice = [sorted(levels, key=lambda v: -counts[v]) for form, levels in forms.items() if len(levels) > 1 and len(form) > 1]
        n, n_other = sum(counts.values()), sum(counts[v] for levels in twice for v in levels[1:])
        if n_other < max(10, 0.01 * n):
            continue
        first = max(twice, key=lambda levels: counts[levels[1]])
        said = (
            f"{lone.place(column)}: {n_other:,} of n = {n:,} values ({n_other / n:.1%}) spell a value otherwise than most rows do, "
            f"{first[1]!r} for {first[0]!r}."
        )
        names = {v: levels[0] for levels in twice for v in levels[1:]}
        figures = {"share": n_other / n, "names": names, "n": n}
        yield _finding(lone, column, 3.4, said, figures, certain=True, names=names, lost=(), counts=dict(counts))


def text_numbers(case: Case, lone: Lone) -> Iterator[Finding]:
    """Text columns that hold decimal numbers, with a comma, a unit or a stray word among them."""
    for column in lone.features(case, "category"):
        known = [v for v in texts(lone.table, column).tolist() if v is not None]
        decimal = [v for v in known if re.fullmatch(r"\D{0,4}[+-]?[\d ']*\d[.,]\d+\s*\D{0,6}", v.strip())]
        if len(known) < 50 or len(decimal) < 0.8 * len(known) or len(set(decimal)) < 20:
            continue
        said = (
            f"{lone.place(column)}: {len(decimal):,} of n = {len(known):,} values are numbers written as text, like {decimal[0]!r}; "
            f"a number was expected."
        )
        figures = {"share": len(decimal) / len(known), "n": len(known)}
        yield _finding(lone, column, 3.2, said, figures, certain=True, what="retyped")


def holes(case: Case, lone: Lone) -> Iterator[Finding]:
    """A stretch of the time, or of a column that counts evenly, in which no row lies although many were to be expected."""
    for column in dict.fromkeys((*([case.time] if case.time else []), *lone.features(case, "time"), *lone.features(case, "numeric"))):
        if column not in lone.table or lone.table.kind(column) not in ("time", "numeric"):
            continue
        dated = lone.table.kind(column) == "time"
        found = (by_itself.unwatched if dated else by_itself.absent_steps)(numbers(lone.table, column))
        if found is None:
            continue
        first, last = (str(np.datetime64(int(v), "s"))[:10] if dated else f"{v:g}" for v in found[:2])
        said = (
            f"{lone.place(column)}: no row between {first} and {last}, where {found[2]:,.0f} were to be expected by what lies around, "
            f"n = {lone.table.n_rows:,}."
        )
        figures = {"column": column, "low": found[0], "high": found[1], "expected": found[2], "n": lone.table.n_rows}
        # One value of a count may be absent by its nature, several in a row are gone.
        sure = dated or found[1] - found[0] > 2
        yield _finding(lone, column, 3.0 if sure else 2.0, said, figures, certain=sure)


def with_lone(problem: Problem, look: Look, find: Callable[[Case, Lone], Iterator[Finding]], power: float, healthy: str) -> Look:
    """A look at pairs of tables, with what is found in tables by themselves at places that it has not told.

    Parameters
    ----------
    find
        One of the functions above.
    power
        How surely the fault, in any of its forms, shows in a table by itself.
    healthy
        What is said where nothing was found and nothing could be held against anything.
    """
    lone = lone_tables(problem.case)
    told = {f.place for f in look.findings}
    further = [f for one in lone for f in find(problem.case, one) if f.place not in told]
    if further:
        covers = tuple(dict.fromkeys((*look.covers, *(f.component for f in further))))
        return Look(tuple(sorted((*look.findings, *further), key=lambda f: -f.evidence)), look.power, "", covers)
    if look.findings or look.covers or not lone:
        return look
    names = " and ".join(one.name for one in lone)
    return Look((), power, f"{names} by itself: {healthy}, n = {lone[0].table.n_rows:,}.", tuple(one.name for one in lone))


def _values(table: Table, column: str) -> np.ndarray:
    return table.numbers(column) if table.kind(column) in ("numeric", "time") else table.texts(column)


def _repeats(lone: Lone, n_again: int, n: int, said: str, chance: float, columns: tuple[str, ...], *, certain: bool) -> Finding:
    figures = {"repeats": n_again, "share": n_again / n, "expected": chance, "n": n}
    repair = {"table": lone.name, "columns": columns}
    return Finding(lone.name, lone.name, 3.9 if certain else 3.0, said, figures, repair, specificity=0.9, certain=certain)


def _finding(lone: Lone, column: str, evidence: float, said: str, figures: Mapping[str, Any], *, certain: bool, **repair: Any) -> Finding:
    told = {"table": lone.name, "column": column, **repair}
    return Finding(lone.place(column), lone.name, evidence, said, figures, told, specificity=0.8, certain=certain)
