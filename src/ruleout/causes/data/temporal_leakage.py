"""data.temporal-leakage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.case.reading import Reading, read_leaks
from ruleout.case.words import FUTURE
from ruleout.causes.before import before_it_fell, mended_reference
from ruleout.causes.columns import bounded
from ruleout.causes.encoded import encoded_features, known_then, levelled_features
from ruleout.causes.future import LATE, Foretold, future_features, later_rows, split_by_time, time_column
from ruleout.causes.leaks import blanked, cut_anew, used_features
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.past_alone import past_alone
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.tables.moments import moments

MADE = 0.999
"""R2 from which on a feature is made of later targets, beyond what a series that changes slowly shows."""


class TemporalLeakage(Cause):
    """Training holds rows from after the validation period, or a feature knows the future.

    What goes wrong
    ---------------
    The model is judged on Monday with what it learned from Tuesday. What changes slowly (prices, weather, a campaign, a machine that is
    wearing out) is known from both sides of the moment that it is to predict.

    Why it happens
    --------------
    A split that shuffles rows with a time, cross-validation by rows, a rolling mean that is centred, a shift in the wrong direction.

    What you see
    ------------
    A validation score that no forward test confirms, the better the denser the rows lie in time.

    How it is tested
    ----------------
    Where more than 5 % of the training rows are later than the first twentieth of the validation rows, the validation rows after three
    points in time are predicted twice: by a model of the training rows before them, and by one of as many training rows of all times. The
    rows are the same, so the scores pair; a difference of 0.01 and 2.5 standard errors says that the future helps, held against four draws
    from all times. One of 4 standard errors, after all three points, needs no other proof: where the split by time scores on other rows.

    For features, numbers are regressed on the targets of the 4 rows before, the row itself and the 4 rows after, in order of time and by
    entity: one that these explain (R2 of 0.97) and the earlier ones do not is made of the future, as is one that repeats the target of a
    row up to 31 ahead. A feature that is constant by entity is regressed on the entity's mean target over training and over the validation
    rows that come later: where both weigh alike (0.7 to 2 times) and explain it (R2 of 0.9, slope of one), it is a mean over all times. It
    surely is where they leave a quarter or less unexplained of what they would of a column that drives the target; then the artifact is
    judged with the means over training rows, which are what it would have been given.

    Code is read, not run, for steps back in time (`shift(-1)`, centred windows).

    After a retraining the reference is looked at in the same way, for what the current side does not do as well.

    What would rule it out
    ----------------------
    Validation that begins where training ends; or a past that predicts as well as all times do.

    How it is fixed
    ---------------
    Split by time, with a gap as long as labels take to arrive. Compute features from what was known at the moment of the prediction.

    How it stays fixed
    ------------------
    Make the split a function of the time column, and check that the newest training row is older than the oldest validation row.

    Told apart from
    ---------------
    `data.label-leakage`: the column knows its own row's outcome. `data.group-leakage`: what both sides share is the entity.
    `data.drift`: the world changed, and the split was right.

    References
    ----------
    Bergmeir, Hyndman, Koo (2018), A note on the validity of cross-validation for evaluating autoregressive time series prediction.
    Kaufman et al. (2012), Leakage in data mining, TKDD.
    """

    needs = (("current.train", "current.validation"),)
    cost = 2.0
    situations = ("too-good", "retraining")

    def suspect(self, problem: Problem) -> Look:
        """Predict the later validation rows from the past alone and from all times; look for features made of later rows."""
        if problem.situation == "retraining":
            return before_it_fell(problem, self.suspect, _knew_later_rows)
        case = problem.case
        train, validation = case.current.train, case.current.validation
        if (
            problem.situation != "too-good"
            or train is None
            or validation is None
            or case.target not in train
            or case.target not in validation
        ):
            return Look((), 0.0, "Rows and features from the future are looked for where a score is too good, n = 0 rows.")
        time, features = time_column(case, (train, validation)), used_features(problem)
        read = read_leaks(case.current.code, target=case.target, time=time)
        written = {c: r for r in read if r.kind == "made-of-later-rows" for c in r.columns if c in features}
        seen = future_features(case, features)
        found = [_of_feature(f, written.get(f.column)) for f in seen]
        found += _of_levels(case, features)
        found += [_of_line(c, r, train.n_rows) for c, r in written.items() if c not in {f.column for f in seen}]
        if time is None:
            nothing = "" if found else f"No column of times to order the rows by, n = {train.n_rows:,}."
            return Look(tuple(found), 0.3, nothing, ("split",))
        late = later_rows(moments(train, time), moments(validation, time))
        sentence = f"{time}: {late:.1%} of {train.n_rows:,} training rows are later than the start of validation"
        if late > LATE:
            try:
                finding, sentence = past_alone(problem, time, late)
            except BudgetSpent:
                raise
            except RuleoutError as error:
                finding, sentence = None, f"{sentence}, and nothing could be fitted again ({error})"
            if finding is not None:
                found.append(finding)
        found.sort(key=lambda f: -f.evidence)
        return Look(tuple(found), 0.9, "" if found else f"{sentence}; n = {validation.n_rows:,}.", ("split",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Give the feature as it was known then, or blank it; or split all rows anew by time, into tables of the same sizes."""
        if finding.side == "reference":
            return mended_reference(case, finding, self.put_right)
        if "cells" in finding.repair:
            return known_then(case, finding.repair["column"], finding.repair["cells"], finding.repair["outcome"])
        if "column" in finding.repair:
            return blanked(case, [finding.repair["column"]])
        train, validation, time = case.current.train, case.current.validation, finding.repair["time"]
        if train is None or validation is None or time not in train or time not in validation:
            return None
        when = np.concatenate([moments(train, time), moments(validation, time)])
        return cut_anew(case, np.argsort(when, kind="stable"))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Validation rows are newer than the newest training row; for a split alone."""
        train, time = problem.case.current.train, finding.repair.get("time")
        validation = problem.case.current.validation
        if time is None or train is None or validation is None or train.kind(time) == "numeric":
            return None
        newest = max((v for v in train.texts(time).tolist() if v is not None), default=None)
        if newest is None or newest <= max((v for v in validation.texts(time).tolist() if v is not None), default=""):
            return None
        return Guard(
            self.id(),
            finding.place,
            "newest_time",
            "validation",
            {"column": time, "at_least": newest},
            "Training is newer than validation.",
        )


def _knew_later_rows(was: Problem, now: Problem) -> bool:
    """Whether the reference's split mixed past and future where the current one does not, or a feature or line of code of it alone did."""
    before, after = (_mixed(problem) for problem in (was, now))
    if before > LATE and after <= before / 2:
        return True
    lines, since = ({r.text for r in _lines(problem.case)} for problem in (was, now))
    return bool(lines - since or future_features(was.case, used_features(was)))


def _mixed(problem: Problem) -> float:
    """The share of training rows later than the start of validation; 0 where rows have no time."""
    train, validation = problem.case.current.train, problem.case.current.validation
    time = time_column(problem.case, (train, validation)) if train is not None and validation is not None else None
    if time is None or train is None or validation is None:
        return 0.0
    return later_rows(moments(train, time), moments(validation, time))


def _lines(case: Case) -> list[Reading]:
    """The lines of the current side's code that reach into later rows."""
    return [r for r in read_leaks(case.current.code, target=case.target, time=case.time) if r.kind == "made-of-later-rows"]


def _of_feature(foretold: Foretold, line: Reading | None) -> Finding:
    column, n = foretold.column, foretold.n
    named = 0.4 if line is not None or FUTURE.search(column) else 0.0
    where = f" ({line.file}:{line.line})" if line is not None else ""
    said = (
        f"{column}{where}: it repeats the target {foretold.ahead} rows ahead in {foretold.around:.1%} of the rows, n = {n:,}."
        if foretold.ahead
        else f"{column}{where}: targets around its row explain it (R2 {foretold.around:.4f}), those up to its row do not "
        f"(R2 {foretold.before:.4f}), n = {n:,}."
    )
    figures = {"around": foretold.around, "before": foretold.before, "ahead": foretold.ahead, "n": n}
    sure = foretold.ahead > 0 or foretold.around >= MADE
    return Finding(column, "train", bounded(3.5 + named), said, figures, {"column": column}, specificity=0.9, certain=sure)


def _of_levels(case: Case, features: tuple[str, ...]) -> Iterator[Finding]:
    """Features that are the level of the target by entity over the rows to be predicted too, where these come after training."""
    if not split_by_time(case):
        return
    exact = {e.column for e in encoded_features(case, features)}
    for found in levelled_features(case, features):
        if found.column in exact:
            continue
        level = found.level
        what = f"share of {found.outcome!r}" if found.outcome is not None else "mean"
        said = (
            f"{found.column}: the target's {what} by {found.cells}, the later rows of validation counted like those before (weight "
            f"{level.held_out:.2f} of a training row's; R2 {level.together:.3f} over both, {level.alone:.3f} over training alone); "
            f"expected: earlier rows alone, n = {level.n_cells:,}."
        )
        figures = {"together": level.together, "alone": level.alone, "held_out": level.held_out, "n": level.n_cells}
        yield Finding(found.column, "train", 3.2, said, figures, found.repair, specificity=0.85, certain=found.sure)


def _of_line(column: str, line: Reading, n: int) -> Finding:
    said = f"{column}: {line.file}:{line.line} makes it of later rows; expected: of earlier ones, n = {n:,}: `{line.text[:100]}`."
    figures: dict[str, Any] = {"file": line.file, "line": line.line, "n": n}
    return Finding(column, "train", 3.2, said, figures, {"column": column}, specificity=0.85)
