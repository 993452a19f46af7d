"""The page on metrics that are computed differently."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.causes.definitions import Definition, classification, ranking, regression, thresholds
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import better, figure, measured
from ruleout.errors import RuleoutError
from ruleout.guards.guard import Guard
from ruleout.models.model import Prediction
from ruleout.problem.problem import Problem
from ruleout.problem.replay import logged_answers
from ruleout.tables.table import Table

__all__ = ["Metric"]

ROUNDING = 0.0051
ROWS = ("rows", "n_rows", "n", "n_samples", "samples", "support", "count")


class Metric(Cause):
    """The metric is computed differently from before, so the number moved and the model did not.

    What goes wrong
    ---------------
    The reported metric is not what the model and the table give under the agreed definition: another averaging, another positive
    class, another threshold, a subset of the rows, weights, a square or a logarithm.

    Why it happens
    --------------
    A library's default average differs, an evaluation script is rewritten, a filter for a dashboard stays in place, labels are
    sorted otherwise so that the other class counts as positive, a threshold is tuned and kept.

    What you see
    ------------
    The number falls (or rises) overnight, and predictions on the same table are as good as before.

    How it is tested
    ----------------
    The metric is recomputed from the artifact and the table. Where reported and recomputed differ beyond rounding, other definitions are
    tried until one reproduces the reported number to its last digit: averages, classes, thresholds, each level of each category, each
    column as weights, errors squared or on logarithms.

    Evidence 3 for a report that is worse than the recomputed number, 1 more where the reference's report is reproduced, 0.5 more where a
    definition fits.

    A report that is better than what the artifact gives counts 2 where a definition without a free parameter fits and 0.3 where none does:
    then the artifact is the likelier fault.

    What would rule it out
    ----------------------
    A reported number that the artifact reproduces on its own validation table.

    How it is fixed
    ---------------
    Compute the metric as agreed, and correct the reports since the change.

    How it stays fixed
    ------------------
    Give the metric one implementation, pin its options beside its name, and let the gate recompute it from artifact and table.

    Told apart from
    ---------------
    model.checkpoint, where the report is good and the artifact is not. pipeline.threshold, where the answers that go out are cut
    elsewhere, not only those that were measured.

    References
    ----------
    Sokolova and Lapalme (2009), A systematic analysis of performance measures, Information Processing and Management 45. Hand and
    Till (2001), A simple generalisation of the area under the ROC curve, Machine Learning 45. Opitz and Burst (2019), Macro F1 and
    macro F1, arXiv 1911.03347.
    """

    needs = (
        ("current.model", "current.validation", "current.metrics"),
        ("reference.model", "reference.validation", "reference.metrics"),
        ("current.metrics", "current.validation"),
        ("current.metrics", "current.serving"),
    )
    cost = 0.5
    # A number that the columns in another order give is that order's doing.
    gives_way_to = ("pipeline.feature-order",)

    def suspect(self, problem: Problem) -> Look:
        """Recompute what was reported on both sides, and look for the definition that gives what does not agree."""
        sides: tuple[SideName, SideName] = ("current", "reference")
        found = [f for side in sides for f in (_disagreement(problem, side), _counted(problem, side)) if f is not None]
        checked = [side for side in sides if _pair(problem, side) is not None]
        if found:
            return Look((max(found, key=lambda f: f.evidence),), 0.95, covers=("metrics",))
        judged = _judged(problem, "current")
        n = judged[0].n_rows if judged else 0
        if not checked:
            return Look((), 0.0, f"metrics: nothing was reported that could be recomputed, n = {n:,}.")
        said = " and ".join(checked)
        return Look(
            (), 0.97, f"metrics.{_name(problem)}: the reported number is reproduced on {said}, within {ROUNDING}, n = {n:,}.", ("metrics",)
        )

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The side with the recomputed metric in place of the reported one."""
        held, value = case.side(finding.side), finding.repair.get("recomputed")
        if held is None or value is None:
            return None
        return case.with_side(finding.side, replace(held, metrics={**(held.metrics or {}), finding.repair["key"]: value}))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The reported metric is what the artifact gives on the validation table."""
        if finding.repair.get("recomputed") is None:
            return None
        given = {"metric": finding.repair["key"], "table": "validation", "tolerance": ROUNDING}
        return Guard(
            self.id(), finding.place, "metric_reproduced", "metrics", given, "The reported metric is not what model and table give."
        )


def _disagreement(problem: Problem, side: SideName) -> Finding | None:
    pair = _pair(problem, side)
    held = problem.case.side(side)
    judged = _judged(problem, side)
    if pair is None or held is None or judged is None:
        return None
    said, given = pair
    if abs(said - given) <= ROUNDING * max(1.0, abs(given)) and not (_digits(said) >= 4 and abs(said - given) > 2 * ROUNDING):
        return None
    other = _pair(problem, "reference" if side == "current" else "current")
    reproduced = other is not None and abs(other[0] - other[1]) <= ROUNDING * max(1.0, abs(other[1]))
    worse = better(problem) * (given - said) > 0
    definition = _reproducing(problem, side, said)
    free = definition is not None and "threshold" in definition.words
    if worse == (side == "current"):
        evidence = 3.0 + (1.0 if reproduced else 0.0) + (0.5 if definition else 0.0)
    else:
        evidence = 2.0 if definition is not None and not free else 0.3
    how = f"; {definition.words} gives the reported number" if definition else "; no other definition tried gives the reported number"
    key = _key(problem, side)
    prefix = "" if side == "current" else "reference."
    n = judged[0].n_rows
    statement = f"{prefix}metrics.{key}: reported {said:.6g}, recomputed {given:.6g}, expected within {ROUNDING}{how}, n = {n:,}."
    sign = -1.0 if (problem.metric or "").startswith("neg_") and not key.startswith("neg_") else 1.0
    figures: dict[str, Any] = {"reported": said, "recomputed": given, "definition": definition.words if definition else None, "n": n}
    repair = {"key": key, "recomputed": sign * given}
    return Finding(f"metrics.{key}", "metrics", evidence, statement, figures, repair, side=side, specificity=0.95 if definition else 0.7)


def _counted(problem: Problem, side: SideName) -> Finding | None:
    """A report that says on how many rows it rests, and the table has another number while the other side's agree."""
    held, other = problem.case.side(side), problem.case.side("reference" if side == "current" else "current")
    if held is None or held.validation is None or not held.metrics or not other or other.validation is None or not other.metrics:
        return None
    key = next((k for k in ROWS if isinstance(held.metrics.get(k), int) and isinstance(other.metrics.get(k), int)), None)
    if key is None or other.metrics[key] != other.validation.n_rows or held.metrics[key] == held.validation.n_rows:
        return None
    said, n = int(held.metrics[key]), held.validation.n_rows
    place = f"metrics.{_key(problem, side)}"
    statement = f"{place}: reported on {said:,} rows, expected the {n:,} of the validation table as on the other side, n = {n:,}."
    figures = {"rows": said, "n": n}
    return Finding(place, "metrics", 1.2, statement, figures, {"key": _key(problem, side)}, side=side, specificity=0.5)


def _pair(problem: Problem, side: SideName) -> tuple[float, float] | None:
    """What a side reported for the metric and what its artifact gives on its validation rows, in the metric's own direction."""
    held, judged = problem.case.side(side), _judged(problem, side)
    if held is None or judged is None:
        return None
    said = figure(problem, "reported", side)
    if said is None:
        value = (held.metrics or {}).get(_key(problem, side))
        said = float(value) if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None
    given = figure(problem, "recomputed", side)
    if given is None and judged[0].name == "validation":
        given = measured(problem, problem.laboratory.model(side), judged[0])
    return None if said is None or given is None else (said, given)


def _judged(problem: Problem, side: SideName) -> tuple[Table, Prediction | None] | None:
    """The rows that a side's report rests on, with the answers for them: its validation table, in production its labelled log."""
    held, target = problem.case.side(side), problem.case.target
    if held is None or target is None:
        return None
    tables = [held.serving, held.validation] if problem.situation in ("serving", "environment") else [held.validation]
    table = next((t for t in tables if t is not None and target in t), None)
    if table is None:
        return None
    try:
        if table.name == "serving":
            return table, logged_answers(problem.case, table)
        model = problem.laboratory.model(side)
        return table, None if model is None else problem.laboratory.predict(model, table)
    except RuleoutError:
        return table, None


def _reproducing(problem: Problem, side: SideName, said: float) -> Definition | None:
    """The first other definition that gives the reported number to its last digit."""
    judged, target = _judged(problem, side), problem.case.target
    if judged is None or judged[1] is None or target is None:
        return None
    table, answer = judged[0], judged[1]
    within = 0.5 * 10.0 ** -min(_digits(said), 9) + 1e-9
    for definition in _definitions(problem, table, target, answer):
        if math.isfinite(definition.value) and abs(abs(said) - definition.value) <= within:
            return definition
    return None


def _definitions(problem: Problem, table: Table, target: str, answer: Prediction) -> Iterator[Definition]:
    """Every definition that is tried, the simplest first: whole table, then subsets, then weights, then thresholds."""
    name = _name(problem)
    if problem.case.task == "regression":
        truth, given = table.numbers(target), np.asarray(answer.prediction, dtype=float)
        kept = np.isfinite(truth) & np.isfinite(given)
        yield from regression(truth[kept], given[kept])
        stem = _regression_stem(name)
        for words, rows in _subsets(table, kept, target):
            yield from (Definition(f"{d.words} on {words}", d.value) for d in regression(truth[rows], given[rows]) if d.words == stem)
        for column, weights in _weights(table, target):
            yield from (
                Definition(f"{d.words} weighted by {column}", d.value)
                for d in regression(truth[kept], given[kept], weights[kept])
                if d.words == stem
            )
        return
    labels = table.texts(target)
    kept = np.array([v is not None for v in labels.tolist()], dtype=bool)
    said = np.array([_text(v) for v in np.asarray(answer.prediction).tolist()], dtype=object)
    classes = tuple(_text(c) for c in answer.classes or ())
    yield from classification(labels[kept], said[kept])
    score = answer.score
    full = np.column_stack([1 - score, score]) if score is not None and score.ndim == 1 else score
    if full is not None and len(classes) == full.shape[1]:
        yield from ranking(labels[kept], full[kept], classes)
    stem = _classification_stem(
        name, _text(problem.case.positive) if problem.case.positive is not None else (classes[-1] if classes else "")
    )
    for words, rows in _subsets(table, kept, target):
        yield from (
            Definition(f"{d.words} on {words}", d.value) for d in classification(labels[rows], said[rows], only=stem) if d.words == stem
        )
    for column, weights in _weights(table, target):
        pairs = classification(labels[kept], said[kept], weights[kept], only=stem)
        yield from (Definition(f"{d.words} weighted by {column}", d.value) for d in pairs if d.words == stem)
    if full is not None and full.shape[1] == 2 and len(classes) == 2:
        at = (
            classes.index(_text(problem.case.positive))
            if problem.case.positive is not None and _text(problem.case.positive) in classes
            else 1
        )
        yield from thresholds(name.split("_")[0] if name != "balanced_accuracy" else name, labels[kept] == classes[at], full[kept, at])


def _subsets(table: Table, kept: np.ndarray, target: str) -> Iterator[tuple[str, np.ndarray]]:
    """Parts of the rows that a filter may have left: one level of a category or all but it, rows without nulls, either half."""
    n = table.n_rows
    half = np.arange(n) < n // 2
    yield "the first half of the rows", kept & half
    yield "the second half of the rows", kept & ~half
    for column in table.columns[:60]:
        if table.kind(column) not in ("category", "numeric") or column == target:
            continue
        texts = table.texts(column)
        empty = np.array([v is None for v in texts.tolist()], dtype=bool)
        if 0 < empty.sum() < n:
            yield f"the rows where {column} is known", kept & ~empty
        levels = sorted({v for v in texts.tolist() if v is not None}) if n else []
        if not 2 <= len(levels) <= 30:
            continue
        for level in levels:
            rows = np.asarray(texts == level, dtype=bool)
            yield f"the rows where {column} is {level!r}", kept & rows
            yield f"the rows where {column} is not {level!r}", kept & ~rows


def _weights(table: Table, target: str) -> Iterator[tuple[str, np.ndarray]]:
    for column in table.of_kind("numeric")[:60]:
        values = table.numbers(column)
        if column != target and len(values) and np.isfinite(values).all() and values.min() >= 0 and values.max() > values.min():
            yield column, values


def _name(problem: Problem) -> str:
    return problem.metric or problem.case.metric or "metric"


def _key(problem: Problem, side: SideName) -> str:
    """The name under which a side reported the metric."""
    name, held = _name(problem), problem.case.side(side)
    names = (name, f"val_{name}", f"validation_{name}", f"{name}_score", name.removeprefix("neg_"))
    return next((n for n in names if held and held.metrics and n in held.metrics), name)


def _classification_stem(name: str, positive: str) -> str:
    measure, _, average = name.partition("_")
    title = {"f1": "F1", "precision": "precision", "recall": "recall"}.get(measure)
    if title is None:
        return {"balanced_accuracy": "balanced accuracy"}.get(name, "accuracy")
    return f"{average} {title}" if average in ("macro", "weighted") else f"{title} of class {positive!r}"


def _regression_stem(name: str) -> str:
    stems = {"neg_mean_squared_error": "mean squared error", "neg_root_mean_squared_error": "root mean squared error"}
    return stems.get(name, "mean absolute error" if "absolute" in name else "R2")


def _digits(value: float) -> int:
    text = repr(float(value))
    return len(text.split(".")[1]) if "." in text and "e" not in text else 9


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
