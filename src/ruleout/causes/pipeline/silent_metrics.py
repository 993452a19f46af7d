"""The page on metrics that are no numbers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.stages import failed_stage
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["SilentMetrics"]


class SilentMetrics(Cause):
    """The pipeline reported a metric that is null, NaN or absent, and nobody was told.

    What goes wrong
    ---------------
    The number by which the run would be judged does not exist, and every comparison with a threshold is silently false.

    Why it happens
    --------------
    The validation table is empty or holds one class only, predictions are NaN, the evaluation stage was skipped, or a name changed
    between the stage that writes the metric and the one that reads it.

    What you see
    ------------
    A gap in the dashboard while every job is green; `NaN` or `null` in the metrics file, or a file without the usual names.

    How it is tested
    ----------------
    Every reported value is read: null, NaN and infinities, and names that the reference's report has and this one lacks, count;
    evidence 3.6. The validation table tells why: no rows, or one class, for which no AUC exists.

    What would rule it out
    ----------------------
    Every metric that the reference's run reported is there and is a number.

    How it is fixed
    ---------------
    Mend what came first (the table, the artifact, the stage), then compute the metric again; let the evaluation raise where it cannot
    compute one.

    How it stays fixed
    ------------------
    An alarm on null and NaN metrics, and a gate that refuses an artifact without a finite one.

    Told apart from
    ---------------
    What made the metric impossible comes first: data.missing-partition (no rows, one class), pipeline.empty-artifact,
    model.non-finite. A metric that is a number, but of something else, is pipeline.metric.

    References
    ----------
    Breck et al. (2017), The ML test score, IEEE Big Data. Polyzotis et al. (2019), Data validation for machine learning, MLSys.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("current.metrics",), ("current.runlog",))
    cost: ClassVar[float] = 0.02
    follows: ClassVar[tuple[str, ...]] = (
        "data.missing-partition",
        "data.missing-values",
        "data.schema-mismatch",
        "data.stale",
        "data.label-errors",
        "data.outliers",
        "pipeline.empty-artifact",
        "pipeline.serialization",
        "model.non-finite",
        "model.checkpoint",
    )

    def suspect(self, problem: Problem) -> Look:
        """Read what was reported, and hold its names against the reference's."""
        case = problem.case
        now, was = case.current.metrics, case.reference.metrics if case.reference else None
        why = _why(case)
        findings = [_finding(name, _shown(value), why) for name, value in (now or {}).items() if _is_none(value)]
        findings += [
            _finding(name, "absent", why) for name in was or {} if now is not None and name not in now and not _is_none((was or {})[name])
        ]
        if now is not None and not now and not findings:
            findings.append(_finding(case.metric or "", "absent", why))
        if not findings:
            n = len(now or {})
            return Look(
                (), 0.97 if now is not None else 0.0, f"metrics: all n = {n} reported values are there and are numbers.", ("metrics",)
            )
        findings.sort(key=lambda f: f.place != f"metrics.{case.metric}")
        return Look(tuple(findings), 0.97, covers=("metrics",))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The metric is a number at all."""
        name = str(finding.figures["metric"])
        reference = problem.case.reference
        value = (reference.metrics or {}).get(name) if reference else None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        wide = {"metric": name, "low": value - max(1.0, 10 * abs(value)), "high": value + max(1.0, 10 * abs(value))}
        return Guard(self.id(), finding.place, "metric_between", "metrics", wide, f"{finding.place} is no number.")


def _finding(name: str, value: str, why: str) -> Finding:
    place = f"metrics.{name}" if name else "metrics"
    said = f"{place}: reported as {value}, expected a number{why}, n = 1 metric."
    return Finding(place, "metrics", 3.6, said, {"metric": name, "value": value}, specificity=0.3)


def _why(case: Case) -> str:
    table, target = case.current.validation, case.target
    if table is not None and table.n_rows == 0:
        return "; the validation table holds 0 rows"
    if table is not None and target in table and case.task != "regression":
        n_classes = len({v for v in table.texts(str(target)).tolist() if v is not None})
        if n_classes < 2:
            return f"; the validation table holds {n_classes} class in {table.n_rows:,} rows"
    failed = failed_stage(case)
    return f"; {failed.statement.rstrip('.')}" if failed is not None else ""


def _is_none(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("nan", "null", "none", "", "inf", "-inf", "n/a")
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _shown(value: Any) -> str:
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return "null" if value is None else str(value)
