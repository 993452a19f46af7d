"""data.missing-values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import Lone, empty, stand_ins, with_lone
from ruleout.causes.casts import cast_columns
from ruleout.causes.columns import (
    borrowed,
    bounded,
    category_columns,
    finite,
    numbers,
    numeric_columns,
    pair_of,
    put_values,
    sampled,
    texts,
)
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.quantiles import detection_power, ks_critical, ks_distance, proportion_z
from ruleout.statistics.spelling import NULL_WORDS
from ruleout.statistics.stand_ins import is_customary
from ruleout.tables.table import Table

FLOOR = 0.02
Z = 5.0
FEW = 0.05
SAME_ROWS = 0.02
"""Part of the rows lacking one column that may hold another for the two to have been lost together."""


class MissingValues(Cause):
    """Values of a column are missing where they were not before: nulls, or one value that stands for null.

    What goes wrong
    ---------------
    A column has lost values. They come as null, as -999, 0, "" or "unknown", or as the mean or median that an earlier stage put in their
    place. The model learns from, or is asked about, a value that means "not known" as if it were one.

    Why it happens
    --------------
    A source was late, a join no longer finds its key, a sensor or a form field was switched off, an imputation moved upstream.

    What you see
    ------------
    The null rate of a column, or the share of one exact value, has jumped, often in one segment; the rest of the column looks as it did.

    How it is tested
    ----------------
    Null rates by the two-proportion z test: at least 5 standard errors and 2 points up. Then, for each numeric column, the value whose
    share rose most: it stands for null if it was ten times rarer before (or is the healthy mean or median and three times rarer), rose by 2
    points, or is a customary stand-in outside the healthy range, and if without it the rest of the column lies within a Kolmogorov-Smirnov
    distance of 0.15 of the healthy rest.

    In text, the customary words for null.

    A table by itself shows columns without any value, and a customary stand-in outside the range of all else; how many nulls are usual it
    does not tell.

    What would rule it out
    ----------------------
    No column's null rate, and no one value's share, rose by 2 points, in tables large enough to show it.

    How it is fixed
    ---------------
    Restore the source of the column and rebuild the table. Until then, mark the stand-in as null, so that the model's own imputation
    sees it.

    How it stays fixed
    ------------------
    Hold every column's null rate, stand-ins counted, against its healthy rate before a table is used.

    Told apart from
    ---------------
    `pipeline.feature-availability`: wholly empty or constant at serving only. `data.outliers`: many absurd values, not one.
    `data.missing-partition`: whole rows are gone. `data.unit-change`: every value moved.

    References
    ----------
    Little, Rubin (2019), Statistical analysis with missing data. Andridge, Little (2010), A review of hot deck imputation.
    """

    needs = (("current.train",), ("current.validation",), ("current.serving",))
    cost = 0.2
    imputes = True
    columns_alone = True

    def suspect(self, problem: Problem) -> Look:
        """Compare null rates, and the shares of single values, column by column."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, n_columns = 1.0, 0
        # One number for all that a cast to few bits makes alike stands for no null.
        cast = {c.place for c in cast_columns(problem.case)} if problem.situation == "retraining" else set()
        for pair in pairs(problem.case):
            covers.append(pair.name)
            n, m = min(pair.suspect.n_rows, 20_000), min(pair.yardstick.n_rows, 20_000)
            power = min(power, detection_power(0.05, FLOOR, n, m))
            for column, values, healthy in _columns(problem.case, pair):
                n_columns += 1
                stand_in = _nulls(values, healthy) or (_number(values, healthy) if values.dtype != object else _word(values, healthy))
                if stand_in is None or pair.place(column) in cast:
                    continue
                rate, usual, value = stand_in
                if pair.name == "serving" and rate > 0.95:
                    continue
                if not _follows_target(problem.case, pair, column, value):
                    found.append(_finding(problem.case, pair, column, value=value, rate=rate, usual=usual))
            found = _companions(pair, found)
        found.sort(key=lambda f: -f.evidence)
        said = f"{n_columns} columns: no null rate and no one value's share rose by {FLOOR:.0%} (two-proportion z of {Z:g})."
        look = Look(tuple(found), power if n_columns else 0.0, "" if found else said, tuple(covers))
        return with_lone(problem, look, _alone, 0.5, "no column is empty, and no number out of range stands for null")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Give the rows that lack it a value from the healthy row most like them (hot deck), so that its relation to the rest returns."""
        pair = pair_of(case, finding)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        rows = _rows(pair.suspect, column, finding.repair["value"])
        taken = borrowed(case, pair, column, rows, without=finding.repair.get("companions", ()))
        if taken is None:
            return None
        numeric = pair.suspect.kind(column) == "numeric"
        values = pair.suspect.numbers(column) if numeric else pair.suspect.values(column)
        values[rows] = taken
        return case.with_table(pair.side, pair.name, put_values(pair.suspect, column, values, pair.yardstick))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Blank the same share of the reference's column, in the same segment where one was found."""
        name, column = finding.repair["table"], str(finding.repair["column"])
        table = case.reference.table(name) if case.reference else None
        if table is None or column not in table:
            return None
        by, level, within = finding.repair["segment"] or (None, None, None)
        inside = table.texts(by) == level if by and by in table else np.ones(table.n_rows, dtype=bool)
        rng = np.random.default_rng(0)
        rate = float(finding.figures["rate"]) - float(finding.figures["usual"]) if within is None else within
        rows = inside & (rng.random(table.n_rows) < rate)
        numeric = table.kind(column) == "numeric"
        values = table.numbers(column) if numeric else table.values(column)
        value = finding.repair["value"]
        values[rows] = (np.nan if numeric else None) if value is None else value
        return case.with_table("reference", name, put_values(table, column, values))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of nulls and stand-ins, halfway between healthy and broken."""
        value = finding.repair["value"]
        stand_in = [] if value is None else [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)]
        most = (float(finding.figures["rate"]) + float(finding.figures["usual"])) / 2
        parameters = {"column": finding.repair["column"], "max_rate": round(most, 4), "sentinels": stand_in}
        return Guard(self.id(), finding.place, "max_null_rate", str(finding.repair["table"]), parameters, f"{finding.place} lacks values.")


def _companions(pair: Pair, found: list[Finding]) -> list[Finding]:
    """The findings of a table, each told which columns are missing in the same rows: they were lost together and come back together.

    Rows then get all of these columns from one healthy row; each from another, they would agree with the target and not with each other.
    """
    mine = [f for f in found if f.repair["table"] == pair.name and f.side == pair.side]
    rows = {f.place: _rows(sampled(pair.suspect), str(f.repair["column"]), f.repair["value"]) for f in mine}
    out = []
    for finding in found:
        near = rows.get(finding.place)
        alike = [f for f in mine if near is not None and f is not finding and np.mean(rows[f.place] != near) <= SAME_ROWS * near.mean()]
        columns = tuple(str(f.repair["column"]) for f in alike)
        out.append(replace(finding, repair={**finding.repair, "companions": columns}) if columns else finding)
    return out


def _alone(case: Case, lone: Lone) -> Iterator[Finding]:
    yield from stand_ins(case, lone)
    yield from empty(case, lone)


def _columns(case: Case, pair: Pair) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for column in numeric_columns(case, pair):
        yield column, numbers(pair.suspect, column), numbers(pair.yardstick, column)
    for column in category_columns(case, pair):
        yield column, texts(pair.suspect, column), texts(pair.yardstick, column)
    # A column that is empty may have lost its type as well.
    for column in case.features(pair.suspect):
        if column in pair.yardstick and pair.suspect.kind(column) == "other" and pair.yardstick.kind(column) in ("numeric", "category"):
            yield column, texts(pair.suspect, column), texts(pair.yardstick, column)


def _nulls(values: np.ndarray, healthy: np.ndarray) -> tuple[float, float, None] | None:
    mine, theirs = _empty(values), _empty(healthy)
    rate, usual = float(mine.mean()) if len(mine) else 0.0, float(theirs.mean()) if len(theirs) else 0.0
    return (rate, usual, None) if rate - usual >= FLOOR and proportion_z(mine.sum(), len(mine), theirs.sum(), len(theirs)) > Z else None


def _empty(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values) if values.dtype != object else np.array([v is None for v in values.tolist()], dtype=bool)


def _number(values: np.ndarray, healthy: np.ndarray) -> tuple[float, float, float] | None:
    x, y = finite(values), finite(healthy)
    if len(x) < 50 or len(y) < 50:
        return None
    levels, counts = np.unique(x, return_counts=True)
    known, usual_counts = np.unique(y, return_counts=True)
    at = np.clip(np.searchsorted(known, levels), 0, len(known) - 1)
    usual = np.where(known[at] == levels, usual_counts[at] / len(y), 0.0)
    rise = counts / len(x) - usual
    i = int(np.argmax(rise))
    value, rate, before = float(levels[i]), float(counts[i] / len(x)), float(usual[i])
    outside = value < y.min() or value > y.max()
    if outside and not is_customary(value) and rate <= FEW:
        # An absurd value that nobody writes for an unknown one is data.outliers while a few rows hold it; a mass of them stands for null.
        return None
    middle = len(known) > 20 and min(abs(value - np.mean(y)), abs(value - np.median(y))) < 0.05 * np.std(y) and rate > 3 * before
    # Where nulls went as the value came, the table was only imputed.
    if _empty(healthy).mean() - _empty(values).mean() > 0.5 * rise[i]:
        return None
    enough = rise[i] >= FLOOR or (outside and rise[i] >= FLOOR / 4 and counts[i] >= 10)
    if (
        not enough
        or not (outside or middle or rate > 10 * before)
        or proportion_z(counts[i], len(x), before * len(y), len(y)) < (3 if outside else Z)
    ):
        return None
    rest, healthy_rest = x[x != value], y[y != value]
    if rate > 0.98:
        return rate, before, value
    if ks_distance(rest, healthy_rest) > max(0.15, ks_critical(len(rest), len(healthy_rest), 1e-4)):
        return None
    return rate, before, value


def _word(values: np.ndarray, healthy: np.ndarray) -> tuple[float, float, str] | None:
    best: tuple[float, float, str] | None = None
    spelled = {v.strip().casefold() for v in healthy.tolist() if v is not None}
    words = {v for v in values.tolist() if v is not None and v.strip().casefold() in NULL_WORDS}
    for word in sorted(words):
        if word.strip().casefold() in spelled and not np.any(healthy == word):
            continue  # A level of the healthy table, spelled otherwise.
        mine, theirs = int(np.sum(values == word)), int(np.sum(healthy == word))
        rate, usual = mine / len(values), theirs / max(1, len(healthy))
        if (
            rate - usual >= FLOOR
            and proportion_z(mine, len(values), theirs, len(healthy)) > Z
            and (best is None or rate - usual > best[0] - best[1])
        ):
            best = rate, usual, word
    return best


def _rows(table: Table, column: str, value: float | str | None) -> np.ndarray:
    values = table.numbers(column) if table.kind(column) == "numeric" else table.texts(column)
    return _empty(values) if value is None else np.asarray(values == value)


def _follows_target(case: Case, pair: Pair, column: str, value: float | str | None) -> bool:
    """Whether the new mix of classes alone explains most of the rise: within each class the rate is what it was."""
    if case.task != "classification" or not case.target or case.target == column:
        return False
    if case.target not in pair.suspect or case.target not in pair.yardstick:
        return False
    mine, theirs = (_rows(sampled(t), column, value) for t in (pair.suspect, pair.yardstick))
    labels, healthy = texts(pair.suspect, case.target).astype(str), texts(pair.yardstick, case.target).astype(str)
    rates = {v: float(theirs[healthy == v].mean()) for v in set(healthy.tolist())}
    expected = float(np.mean([rates.get(v, theirs.mean()) for v in labels.tolist()]))
    return bool(expected - theirs.mean() > 0.5 * (mine.mean() - theirs.mean()))


def _segment(case: Case, pair: Pair, column: str, rows: np.ndarray) -> tuple[str, str, float] | None:
    """The level of another column that holds (nearly) all of the rows, while few rows of the other levels lack the value."""
    for by in (*category_columns(case, pair), *([case.target] if case.task == "classification" and case.target else [])):
        if by == column or by not in pair.suspect:
            continue
        levels = texts(pair.suspect, by)
        for level in {v for v in levels[rows].tolist() if v is not None}:
            inside = levels == level
            if (
                inside.mean() < 0.9
                and rows[inside].sum() > 0.9 * rows.sum()
                and rows[inside].mean() > 2 * rows.mean() / max(inside.mean() * 2, 1)
            ):
                return by, level, float(rows[inside].mean())
    return None


def _finding(case: Case, pair: Pair, column: str, *, value: float | str | None, rate: float, usual: float) -> Finding:
    rows = _rows(sampled(pair.suspect), column, value)
    segment = _segment(case, pair, column, rows)
    what = "null" if value is None else f"{value!r}" if isinstance(value, str) else f"{value:g}"
    where = f", nearly all where {segment[0]} is {segment[1]}" if segment else ""
    n, m = len(rows), sampled(pair.yardstick).n_rows
    said = f"{pair.place(column)}: {what} in {rate:.1%} of the rows{where}, {usual:.1%} in the healthy table (n = {n:,} and {m:,})."
    figures = {"rate": rate, "usual": usual, "value": value, "n": n}
    repair = {"table": pair.name, "column": column, "value": value, "segment": segment}
    # A rate that was high already and rises by less than half again may be drift.
    evidence = 1.5 if rate < 1.5 * usual else 3.9 if rate - usual > 0.05 else 3.0
    return Finding(pair.place(column), pair.name, bounded(evidence), said, figures, repair, pair.side, 0.8)
