"""The page on scaling parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.causes.answers import answers_of, between, replayed
from ruleout.causes.beside import beside, taken_back
from ruleout.causes.columns import finite
from ruleout.causes.page import Cause, Finding, Look, Pair, pairs
from ruleout.causes.scales import line_between, many_lines, rescaled, scaled
from ruleout.causes.scores import better, measured, other_code, without_artifact
from ruleout.guards.guard import Guard
from ruleout.models.model import Description
from ruleout.problem.problem import Problem
from ruleout.statistics.quantiles import ks_distance
from ruleout.tables.table import Table

__all__ = ["Scaling"]

MATERIAL = 0.1

NEAR = 0.4
"""How far from 0 and 1 the mean and the deviation of a standardised column may lie in other rows than its scaler saw."""

LIKE_SHAPES = 0.97
"""R2 over quantiles from which two samples are one column on two scales."""
ROUGHLY = 0.8
"""The same of a column beside many that are surely so."""

MOST_PLACES = 12
"""Columns of one table that are told as places of their own; all others are one place together."""

PERCENTS = np.linspace(0.02, 0.98, 49)


class Scaling(Cause):
    """The numbers are scaled with other parameters than the model was trained with, so each means something else to it.

    What goes wrong
    ---------------
    Mean and deviation inside the artifact are those of another data set, or were not applied, or applied twice; or whole tables
    arrive standardised on one side and raw on the other.

    Why it happens
    --------------
    A scaler is saved apart from its model and the two part company; it is fitted again on another table; a pipeline that scales is
    put behind a table that is scaled already; a cached scaler outlives a retraining.

    What you see
    ------------
    The model is worse on every row. Its scaler's mean and deviation are not those of its training table, or many columns have moved
    together to mean 0 and deviation 1, or away from them.

    How it is tested
    ----------------
    The question is always the same: which scaling, put in the place of the one that was used, gives back the healthy behaviour? What is
    held against what depends on the evidence.

    An artifact with a scaler, and its training rows. For each scaled column, let mean and scale be what the scaler holds, and m and s the
    mean and standard deviation of the side's own n training rows. The scaler is foreign where the two are far apart, d = max(|mean - m| /
    s, |ln(scale / s)|) > 0.1, and further than sampling explains: z > 6, where z = |mean - m| / (s sqrt(1/n + 1/k)) with k the rows that
    the scaler counted, or the same of ln(scale / s). The reference's scaler must agree with its own rows. Then the validation values are
    moved to x' = mean + scale (x - m) / s, so that the foreign scaler gives what the right one would have given. If that restores a third
    of the drop, the evidence is 4 or more; if not, 0.3, for then the whole artifact is foreign.

    A production log. The artifact answers the logged features again, as if its scaler had been left out, applied twice, or held the mean
    and deviation, the extremes or the quartiles of the log or of another table, or of the batch of requests that a row came with (2 to
    1,000 in a row, an hour, a day, a level of a column). For smooth models the line of each scaled column is fitted
    to the logged scores (Marquardt 1963). The scaling that reproduces the logged answers is the finding.

    Tables alone. Columns that were scaled are straight lines of their old selves, y = a + b x, between the quantiles of both tables, with
    R2 above 0.99 for at least three and half of the numeric columns, or three where the healthy ones look scaled; a few values all lie on
    the line. In training or validation one side must look standardised (|mean| and |s - 1| below 0.1); evidence 4. In a log whose answers
    follow from its features, the distributions must agree once the lines are undone, or row by row where two environments logged the same
    rows.

    What would rule it out
    ----------------------
    Scaling parameters that agree with the training rows to within their sampling error.

    How it is fixed
    ---------------
    Fit the scaler on the training rows of the model that it serves, and keep both in one artifact.

    How it stays fixed
    ------------------
    Ship preprocessing inside the model file, and let the gate compare its parameters with the training rows.

    Told apart from
    ---------------
    `data.unit-change`: one or a few columns changed, and no fitted parameters are involved. `model.checkpoint`: the whole artifact is
    another run's. `pipeline.encoding`: the same, for categories. `pipeline.dependency`: settings and code are the same, and a package
    is another one.

    References
    ----------
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters. LeCun et al. (1998), Efficient backprop,
    section 4.3. Sculley et al. (2015), Hidden technical debt in machine learning systems.
    Kendall and Stuart (1977), The Advanced Theory of Statistics, volume 1, section 10.9, for the error of a standard deviation.
    """

    needs = (
        ("current.model", "current.train"),
        ("reference.train", "current.train"),
        ("reference.validation", "current.validation"),
        ("reference.validation", "current.serving"),
        ("reference.train", "current.serving"),
        ("reference.serving", "current.serving"),
        ("reference.model", "current.serving"),
        ("current.model", "current.serving"),
    )
    cost = 0.4
    # What a package did to the columns before they were scaled shows in what was fitted on them.
    gives_way_to = ("pipeline.dependency",)

    def suspect(self, problem: Problem) -> Look:
        """Hold fitted scaling parameters against the training rows, and the tables of both sides against each other."""
        if problem.situation in ("serving", "environment"):
            return _served(problem)
        findings, n = [], 0
        checked = _foreign(problem, "current")
        n += checked.n
        if checked.columns:
            findings.append(_finding(problem, checked))
        for pair in pairs(problem.case):
            found = _standardised(problem.case, pair)
            n += len(pair.suspect.of_kind("numeric"))
            if found is not None:
                findings += _by_column(found)
        if findings:
            return Look(tuple(sorted(findings, key=lambda f: -f.evidence)), 0.95, covers=("model", "train", "validation"))
        if n == 0:
            return Look(statement="model: no scaled and no numeric column to compare, n = 0 columns.")
        return Look(
            (), 0.95, f"model: scaling parameters and numeric columns are within {MATERIAL} deviations, n = {n} columns.", ("model",)
        )

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The tables scaled back column by column; or validation rows as the artifact's foreign scaler must see them; else a refit."""
        if finding.repair.get("replay"):
            return replayed(case, finding.side)
        if finding.repair.get("beside"):
            return taken_back(case, list(finding.repair["beside"]))
        held, columns = case.side(finding.side), finding.repair["columns"]
        if held is None:
            return None
        if finding.repair["artifact"]:
            if finding.repair["in_place"] and held.validation is not None:
                return case.with_side(finding.side, replace(held, validation=_moved(held.validation, columns)))
            return without_artifact(case, finding.side) if held.train is not None else None
        table = held.table(finding.repair["table"])
        if finding.repair.get("at_once") and table is not None:
            columns = _still_moved(case, table, finding, columns)
            if not columns:
                return None
        return None if table is None else case.with_table(finding.side, finding.repair["table"], _moved(table, columns))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference's validation rows moved so that its own scaler sees them as the foreign one would."""
        if case.reference is None or case.reference.validation is None or not finding.repair.get("artifact"):
            return None
        back = {c: (-a / b, 1 / b) for c, (a, b) in finding.repair["columns"].items() if c in case.reference.validation and b}
        return case.with_side("reference", replace(case.reference, validation=_moved(case.reference.validation, back)))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Scaling parameters are those of the training rows; or the column lies where it lay when the system worked."""
        if finding.repair.get("replay") or finding.repair.get("beside"):
            return None
        if finding.repair["artifact"]:
            return Guard(
                self.id(),
                finding.place,
                "scaler_matches",
                "model",
                {"table": "train", "tolerance": MATERIAL},
                "The scaler is another table's.",
            )
        name, column = finding.repair["table"], next(iter(finding.repair["columns"]))
        healthy = problem.case.reference and problem.case.reference.table(name)
        if not healthy or column not in healthy:
            return None
        low, high = (float(v) for v in np.nanquantile(healthy.numbers(column), [0.1, 0.9]))
        given = {"column": column, "quantile": 0.5, "low": low, "high": high}
        return Guard(self.id(), f"{name}.{column}", "quantile_range", name, given, "The table is scaled otherwise than the model expects.")


class _Checked(NamedTuple):
    """Scaled columns that disagree with the training rows: (mean, scale, m, s, d) by column; and how many were compared."""

    columns: dict[str, tuple[float, float, float, float, float]]
    n: int
    n_rows: int


def _foreign(problem: Problem, side: SideName) -> _Checked:
    model, held = problem.laboratory.model(side), problem.case.side(side)
    other = problem.case.reference
    train = held.train if held and held.train else (other.train if other else None)
    if model is None or train is None:
        return _Checked({}, 0, 0)
    reference = problem.laboratory.model("reference") if side == "current" else None
    known = (
        dict(_distances(reference.describe(), other.train))
        if reference is not None and other is not None and other.train is not None
        else {}
    )
    found, n = {}, 0
    for column, (mean, scale, m, s, seen) in _distances(model.describe(), train):
        n += 1
        d = max(abs(mean - m) / s, abs(math.log(scale / s)))
        error = math.sqrt(1 / max(train.n_rows, 1) + 1 / max(seen, 1))
        z = max(abs(mean - m) / s / error, abs(math.log(scale / s)) / (error * math.sqrt(2)))
        was = known.get(column)
        usual = max(abs(was[0] - was[2]) / was[3], abs(math.log(was[1] / was[3]))) if was else 0.0
        if d > MATERIAL and z > 6 and d > 3 * usual:
            found[column] = (mean, scale, m, s, d)
    return _Checked(found, n, train.n_rows)


def _distances(artifact: Description, train: Table) -> Iterator[tuple[str, tuple[float, float, float, float, float]]]:
    """For each column that a standardising step scales: its mean and scale, those of the training rows, and rows seen."""
    imputes = any("Imputer" in step for step in artifact.steps)
    for scaler in artifact.fitted.get("scalers", ()):
        means, scales = scaler.get("mean"), scaler.get("scale")
        if not means or not scales:
            continue
        for column, mean, scale in zip(scaler["columns"], means, scales, strict=False):
            if mean is None or scale is None or scale <= 0 or column not in train or train.kind(column) != "numeric":
                continue
            values = train.numbers(column)
            finite = values[np.isfinite(values)]
            if imputes and len(finite):
                finite = np.where(np.isfinite(values), values, np.median(finite))
            s = float(finite.std()) if len(finite) > 1 else 0.0
            if s > 0:
                yield column, (float(mean), float(scale), float(finite.mean()), s, float(scaler.get("samples") or len(values)))


def _finding(problem: Problem, checked: _Checked) -> Finding:
    worst = max(checked.columns, key=lambda c: checked.columns[c][4])
    mean, scale, m, s, d = checked.columns[worst]
    moves = {c: (v[0] - v[1] * v[2] / v[3], v[1] / v[3]) for c, v in checked.columns.items()}
    table = problem.case.current.validation
    model = problem.laboratory.model("current")
    before = measured(problem, model, table)
    after = measured(problem, model, _moved(table, moves)) if table is not None else None
    gain = better(problem) * (after - before) if before is not None and after is not None else None
    if gain is None:
        evidence, specificity, said = 2.0, 0.6, ""
    elif gain > max(problem.noise, 0.33 * problem.harm):
        evidence, specificity, said = (
            min(6.0, 4.0 + gain / max(problem.harm, problem.noise)),
            0.95,
            f"; with the right parameters the metric gains {gain:.4f}",
        )
    else:
        evidence, specificity, said = 0.3, 0.4, f"; with the right parameters the metric gains only {gain:+.4f}"
    if other_code(problem):
        # The code that made the scaler differs: foreign parameters are then what it did, not what was done to the artifact.
        evidence, specificity = min(evidence, 1.0), 0.35
    fitted = "not applied" if mean == 0 and scale == 1 else f"mean {mean:.4g} and scale {scale:.4g}"
    statement = (
        f"model: scaling of {worst} is {fitted}, its training rows have {m:.4g} and {s:.4g} ({d:.2f} deviations, expected {MATERIAL});"
        f" {len(checked.columns)} of {checked.n} columns{said}, n = {checked.n_rows:,}."
    )
    place = worst if len(checked.columns) == 1 else "model"
    figures: dict[str, Any] = {"columns": sorted(checked.columns), "worst": worst, "deviations": d, "gain": gain}
    repair = {"artifact": True, "in_place": gain is not None and evidence > 1, "columns": moves}
    return Finding(place, "model", evidence, statement, figures, repair, specificity=specificity)


def _served(problem: Problem) -> Look:
    """Scaling at serving: of the logged columns themselves, or between them and the answers."""
    case = problem.case
    rows = beside(case) if problem.situation == "environment" else None
    n = case.current.serving.n_rows if case.current.serving is not None else 0
    if rows is not None and rows.unlike:
        lines = {c: line for c in rows.unlike if (line := line_between(rows, c)) is not None}
        n_numeric = sum(rows.current.kind(c) == "numeric" for c in rows.features)
        if len(lines) >= max(3, math.ceil(n_numeric / 2)) and len(lines) >= 0.8 * len(rows.unlike):
            column, (start, slope) = next(iter(lines.items()))
            said = (
                f"serving: {len(lines)} of {n_numeric} numeric columns are lines of the same rows' in the reference's log ({column} ="
                f" {start:.4g} + {slope:.4g} x, exactly), n = {n:,}."
            )
            finding = Finding("serving", "serving", 3.9, said, {"columns": sorted(lines)}, {"beside": sorted(lines)}, specificity=1.0)
            return Look((finding,), 0.95, covers=("serving",))
        return Look(
            (), 0.95, f"serving: {len(lines)} of {n_numeric} numeric columns are lines of the reference's, n = {n:,}.", ("serving",)
        )
    pair = next((p for p in pairs(case) if p.name == "serving"), None)
    if rows is None and pair is not None:
        found = _standardised(case, pair) or _all_lines(case, pair)
        if found is not None:
            return Look(tuple(_at_each(found)), 0.95, covers=("serving",))
    answers = answers_of(problem)
    if answers is None or answers.follow:
        power = 0.95 if answers is not None or pair is not None else 0.0
        return Look(
            (), power, f"serving: no set of columns is scaled otherwise, and answers follow from the features, n = {n:,}.", ("serving",)
        )
    other = rescaled(answers)
    if other is None:
        said = f"serving: no other scaling of the features reproduces the logged answers ({answers.plain.rate:.1%} follow), n = {n:,}."
        return Look((), 0.85, said, ("serving",))
    said = f"serving: with {other.words} {answers.said_rate(other.told)}."
    figures = {"columns": list(other.columns), "scaling": other.words, "rate": other.told.rate, "plain": answers.now.rate}
    place = f"serving.{other.columns[0]}" if len(other.columns) == 1 else "serving"
    return Look((between(place, other.evidence, said, figures, specificity=other.specificity),), 0.95, covers=("serving",))


def _all_lines(case: Case, pair: Pair) -> Finding | None:
    """Half of the log's numeric columns, each a line away from the healthy one."""
    found = many_lines(case, pair)
    if found is None:
        return None
    lines, n_compared = found
    standard = all(abs(float(np.nanmean(pair.yardstick.numbers(c)))) < 0.2 or scaled(pair.yardstick.numbers(c)) for c in lines)
    column, (start, slope) = max(lines.items(), key=lambda item: abs(math.log(item[1][1])))
    said = (
        f"{pair.name}: {len(lines)} of {n_compared} numeric columns are each a line away from {pair.yardstick.name}'s ({column} ="
        f" {start:.4g} + {slope:.4g} x), expected the same scale, n = {pair.suspect.n_rows:,}."
    )
    back = {c: (-a / b, 1 / b) for c, (a, b) in lines.items()}
    repair = {"artifact": False, "table": pair.name, "columns": back}
    return Finding(
        pair.name, pair.name, 3.9 if standard else 2.5, said, {"columns": sorted(lines)}, repair, side=pair.side, specificity=1.0
    )


def _standardised(case: Case, pair: Pair) -> Finding | None:
    """Many numeric columns that moved together between raw and standardised."""
    columns = [
        c for c in case.features(pair.suspect) if c in pair.yardstick and {pair.suspect.kind(c), pair.yardstick.kind(c)} == {"numeric"}
    ]
    fits: dict[str, tuple[float, float]] = {}
    roughly: dict[str, tuple[float, float]] = {}
    to_standard = 0
    for column in columns:
        now, was = (t.sample(20_000).numbers(column) for t in (pair.suspect, pair.yardstick))
        now, was = now[np.isfinite(now)], was[np.isfinite(was)]
        if len(now) < 30 or len(was) < 30 or now.std() == 0 or was.std() == 0:
            continue
        # Other rows than those that the scaler was fitted on are near mean 0 and deviation 1, not at them.
        is_standard, was_standard = (abs(v.mean()) < NEAR and abs(v.std() - 1) < NEAR for v in (now, was))
        if is_standard == was_standard:
            continue
        x, y = np.quantile(now, PERCENTS), np.quantile(was, PERCENTS)
        alike = np.corrcoef(x, y)[0, 1] ** 2 if x.std() > 0 and y.std() > 0 else 0.0
        b = float(was.std() / now.std())
        if alike < LIKE_SHAPES:
            if alike >= ROUGHLY:
                roughly[column] = (float(was.mean() - b * now.mean()), b)
            continue
        fits[column] = (float(was.mean() - b * now.mean()), b)
        to_standard += bool(is_standard)
    if len(fits) < max(3, math.ceil(len(columns) / 2)):
        return None
    how = "standardised, raw in the yardstick" if to_standard * 2 > len(fits) else "raw, standardised in the yardstick"
    example = next(iter(fits))
    statement = (
        f"{pair.name}: {len(fits)} of {len(columns)} numeric columns are {how} (R2 above {LIKE_SHAPES} over {len(PERCENTS)} quantiles,"
        f" {example} = {fits[example][0]:.4g} + {fits[example][1]:.4g} x), expected the same scale, n = {pair.suspect.n_rows:,}."
    )
    # Where most columns were scaled, one of a few steps or of another season was as well.
    fits = {**fits, **roughly}
    repair = {"artifact": False, "table": pair.name, "columns": fits}
    return Finding(pair.name, pair.name, 4.0, statement, {"columns": sorted(fits)}, repair, side=pair.side, specificity=0.95)


def _by_column(found: Finding) -> list[Finding]:
    """A finding for each column of a table that was scaled otherwise: each is a place and is put right by itself; the last, many."""
    table, lines = found.repair["table"], list(found.repair["columns"].items())
    parts = [lines[at : at + 1] for at in range(MOST_PLACES - 1)] + [lines[MOST_PLACES - 1 :]]
    named = [(f"{table}.{part[0][0]}" if len(part) == 1 else table, dict(part)) for part in parts if part]
    return [replace(found, place=place, repair={**found.repair, "columns": columns}) for place, columns in named]


def _at_each(found: Finding) -> list[Finding]:
    """A finding for each column of a log that one scaler scaled otherwise: each is a place, and any of them puts all right at once."""
    table = found.repair["table"]
    repair = {**found.repair, "at_once": True}
    return [replace(found, place=f"{table}.{column}", repair=repair) for column in list(found.repair["columns"])[:MOST_PLACES]]


def _still_moved(case: Case, table: Table, finding: Finding, columns: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Those of the columns that are nearer to the healthy ones once they are moved back: the others are back already."""
    pair = next((p for p in pairs(case) if p.name == finding.repair["table"] and p.side == finding.side), None)
    if pair is None:
        return columns
    moved = _moved(table, columns)
    healthy = {c: finite(pair.yardstick.numbers(c)) for c in columns if c in table and c in pair.yardstick}
    return {
        c: columns[c]
        for c, values in healthy.items()
        if ks_distance(finite(moved.numbers(c)), values) < ks_distance(finite(table.numbers(c)), values)
    }


def _moved(table: Table, columns: dict[str, tuple[float, float]]) -> Table:
    """The table with a + b x in place of x, column by column."""
    for column, (a, b) in columns.items():
        if column in table and table.kind(column) == "numeric":
            table = table.with_column(column, a + b * table.numbers(column))
    return table
