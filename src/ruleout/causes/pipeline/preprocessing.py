"""The page on features that are prepared otherwise than in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import Answers, Change, answers_of, between, follows, replayed
from ruleout.causes.beside import Beside, beside, taken_back
from ruleout.causes.centred import as_the_other, centred_columns
from ruleout.causes.changes import numbers_changed, texts_changed
from ruleout.causes.columns import finite
from ruleout.causes.cycles import turned, turns
from ruleout.causes.nulls_between import nulls_between
from ruleout.causes.own_time import as_its_time_says, told_by_time
from ruleout.causes.page import Cause, Finding, Look, pairs
from ruleout.causes.prepared import prepared_columns, unprepared
from ruleout.causes.stretches import Stretch, stretch_of
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Preprocessing"]

MOST_COLUMNS = 40

FEW_LEVELS = 3
"""Levels of a column, at most, that one rule treats otherwise."""


class Preprocessing(Cause):
    """Training and inference prepare the features differently: nulls, case, rounding, limits, logarithms.

    What goes wrong
    ---------------
    A step between the raw row and the model is done on one side and not, or otherwise, on the other.

    Why it happens
    --------------
    The step lives in a notebook and again in a service, written twice; one language fills a null with zero where the other keeps it;
    text is trimmed or lowered in one place; a logarithm or a limit is forgotten.

    What you see
    ------------
    The logged features are right and the answers do not follow from them; or the same row has other features in two environments.

    How it is tested
    ----------------
    Do the answers follow from the logged features? If not, the artifact answers them again, prepared in some two dozen other ways, in all
    columns at once and in each alone. Nulls: as 0, -1, -999, the mean, the median, the commonest or an empty text; zeros as nulls. Text:
    lowered, raised, trimmed, cut. Numbers: rounded, cut to whole ones, limited to the healthy 1 to 99 %, made positive, as logarithm, root
    or square, times a power of ten, one more or one less, without decimal points (another locale), hours, weekdays and months turned round
    their cycle (another zone). The way that reproduces the logged answers is the finding; up to four are tried together. Where none does,
    the rows that do not follow are held against the nulls and levels of each column: where they all stand with one, that column is the
    place.

    If they do follow, the step may have been taken before the log was written. A column that says the hour, minute, weekday or month of the
    row's own time in 199 of 200 healthy rows, and something else in a fiftieth of the log's, was made by another clock, and its time says
    what it should be. Each logged column is held against the healthy one, prepared
    as the log looks: rounded to its grid, limited where it heaps up, filled where nulls or a level are gone, turned by hours of the day. A
    column is a finding if a quarter or less of the distance between the two is left (Kolmogorov-Smirnov for numbers, total variation for
    text).

    Where two environments logged the same rows, the columns that differ are the places, unless something more exact explains them. A
    column that differs in just the rows that are null in one of the logs is exact by itself: there its nulls became a value.

    After a retraining a column that is centred on 0 on one side only is held against the other side's less its groups' means, for
    each column that puts rows into groups.

    What would rule it out
    ----------------------
    Answers that follow from the logged features, and features that are the same in both environments.

    How it is fixed
    ---------------
    Prepare features in one piece of code that training and service share, best inside the artifact.

    How it stays fixed
    ------------------
    Score a hundred recorded raw rows through both paths on every release and compare feature by feature.

    Told apart from
    ---------------
    `pipeline.scaling`, `pipeline.encoding`, `pipeline.feature-order` and `pipeline.numerics` are each one such step, and the more exact
    name. `pipeline.feature-availability`: the value is not there at all. `pipeline.code`: the changed line is known.

    References
    ----------
    Sculley et al. (2015), Hidden technical debt in machine learning systems. Zinkevich (2017), Rules of machine learning, rules 29
    to 32 (training-serving skew).
    """

    needs = (
        ("current.serving", "reference.model"),
        ("current.serving", "current.model"),
        ("current.serving", "reference.serving"),
        ("current.serving", "reference.validation"),
        ("current.serving", "reference.train"),
        ("reference.train", "current.train"),
        ("reference.validation", "current.validation"),
    )
    cost = 0.6

    def suspect(self, problem: Problem) -> Look:
        """Compare features with the other environment's, and ask the artifact with features prepared in other ways."""
        if problem.situation == "retraining":
            # Any other preparation of a table is told by the table's own pages: units, categories, nulls.
            centred = tuple(centred_columns(problem.case))
            said = "No column is the difference to its group's mean on one side only, n = 2 sides."
            return Look(centred, 0.5, "" if centred else said, ("train", "validation"))
        pair = beside(problem.case) if problem.situation == "environment" else None
        if pair is not None and pair.unlike:
            return Look(tuple(_of_columns(pair)), 0.95, covers=("serving",))
        answers = answers_of(problem)
        if answers is None or answers.follow:
            by_time = tuple(_against_time(problem.case))
            taken = {f.place for f in by_time}
            logged = (*by_time, *(f for f in prepared_columns(problem.case) if f.place not in taken))
            return Look(logged, 0.9, covers=("serving",)) if logged else follows(answers, "another preparation of the features")
        healthy = _healthy(problem.case)
        found, stretch = answers.search(list(_together(answers, healthy))), stretch_of(answers)
        if found is None and (stretch is None or stretch.column in answers.features):
            # What stands in one run of requests, or with one host, is another service and not another preparation of a column.
            found = answers.search(list(_alone(answers, healthy)), rounds=4) or answers.search_some(list(_in_some(answers)))
            found = found or answers.search(list(_in_pairs(answers)), rounds=2)
        if found is None:
            rest = _where_rows_differ(answers, stretch)
            return Look((rest,), 0.8, covers=("serving",)) if rest is not None else follows(answers, "another preparation of the features")
        figures = {"changes": [c.words for c in found.changes], "rate": found.told.rate, "plain": answers.now.rate}
        evidence = answers.evidence(found.told)
        places = [f"serving.{c}" for c in _touched(answers, found.changes)]
        said = f"{{}}: with {found.words} {answers.said_rate(found.told)}."
        return Look(tuple(between(p, evidence, said.format(p), figures, specificity=0.9) for p in places[:8]), 0.9, covers=("serving",))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A day's log, answered again by the artifact."""
        return log_guard(self.id(), problem, finding)

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The other environment's values; what the row's time says; one of the values that were made one, as like rows have it; or the
        artifact's own answers.
        """
        if finding.repair.get("centred"):
            return as_the_other(case, finding)
        if finding.repair.get("own_time"):
            pair = next((p for p in pairs(case) if p.name == "serving"), None)
            table = as_its_time_says(case, pair, str(finding.repair["own_time"])) if pair is not None else None
            return case.with_table("current", "serving", table) if table is not None else None
        if finding.repair.get("prepared"):
            return unprepared(case, tuple(finding.repair["prepared"]))
        if finding.repair.get("column"):
            return taken_back(case, [finding.repair["column"]])
        return replayed(case, finding.side)


def _against_time(case: Case) -> Iterator[Finding]:
    """Columns of the log that say another hour, minute, weekday or month than the time of their own row, as the healthy ones do not."""
    pair = next((p for p in pairs(case) if p.name == "serving"), None)
    for found in told_by_time(case, pair) if pair is not None else ():
        place, n = f"serving.{found.column}", pair.suspect.n_rows if pair is not None else 0
        said = (
            f"{place}: in {found.wrong.mean():.1%} of n = {n:,} rows it is not the {found.part} of the row's own {case.time}, as it is in"
            f" health; {found.most:.0%} of these are off by {found.by:+g}."
        )
        figures = {"part": found.part, "share": float(found.wrong.mean()), "by": found.by}
        # Another clock is off by one step; a value that came late, or from a store, by many.
        one = found.most >= 0.6
        yield Finding(place, "serving", 3.9 if one else 2.0, said, figures, {"own_time": found.column}, specificity=1.0 if one else 0.6)


def _healthy(case: Case) -> Table | None:
    reference = case.reference
    return (reference and (reference.train or reference.validation)) or case.current.train or case.current.validation


def _of_columns(pair: Beside) -> Iterator[Finding]:
    """A finding for each column that differs between the logs, however it does; those that differ by their nulls alone say so."""
    by_nulls = {found.column: found for found in nulls_between(pair)}
    for column, rows in sorted(pair.unlike.items(), key=lambda item: -float(item[1].mean()))[:12]:
        if column in by_nulls:
            said = (
                f"serving.{column}: {by_nulls[column].words}, in {int(rows.sum()):,} of n = {pair.n:,} rows; every other row holds what the"
                " reference's log holds for it."
            )
            figures = {"share": float(rows.mean()), "columns": list(pair.unlike), "nulls": by_nulls[column].words}
            yield Finding(f"serving.{column}", "serving", 3.9, said, figures, {"column": column}, specificity=1.0)
            continue
        at = int(np.flatnonzero(rows)[0])
        was, now = pair.reference.texts(column)[at], pair.current.texts(column)[at]
        said = (
            f"serving.{column}: {rows.mean():.1%} of n = {pair.n:,} rows have another value than the same rows have in the reference's log"
            f" ({now} and not {was} in row {at + 1:,}); expected 0%."
        )
        yield Finding(
            f"serving.{column}",
            "serving",
            2.5,
            said,
            {"share": float(rows.mean()), "columns": list(pair.unlike)},
            {"column": column},
            specificity=0.4,
        )


def _without_points(values: np.ndarray) -> np.ndarray:
    """Numbers read where the decimal point groups thousands: 3.25 is 325, and 3 is 3."""
    known = np.isfinite(values) & (np.abs(values) < 1e12) & (np.abs(values) >= 1e-4)
    read = [float(f"{v:.12g}".replace(".", "")) for v in values[known].tolist()]
    out = values.copy()
    out[known] = read
    return out


_NUMBERS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "rounded to whole numbers": np.round,
    "cut to whole numbers": np.trunc,
    "rounded down": np.floor,
    "rounded to 1 digit": lambda v: np.round(v, 1),
    "rounded to 2 digits": lambda v: np.round(v, 2),
    "rounded to tens": lambda v: np.round(v, -1),
    "made positive": np.abs,
    "no less than 0": lambda v: np.maximum(v, 0),
    "as log(1 + x)": np.log1p,
    "as log(x)": np.log,
    "as exp(x) - 1": np.expm1,
    "as square root": np.sqrt,
    "squared": np.square,
    "with their sign turned": lambda v: -v,
    "without their decimal points": _without_points,
    "zeros as nulls": lambda v: np.where(v == 0, np.nan, v),
}
_FACTORS = (10.0, 100.0, 1000.0, 60.0, 0.1, 0.01, 0.001, 1 / 60)
_STEPS = (1.0, -1.0)
_GRIDS = (0.5, 5.0, 10.0, 25.0, 50.0, 100.0, 1000.0)
_TEXTS: Mapping[str, Callable[[str], str]] = {
    "in lower case": str.lower,
    "in upper case": str.upper,
    "with capitals": str.title,
    "with one capital": str.capitalize,
    "trimmed": str.strip,
    "trimmed and in lower case": lambda v: v.strip().lower(),
    "without spaces": lambda v: v.replace(" ", ""),
    "with underscores for spaces": lambda v: v.replace(" ", "_"),
    "with hyphens for spaces": lambda v: v.replace(" ", "-"),
    "cut to the first letter": lambda v: v[:1],
    "cut to three letters": lambda v: v[:3],
    "with a space at the end": lambda v: v + " ",
}


def _columns(answers: Answers, kind: str) -> list[str]:
    return [c for c in answers.features if answers.log.kind(c) == kind][:MOST_COLUMNS]


def _together(answers: Answers, healthy: Table | None) -> Iterator[Change]:
    """The changes made to all columns of a kind at once."""
    numeric, texts = _columns(answers, "numeric"), _texts_of(answers)
    if numeric:
        yield from _nulls(answers, numeric, healthy)
        for words, how in _NUMBERS.items():
            yield numbers_changed(f"all numbers {words}", numeric, lambda v, _, how=how: how(v))  # type: ignore[misc]
        if healthy is not None:
            yield from _limited(numeric, healthy, "all numbers")
    if texts:
        for words, of_text in _TEXTS.items():
            yield texts_changed(f"all texts {words}", texts, lambda v, _, how=of_text: None if v is None else how(v))  # type: ignore[misc]
        yield from _null_texts(answers, texts, healthy)


def _alone(answers: Answers, healthy: Table | None) -> Iterator[Change]:
    """The changes made to one column alone."""
    for column in _columns(answers, "numeric"):
        yield from _nulls(answers, [column], healthy)
        for words, how in _NUMBERS.items():
            yield numbers_changed(f"{column} {words}", [column], lambda v, _, how=how: how(v))  # type: ignore[misc]
        for factor in _FACTORS:
            yield numbers_changed(f"{column} times {factor:.4g}", [column], lambda v, _, f=factor: v * f)  # type: ignore[misc]
        for turn in turns(answers.log.numbers(column)):
            yield numbers_changed(f"{column} {turn.words}", [column], lambda v, _, t=turn: turned(v, t))  # type: ignore[misc]
        for step in _STEPS:
            yield numbers_changed(f"{column} {step:+g}", [column], lambda v, _, s=step: v + s)  # type: ignore[misc]
        if healthy is not None and column in healthy and healthy.kind(column) == "numeric":
            yield from _limited([column], healthy, column)
    for column in _texts_of(answers):
        for words, of_text in _TEXTS.items():
            yield texts_changed(f"{column} {words}", [column], lambda v, _, how=of_text: None if v is None else how(v))  # type: ignore[misc]
        yield from _null_texts(answers, [column], healthy)


def _in_pairs(answers: Answers) -> Iterator[Change]:
    """The same change made to two numeric columns: one alone may lead further away where the two go together."""
    columns = _columns(answers, "numeric")[:8]
    made = {**_NUMBERS, **{f"times {f:.4g}": (lambda v, f=f: v * f) for f in _FACTORS}}  # type: ignore[misc]
    for at, first in enumerate(columns):
        for second in columns[at + 1 :]:
            for words, how in made.items():
                yield numbers_changed(f"{first} and {second} {words}", [first, second], lambda v, _, how=how: how(v))  # type: ignore[misc]


def _in_some(answers: Answers) -> Iterator[list[Change]]:
    """The same change made to each numeric column by itself: some of them may have it at once."""
    made = {**_NUMBERS, **{f"times {f:.4g}": (lambda v, f=f: v * f) for f in _FACTORS}}  # type: ignore[misc]
    columns = _columns(answers, "numeric")[:12]
    for step in _GRIDS:
        made |= {f"rounded to multiples of {step:g}": lambda v, s=step: np.rint(v / s) * s}  # type: ignore[misc]
        made |= {f"cut to multiples of {step:g}": lambda v, s=step: np.floor(v / s) * s}  # type: ignore[misc]
    for words, how in made.items() if len(columns) > 2 else ():
        yield [numbers_changed(f"{c} {words}", [c], lambda v, _, how=how: how(v)) for c in columns]  # type: ignore[misc]


def _texts_of(answers: Answers) -> list[str]:
    """Text features; truth values have no spelling."""
    return [c for c in _columns(answers, "category") if str(answers.log.schema.field(c).type) != "bool"]


def _nulls(answers: Answers, columns: list[str], healthy: Table | None) -> Iterator[Change]:
    """Nulls of numbers filled in one way or another."""
    empty = [c for c in columns if np.isnan(answers.log.numbers(c)).any()]
    if not empty:
        return
    name = empty[0] if len(columns) == 1 else "all numbers"
    for value in (0.0, -1.0, -999.0, 999.0, -9999.0):
        yield numbers_changed(f"{name} with nulls as {value:g}", empty, _as_null(value))
    for words, table in (("the log's", answers.log), ("the healthy", healthy)):
        known = [c for c in empty if table is not None and c in table and table.kind(c) == "numeric"]
        if table is None or not known:
            continue
        yield from _filled(name, words, known, table)


def _as_null(fill: float) -> Callable[[np.ndarray, str], np.ndarray]:
    return lambda values, _: np.asarray(np.where(np.isnan(values), fill, values))


def _filled(name: str, words: str, columns: list[str], table: Table) -> Iterator[Change]:
    """Nulls filled with what one table's column has in the mean, in the middle and at its ends."""
    values = {c: finite(table.numbers(c)) for c in columns}
    values = {c: v for c, v in values.items() if len(v)}
    for what, at in (("mean", None), ("median", 0.5), ("smallest value", 0.0), ("largest value", 1.0)):
        fill = {c: float(v.mean() if at is None else np.quantile(v, at)) for c, v in values.items()}
        if fill:
            said = f"{name} with nulls as {words} {what}"
            yield numbers_changed(said, list(fill), lambda v, c, x=fill: np.where(np.isnan(v), x[c], v))  # type: ignore[misc]


def _null_texts(answers: Answers, columns: list[str], healthy: Table | None) -> Iterator[Change]:
    """Nulls of texts filled in one way or another, and words for null as nulls."""
    log = answers.log
    name = columns[0] if len(columns) == 1 else "all texts"
    empty = [c for c in columns if any(v is None for v in log.values(c).tolist())]
    if empty:
        for value in ("", "missing", "unknown", "nan", "None", "other"):
            yield texts_changed(f'{name} with nulls as "{value}"', empty, lambda v, _, x=value: x if v is None else v)  # type: ignore[misc]
        commonest = {c: _commonest(healthy if healthy is not None and c in healthy else log, c) for c in empty}
        yield texts_changed(f"{name} with nulls as the commonest", empty, lambda v, c: commonest[c] if v is None else v)


def _commonest(table: Table, column: str) -> str | None:
    values = [str(v) for v in table.values(column).tolist() if v is not None]
    known, counts = np.unique(np.array(values, dtype=object).astype(str), return_counts=True)
    return str(known[np.argmax(counts)]) if len(known) else None


_ENDS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.25)
"""Quantiles at which services are seen to cut numbers off, at both ends alike."""


def _limited(columns: list[str], healthy: Table, name: str) -> Iterator[Change]:
    """Numbers cut off at healthy quantiles."""
    values = {c: finite(healthy.numbers(c)) for c in columns if c in healthy and healthy.kind(c) == "numeric"}
    values = {c: v for c, v in values.items() if len(v)}
    for end in _ENDS if values else ():
        bounds = {c: np.quantile(v, [end, 1 - end]) for c, v in values.items()}
        said = f"{name} limited to the healthy {100 * end:g} to {100 - 100 * end:g} %"
        yield numbers_changed(said, list(bounds), lambda v, c, b=bounds: np.clip(v, *b[c]))  # type: ignore[misc]


def _touched(answers: Answers, changes: tuple[Change, ...]) -> list[str]:
    """Columns that the changes alter at all, those altered in most rows first."""
    rows = answers.trial
    share: dict[str, float] = {}
    for change in changes:
        made = change.apply(rows)
        for column in change.columns:
            share[column] = max(share.get(column, 0.0), float(np.mean(made.texts(column) != rows.texts(column))))
    return sorted((c for c in share if share[c] > 0), key=lambda c: -share[c]) or list(share)


def _where_rows_differ(answers: Answers, stretch: Stretch | None) -> Finding | None:
    """Answers that differ just where one column is null, zero or of one level, and follow elsewhere."""
    if stretch is None or stretch.column not in answers.features:
        return None
    said = (
        f"serving.{stretch.column}: {stretch.words}, {stretch.rate:.1%} of n = {int(stretch.rows.sum()):,} answers follow from the"
        " features;"
        f" elsewhere the artifact gives the logged answers ({float(answers.plain.same[~stretch.rows].mean()):.1%})."
    )
    figures = {"where": stretch.words, "inside": stretch.rate}
    # One level, or null, is a rule that somebody may have written; many levels picked for what is wrong in them fit much.
    few = stretch.n_levels <= FEW_LEVELS
    return between(f"serving.{stretch.column}", 3.0 if few else 1.5, said, figures, specificity=0.7 if few else 0.4)
