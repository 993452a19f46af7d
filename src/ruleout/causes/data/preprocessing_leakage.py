"""data.preprocessing-leakage."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.case.reading import Reading, read_leaks
from ruleout.causes.before import before_it_fell, mended_reference
from ruleout.causes.columns import bounded, put_values
from ruleout.causes.encoded import Encoded, Levelled, encoded_features, known_then, levelled_features
from ruleout.causes.future import split_by_time
from ruleout.causes.leaks import blanked, together, used_features
from ruleout.causes.page import Cause, Finding, Look
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.repeats import row_codes
from ruleout.tables.table import Table

SAID = {
    "aggregate-before-split": 3.2,
    "fit-on-test": 2.0,
    "selection-before-split": 3.4,
    "resampling-before-split": 3.2,
    "answers-before-split": 3.2,
    "fit-before-split": 1.2,
}
"""What a line of code is worth as evidence: selection and means of the target move scores most, scaling hardly (Kapoor, Narayanan 2023)."""


COPIES = 0.05
"""Share of validation rows that stand in training too from which on what was drawn again before the split is seen in the rows."""


class PreprocessingLeakage(Cause):
    """A transform was fitted on data from outside training: a scaler, a target encoder, a selector or a resampler has seen validation rows.

    What goes wrong
    ---------------
    Something that learns from rows (means of the target by group, which columns to keep, new rows between old ones) learned before the
    split. What it learned holds a part of the validation rows' answers.

    Why it happens
    --------------
    Features are made in one notebook cell and split in the next; an encoder is fitted on the whole table because some categories are rare;
    rare classes are filled up before the split.

    What you see
    ------------
    A score that one new column lifts and that production does not show; fitted parameters that are those of all rows.

    How it is tested
    ----------------
    A feature is held against the target's mean over the rows that share its value, or over the levels of another column with the smoothing
    that fits best (Micci-Barreca 2001), once over training and validation together and once over training alone: it leaks where the first
    agrees to 0.002 standard deviations and the second is 5 times further off.

    Scaling and imputing parameters in the artifact are held against both sets of rows in the same way, and the rows that a scaler counted
    against the rows that training has.

    A column that is a mean over more rows than the tables hold is regressed on the mean over each level's training and validation rows:
    both weigh alike where it was taken over both, and leave less unexplained than they would of a column that drives the target.

    Code is read, not run, for what is fitted before the split; what it names (columns made or filled, answers of a first model, as many
    columns of one name as a selector keeps, rows drawn again that stand on both sides) is the place.

    After a retraining the reference is looked at in the same way, for what the current side does not do as well.

    What would rule it out
    ----------------------
    Parameters that are those of training alone, and code that splits first.

    How it is fixed
    ---------------
    Split first. Fit every transform on the training rows, inside a pipeline; encode training rows by means that leave their own row out.

    How it stays fixed
    ------------------
    Keep all that is fitted in one pipeline object and cross-validate that; hold the scaler's count of rows against training's.

    Told apart from
    ---------------
    `data.label-leakage`: the column is made from its own row's target. `data.overlap`: rows themselves stand on both sides.

    References
    ----------
    Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes. Ambroise, McLachlan (2002), Selection bias
    in gene extraction. Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based science.
    """

    needs = (("current.train", "current.validation"), ("current.code",))
    cost = 0.6
    situations = ("too-good", "retraining")

    def suspect(self, problem: Problem) -> Look:
        """Hold features and fitted parameters against all rows and against training alone; read the code."""
        if problem.situation == "retraining":
            return before_it_fell(problem, self.suspect)
        if problem.situation != "too-good":
            return Look((), 0.0, "What was fitted on all rows is looked for where a score is too good, n = 0 columns.")
        case = problem.case
        features = used_features(problem)
        read = [r for r in read_leaks(case.current.code, target=case.target, time=case.time) if r.kind in SAID]
        found = [_of_column(e, read) for e in encoded_features(case, features)]
        named = {f.place for f in found}
        by_time = split_by_time(case)
        found += [_of_level(level, by_time=by_time) for level in levelled_features(case, features) if level.column not in named]
        named = {f.place for f in found}
        found += [f for r in read if not set(r.columns) & named for f in _of_code(r, features, case)]
        found += _of_artifact(problem)
        found.sort(key=lambda f: -f.evidence)
        n = len(features)
        power = 0.9 if case.current.code is not None else 0.6
        said = f"{n} features: none is the target's mean over validation rows, no fitted parameter is that of all rows, n = {n} columns."
        return Look(tuple(found), power if n else 0.0, "" if found else said, ("train", "validation", "model", "code"))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Take the means over training alone, each training row's own left out; blank the column; fit the artifact on training; or split
        anew with all copies of a row together.
        """
        if finding.side == "reference":
            return mended_reference(case, finding, self.put_right)
        repair = finding.repair
        if repair.get("artifact"):
            return case.with_side("current", replace(case.current, model=None)) if case.current.train is not None else None
        if repair.get("copies"):
            codes = _copied(case)
            return None if codes is None else together(case, codes)
        column = repair.get("column")
        if column is None:
            return None
        if not repair.get("cells"):
            return blanked(case, [column])
        again = known_then if repair.get("levelled") else _encoded_again
        return again(case, column, repair["cells"], repair["outcome"])

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The scaler has counted as many rows as training has."""
        if not finding.repair.get("counted"):
            return None
        return Guard(
            self.id(), finding.place, "artifact_rows", "model", {"table": "train"}, "A transform has seen rows from outside training."
        )


def _of_column(encoded: Encoded, read: list[Reading]) -> Finding:
    column, what = encoded.column, f"share of {encoded.outcome!r}" if encoded.outcome is not None else "mean"
    line = next((r for r in read if column in r.columns), None)
    where = f"; {line.file}:{line.line} makes it before the split" if line is not None else ""
    by = f" by {encoded.cells}" if encoded.cells else ""
    said = (
        f"{column}: the target's {what}{by} over training and validation rows together to within {encoded.together:.4f} deviations, "
        f"{encoded.alone:.4f} off that over training alone{where}, n = {encoded.n:,}."
    )
    figures: dict[str, Any] = {"together": encoded.together, "alone": encoded.alone, "n": encoded.n}
    repair = {"column": column, "cells": encoded.cells, "outcome": encoded.outcome}
    return Finding(column, "train", bounded(3.9), said, figures, repair, specificity=0.95, certain=True)


def _of_level(found: Levelled, *, by_time: bool) -> Finding:
    level, what = found.level, f"share of {found.outcome!r}" if found.outcome is not None else "mean"
    said = (
        f"{found.column}: the target's {what} by {found.cells} over rows of both tables and others (R2 {level.together:.3f} over both, "
        f"{level.alone:.3f} over training alone; a validation row weighs {level.held_out:.2f} of a training row), n = {level.n_cells:,}."
    )
    figures: dict[str, Any] = {"together": level.together, "alone": level.alone, "held_out": level.held_out, "n": level.n_cells}
    # Where validation rows are the later ones, what was made of them is made of the future, and that is said elsewhere.
    sure = found.sure and not by_time
    return Finding(found.column, "train", 3.0, said, figures, {**found.repair, "levelled": True}, specificity=0.8, certain=sure)


def _of_code(reading: Reading, features: tuple[str, ...], case: Case) -> list[Finding]:
    """The columns that a line makes, else those that a selector is likely to have kept, else the rows of both tables; and the line."""
    said = f"{reading.file}:{reading.line}: {reading.said}; expected: split first, n = 1 line: `{reading.text[:100]}`."
    figures: dict[str, Any] = {"file": reading.file, "line": reading.line, "kind": reading.kind}
    columns = [c for c in features if any(fnmatchcase(c, name) for name in reading.columns)]
    evidence = SAID[reading.kind]
    line = Finding(f"code.{reading.file}:{reading.line}", "code", evidence, said, figures, {}, specificity=0.6)
    if columns:
        return [Finding(c, "train", evidence, said, figures, {"column": c}, specificity=0.8) for c in columns]
    if reading.kind == "resampling-before-split":
        copies = {"copies": True}
        tables = [replace(line, place=name, component=name, repair=copies) for name in ("train", "validation")]
        return [line, *tables] if _copied(case) is not None else [line]
    if reading.kind == "selection-before-split":
        kept = _family(features, reading.chosen)
        return [line, *(replace(line, place=c, component="train") for c in (kept or ("train",)))]
    return [line]


def _family(features: tuple[str, ...], size: int | None) -> tuple[str, ...]:
    """The features that share a name but for their number, as many as a selector keeps: `emb_17`, `emb_204`; () where there are none."""
    by_stem: dict[str, list[str]] = {}
    for column in features:
        by_stem.setdefault(re.sub(r"\d+$", "", column), []).append(column)
    return next((tuple(columns) for columns in by_stem.values() if size and len(columns) == size), ())


def _copied(case: Case) -> np.ndarray | None:
    """A code for each training and then validation row, the same for copies; None where no validation row is in training."""
    train, validation = case.current.train, case.current.validation
    if train is None or validation is None:
        return None
    columns = [c for c in (*case.features(train), case.target) if c and c in train and c in validation]
    codes = [
        row_codes([t.numbers(c) if train.kind(c) == t.kind(c) == "numeric" else t.texts(c) for c in columns]) for t in (train, validation)
    ]
    return np.concatenate(codes) if np.isin(codes[1], codes[0]).mean() >= COPIES else None


def _of_artifact(problem: Problem) -> list[Finding]:
    """Scalers and imputers whose parameters are those of training and validation rows together."""
    model, side = problem.laboratory.model("current"), problem.case.current
    if model is None or side.train is None or side.validation is None:
        return []
    train, fitted = side.train, model.describe().fitted
    n_train, n_all = train.n_rows, train.n_rows + side.validation.n_rows
    told: list[str] = []
    counted = False
    for scaler in fitted.get("scalers", ()):
        seen, means = scaler.get("samples"), scaler.get("mean") or ()
        counted = counted or (seen == n_all and seen != n_train)
        told += [c for c, m in zip(scaler["columns"], means, strict=False) if _of_all_rows(train, side.validation, c, m, "mean")]
    told += [c for c, m in fitted.get("imputers", {}).items() if _of_all_rows(train, side.validation, c, m, "median")]
    columns = list(dict.fromkeys(told))
    if not columns and not counted:
        return []
    count = f" and a count of {n_all:,} rows where training has {n_train:,}" if counted else ""
    what = f"model: parameters of {len(columns)} columns ({', '.join(columns[:4])})" if columns else "model: its scaler"
    said = f"{what} are those of training and validation rows together, not of training alone{count}, n = {n_all:,}."
    evidence = 3.9 if counted or len(columns) >= 3 else 2.0
    figures = {"columns": columns, "n": n_all, "n_train": n_train}
    return [Finding("model", "model", bounded(evidence), said, figures, {"artifact": True, "counted": counted}, specificity=0.8)]


def _of_all_rows(train: Table, validation: Table, column: str, value: Any, what: str) -> bool:
    """Whether a fitted parameter is the mean or median of both tables and not that of training."""
    if not isinstance(value, int | float) or column not in train or column not in validation:
        return False
    if train.kind(column) != "numeric" or validation.kind(column) != "numeric":
        return False
    mine, theirs = train.numbers(column), validation.numbers(column)
    of = np.nanmean if what == "mean" else np.nanmedian
    spread = float(np.nanstd(mine))
    if not np.isfinite(mine).any() or not np.isfinite(theirs).any() or spread == 0:
        return False
    off_all, off_train = (abs(float(value) - float(of(v))) / spread for v in (np.concatenate([mine, theirs]), mine))
    return off_all < 1e-6 and off_train > 1e-4


def _encoded_again(case: Case, column: str, cells: str, outcome: str | None) -> Case | None:
    """The column as the mean over training rows alone: of the other rows of its cell for training rows, of all for validation rows."""
    train, validation, target = case.current.train, case.current.validation, case.target
    if train is None or validation is None or target is None or cells not in train or cells not in validation or column not in train:
        return None
    truth = train.numbers(target) if outcome is None else (train.texts(target) == outcome).astype(np.float64)
    known = np.isfinite(truth)
    level = {v: k for k, v in enumerate(dict.fromkeys(train.texts(cells).tolist()))}
    mine = np.array([level[v] for v in train.texts(cells).tolist()])
    theirs = np.array([level.get(v, len(level)) for v in validation.texts(cells).tolist()])
    count = np.bincount(mine, weights=known.astype(float), minlength=len(level) + 1)
    total = np.bincount(mine, weights=np.where(known, truth, 0.0), minlength=len(level) + 1)
    overall = float(truth[known].mean())
    others = np.maximum(count[mine] - known, 0)
    left_out = (total[mine] - np.where(known, truth, 0.0) + overall) / (others + 1)
    case = case.with_table("current", "train", put_values(train, column, left_out))
    return case.with_table("current", "validation", put_values(validation, column, ((total + overall) / (count + 1))[theirs]))
