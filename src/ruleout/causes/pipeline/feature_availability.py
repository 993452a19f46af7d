"""The page on features that are not there at serving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import Answers, Change, answers_of, between, replayed
from ruleout.causes.beside import beside
from ruleout.causes.calendar import by_calendar
from ruleout.causes.changes import constant
from ruleout.causes.columns import bounded, finite, put_values, sampled, texts
from ruleout.causes.comparison import compare
from ruleout.causes.page import Cause, Finding, Look, Pair, pairs
from ruleout.causes.parts import Part, part_of
from ruleout.causes.prepared import prepared
from ruleout.causes.released import null_words
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.matching import hot_deck
from ruleout.statistics.spelling import name_likeness
from ruleout.tables.table import Table

__all__ = ["FeatureAvailability"]

MOST = 0.8
"""Share of the logged rows in which one value (or none) must stand."""

HEALTHY = 0.6
"""And no more than this share in the healthy table."""


class FeatureAvailability(Cause):
    """A feature that the model learned from is absent, constant or defaulted when it serves.

    What goes wrong
    ---------------
    At the moment of the request the value is not known yet, or the service cannot reach what knows it. The model gets null, zero, a
    mean or the last known constant, in every row or nearly, and answers as if that were so.

    Why it happens
    --------------
    The training table was filled afterwards, when everything was known; a feature store has no entry for new keys; a timeout falls
    back to a default; a source was switched off.

    What you see
    ------------
    A column of the log that says the same in most rows while it varies in training, and answers that crowd together.

    How it is tested
    ----------------
    For each column the share of nulls and of the commonest value in the log is held against the healthy table's: it is a finding from 80 %
    in the log and at most 60 % in the healthy table, with the binomial log likelihood ratio as evidence; or where it stands in 95 % of a
    stretch of the log, or of the rows of one level of another column, and elsewhere as often as in health.

    Where the log looks right but answers do not follow, the artifact is asked with each column as null, 0, the healthy mean, median or
    commonest value; what reproduces the logged answers is the finding.

    It is put right by the row's value of the same key, else by that of the likeliest healthy row (hot deck, Andridge and Little 2010).

    What would rule it out
    ----------------------
    Columns that vary in the log as they do in training.

    How it is fixed
    ---------------
    Bring the value to the service in time, or train without the column: a feature that is not there at serving is none.

    How it stays fixed
    ------------------
    Log the features as received, and alarm on the share of nulls and of the commonest value by column; train from logged features.

    Told apart from
    ---------------
    data.missing-values, where a part of the rows is null. data.schema-mismatch, where the column goes by another name.
    pipeline.temporal-misalignment, where an older value stands there. data.label-leakage, where it should never have been a feature.

    References
    ----------
    Andridge and Little (2010), A review of hot deck imputation, International Statistical Review 78. Zinkevich (2017), Rules of
    machine learning, rule 29.
    """

    needs = (
        ("reference.validation", "current.serving"),
        ("reference.train", "current.serving"),
        ("current.train", "current.serving"),
        ("current.validation", "current.serving"),
    )
    cost = 0.1
    gives_way_to = ("pipeline.code",)

    def suspect(self, problem: Problem) -> Look:
        """Look for columns that say the same in most logged rows, in the log and between the log and the answers."""
        if problem.situation not in ("serving", "environment"):
            return Look(statement="serving: no logged answers, so no feature was looked for, n = 0 rows.")
        pair = next((p for p in pairs(problem.case) if p.name == "serving"), None)
        if pair is None:
            return Look(statement="serving: no healthy table to hold the log against, n = 0 rows.")
        found = list(_flat(problem, pair))
        answers = answers_of(problem)
        if not found and answers is not None and not answers.follow:
            reference = problem.case.reference
            tables = [pair.yardstick, *([reference.train] if reference is not None and reference.train is not None else [])]
            found = list(_defaulted(answers, tables))
        if found:
            return Look(tuple(sorted(found, key=lambda f: -f.evidence)), 0.97, covers=("serving",))
        n_columns = len(problem.case.features(pair.suspect))
        said = f"serving: each of {n_columns} features varies as in the healthy {pair.yardstick.name} table, n = {pair.suspect.n_rows:,}."
        return Look((), 0.97 if answers is None or answers.follow else 0.85, said, ("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The column's values as the same row, or the likeliest healthy one, has them; or the artifact's own answers."""
        if finding.repair.get("replay"):
            return replayed(case, finding.side)
        pair = next((p for p in pairs(case) if p.name == "serving" and p.side == finding.side), None)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.yardstick:
            return None
        values = _likeliest(case, pair, column, tuple(finding.repair["flat"]))
        if values is None:
            return None
        if column in pair.suspect:
            keep = _present(pair.suspect, column, finding.repair["value"])
            if "rows" in finding.repair and len(keep) == len(finding.repair["rows"]):
                keep |= ~finding.repair["rows"]
            own = (
                pair.suspect.numbers(column)
                if values.dtype != object and pair.suspect.kind(column) == "numeric"
                else pair.suspect.values(column)
            )
            values = np.where(keep, own, values) if keep.any() else values
        return case.with_table(pair.side, "serving", put_values(pair.suspect, column, values, pair.yardstick))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of nulls, or of the value that stands in for all, halfway between healthy and broken."""
        column, value = finding.repair.get("column"), finding.repair.get("value")
        share, was = finding.figures.get("share"), finding.figures.get("healthy_share")
        if column is None or share is None or was is None or finding.figures.get("absent"):
            return None
        middle = (float(share) + float(was)) / 2
        if value is None:
            return Guard(
                self.id(),
                finding.place,
                "max_null_rate",
                "serving",
                {"column": column, "max_rate": middle},
                f"{finding.place} is not there.",
            )
        given = {"column": column, "value": value, "low": 0.0, "high": middle}
        return Guard(self.id(), finding.place, "value_share", "serving", given, f"{finding.place} says the same in most rows.")


def _flat(problem: Problem, pair: Pair) -> Iterator[Finding]:
    case = problem.case
    flat: list[tuple[str, str | None, float, float]] = []
    n = sampled(pair.suspect).n_rows
    # Coarser or limited values crowd together as well, and are not gone.
    elsewise = {p.column for p in prepared(case, pair)} | _words_for_null(case)
    new = [c for c in case.features(pair.suspect) if c not in pair.yardstick]
    for column in case.features(pair.yardstick):
        if pair.yardstick.kind(column) not in ("numeric", "category"):
            continue
        if column not in pair.suspect:
            if not any(name_likeness(c, column) > 0.6 for c in new):
                flat.append((column, None, 1.0, _share(pair.yardstick, column, None)))
            continue
        value, share = _commonest(pair.suspect, column)
        was = _share(pair.yardstick, column, value)
        if value is not None and was == 0.0 and pair.suspect.kind(column) == "category":
            # A name that nobody knows may be a new one for what was as common: it varies as it did.
            was = _commonest(pair.yardstick, column)[1]
        if column in elsewise or by_calendar(case, pair, column):
            continue
        if share >= MOST and was <= HEALTHY:
            flat.append((column, value, share, was))
    names = tuple(c for c, *_ in flat)
    yield from _in_part(case, pair, (*names, *elsewise))
    for column, value, share, was in flat:
        absent = column not in pair.suspect
        says = "absent from the log" if absent else f"{'null' if value is None else value} in {share:.1%} of n = {n:,} logged rows"
        said = f"serving.{column}: {says}, in {was:.1%} of {pair.yardstick.name}'s {sampled(pair.yardstick).n_rows:,} rows."
        p, q = min(share, 1 - 0.5 / n), min(max(was, 0.5 / n), 0.99)
        ratio = n * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
        figures = {"value": value, "share": share, "healthy_share": was, "absent": absent}
        repair = {"table": "serving", "column": column, "value": value, "flat": names}
        yield Finding(f"serving.{column}", "serving", bounded(float(ratio)), said, figures, repair, pair.side, 1.0)


def _in_part(case: Case, pair: Pair, without: tuple[str, ...]) -> Iterator[Finding]:
    """Columns that say the same throughout a stretch of the log, or wherever another column has one level, and vary elsewhere."""
    found: list[tuple[str, Part]] = []
    for column in case.features(pair.yardstick):
        if column in without or column not in pair.suspect or pair.yardstick.kind(column) not in ("numeric", "category"):
            continue
        if by_calendar(case, pair, column):
            continue
        part = part_of(case, pair, column)
        if part is not None:
            found.append((column, part))
    names = tuple(c for c, _ in found)
    for column, part in found:
        what = "null" if part.value is None else part.value
        said = (
            f"serving.{column}: {what} in {part.inside:.1%} of the {int(part.rows.sum()):,} rows {part.words} and in {part.outside:.1%}"
            f" of the others (n = {pair.suspect.n_rows:,}), in {part.usual:.1%} of {pair.yardstick.name}'s {pair.yardstick.n_rows:,} rows."
        )
        share = float(part.inside * part.rows.mean() + part.outside * (1 - part.rows.mean()))
        figures = {"value": part.value, "share": share, "healthy_share": part.usual, "absent": False, "part": part.words}
        repair = {"table": "serving", "column": column, "value": part.value, "flat": names, "rows": part.rows}
        yield Finding(f"serving.{column}", "serving", 3.9, said, figures, repair, pair.side, 1.0)


def _words_for_null(case: Case) -> set[str]:
    """Columns that are null in one log of the same rows where the other log has a word for null: they were as absent there."""
    rows = beside(case)
    return set() if rows is None else {c for c in rows.unlike if null_words(rows, c)}


def _commonest(table: Table, column: str) -> tuple[str | None, float]:
    values = texts(table, column)
    known, counts = np.unique(np.array(["\0null" if v is None else v for v in values.tolist()], dtype=str), return_counts=True)
    at = int(np.argmax(counts)) if len(counts) else 0
    if not len(counts):
        return None, 0.0
    return (None if known[at] == "\0null" else str(known[at])), float(counts[at] / counts.sum())


def _share(table: Table, column: str, value: str | None) -> float:
    values = texts(table, column)
    return float(np.mean([v == value for v in values.tolist()])) if len(values) else 0.0


def _present(table: Table, column: str, value: str | None) -> np.ndarray:
    return np.array([v is not None and v != value for v in table.texts(column).tolist()], dtype=bool)


def _likeliest(case: Case, pair: Pair, column: str, flat: tuple[str, ...]) -> np.ndarray | None:
    """For every logged row the column's value of the same key in a healthy table, else of the healthy row most like it."""
    wanted = (*case.features(pair.suspect), *([case.target] if case.target else []))
    matched = [
        c
        for c in wanted
        if c not in flat
        and c != column
        and c in pair.suspect
        and c in pair.yardstick
        and pair.suspect.kind(c) == pair.yardstick.kind(c)
        and pair.suspect.kind(c) in ("numeric", "category")
    ]
    if not matched:
        return None
    donors = sampled(pair.yardstick)
    filled = donors.filter(np.array([v is not None for v in donors.texts(column).tolist()], dtype=bool))
    if not filled.n_rows:
        return None
    arrays = [[t.numbers(c) if t.kind(c) == "numeric" else t.texts(c) for c in matched] for t in (pair.suspect, filled)]
    weights = [2.0 if c == case.target else 1.0 for c in matched]
    chosen = hot_deck(arrays[0], arrays[1], rng=np.random.default_rng(0), weights=weights)
    source = filled.numbers(column) if filled.kind(column) == "numeric" else filled.values(column)
    values: np.ndarray = source[chosen]
    if case.key and case.key in pair.suspect and case.key in pair.yardstick:
        mine, theirs = compare(case, pair).joined
        whole = pair.yardstick.numbers(column) if pair.yardstick.kind(column) == "numeric" else pair.yardstick.values(column)
        if len(mine) and pair.suspect.n_rows == sampled(pair.suspect).n_rows:
            values[mine] = whole[theirs]
    return values


def _defaulted(answers: Answers, tables: Sequence[Table]) -> Iterator[Finding]:
    """Columns that are right in the log and were one value for the model."""
    changes: list[Change] = []
    for column in answers.features:
        kind = answers.log.kind(column)
        if kind == "numeric":
            changes += [
                constant(column, None, f"{column} as null"),
                constant(column, 0.0, f"{column} as 0"),
                constant(column, -1.0, f"{column} as -1"),
            ]
            for healthy in tables:
                known = finite(healthy.numbers(column)) if column in healthy and healthy.kind(column) == "numeric" else np.empty(0)
                if not len(known):
                    continue
                values = {"mean": float(known.mean()), "median": float(np.median(known)), "commonest value": _most(known)}
                changes += [constant(column, value, f"{column} as the {what} of {healthy.name}") for what, value in values.items()]
        elif kind == "category" and str(answers.log.schema.field(column).type) != "bool":
            changes.append(constant(column, None, f"{column} as null"))
            levels = sorted({v for v in texts(tables[0] if column in tables[0] else answers.log, column).tolist() if v is not None})[:15]
            changes += [constant(column, level, f'{column} as "{level}"') for level in [*levels, "", "unknown"]]
    found = answers.search(changes, rounds=4)
    if found is None:
        return
    evidence, specificity = answers.evidence(found.told), 1.0
    spelled = {c for c in answers.features if answers.log.kind(c) == "category"}
    if len(found.columns) > 1 and spelled <= set(found.columns) and all(c in spelled for c in found.columns):
        # All texts lost at once: another spelling on the way to the model makes them as unknown to it.
        evidence, specificity = min(evidence, 1.5), 0.5
    if not answers.exact:
        # Each further column is chosen among many, and a constant drives a model to one class as well as any other fault does.
        evidence -= 0.4 * (len(found.changes) - 1) + 1.0 * answers.crowded
    for column in found.columns:
        said = f"serving.{column}: with {found.words} {answers.said_rate(found.told)}, so the model never got the logged values."
        yield between(
            f"serving.{column}",
            evidence,
            said,
            {"changes": [c.words for c in found.changes], "rate": found.told.rate},
            specificity=specificity,
        )


def _most(values: np.ndarray) -> float:
    known, counts = np.unique(values, return_counts=True)
    return float(known[np.argmax(counts)])
