"""Problems that are no fall of a metric: a run that does not converge, an output that is none, a score too good to be true."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ruleout.case.case import Case, Side, SideName
from ruleout.case.difference import config_difference
from ruleout.problem.curves import Curve, columns_of, judged_column, read_curve
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.metric import Evaluation
from ruleout.problem.problem import Problem
from ruleout.problem.situation import Situation
from ruleout.statistics.difference import Z95

__all__ = ["state_alone", "state_invalid_output", "state_too_good", "state_training"]

EVEN_FALL = 0.1
"""A fall of balanced accuracy from which a run is worse although its loss is not (docs/decides.md)."""


def state_training(case: Case, laboratory: Laboratory) -> Problem:
    """Restate curves: where both runs ended, and whether the difference is beyond the noise of their own ends.

    Without a reference nothing is held against anything: the pages say whether the curve itself is ill.
    """
    curves = {side: _judged(case.side(side), case.metric) for side in ("reference", "current")}
    current, reference = curves["current"], curves["reference"]
    if current is None:
        return Problem(
            case,
            laboratory,
            "none",
            "The history has no column of losses or metrics, so nothing can be said of the run.",
            situation="training",
        )
    broke = current.n_bad > 0 or not math.isfinite(current.end)
    name = current.name
    if reference is None or not math.isfinite(reference.end):
        end = "is no number" if broke else f"ended at {current.end:.4g} (best {current.best:.4g})"
        statement = f"{name} {end} after {len(current.values)} records; there is no reference run to hold it against."
        return Problem(
            case,
            laboratory,
            "training",
            statement,
            metric=name,
            current=_number(current.end, broke),
            significant=broke,
            situation="training",
            figures={"curve": name},
        )
    sign = 1.0 if current.lower_is_better else -1.0
    harm = math.inf if broke else sign * (current.end - reference.end)
    # a run that shakes more than the one that worked is ill by that, and must not hide behind its own noise
    error = math.hypot(min(current.noise, 2 * reference.noise), reference.noise)
    floor = max(_usual_difference(case, reference), 3 * error)
    significant = broke or harm > floor
    if not significant:
        # losses under other class weights cannot be compared, and one answer for every row has a good accuracy: classes counted alike can
        fallen = _fallen_score(case)
        if fallen is not None:
            reference, current, floor = fallen
            name, harm, significant = current.name, reference.end - current.end, True
            error = math.hypot(current.noise, reference.noise)
    change = None if broke else current.end - reference.end
    interval = None if change is None else (change - Z95 * error, change + Z95 * error)
    end = "became infinite or missing" if broke else f"ended at {current.end:.4g}"
    verdict = "beyond the noise of both curves" if significant else f"within the noise of the curves ({floor:.3g})"
    return Problem(
        case=case,
        laboratory=laboratory,
        kind="training" if significant else "none",
        statement=f"{name} {end}, the reference run at {reference.end:.4g}: {verdict}.",
        metric=name,
        reference=reference.end,
        current=_number(current.end, broke),
        change=change if change is not None else (None if broke else 0.0),
        interval=interval,
        significant=significant,
        harm=0.0 if broke else harm,
        noise=floor,
        situation="training",
        figures={"curve": name},
    )


def state_invalid_output(
    case: Case,
    laboratory: Laboratory,
    recomputed: Mapping[SideName, Evaluation | None],
    reported: Mapping[SideName, float | None],
    situation: Situation,
) -> Problem | None:
    """The problem where the current side's output is none: a metric that is no number, an artifact that is empty or does not load.

    None where the output is sound.
    """
    held, wrong = case.current, []
    metrics = held.metrics
    if metrics is not None:
        bad = [k for k, v in metrics.items() if v is None or (isinstance(v, float) and not math.isfinite(v))]
        if bad:
            wrong.append(f"metrics.{bad[0]} is {metrics[bad[0]]!r}")
        elif not metrics or (
            case.metric is not None
            and case.reference is not None
            and case.metric in (case.reference.metrics or {})
            and case.metric not in metrics
        ):
            wrong.append(f"metrics hold no {case.metric}")
    if held.model is not None:
        opened = laboratory.model("current")
        reason = laboratory.reasons.get("current", "")
        if opened is None and not laboratory.closed("current"):
            wrong.append(f"the artifact does not open ({reason.rstrip('.')})")
        elif opened is not None and (opened.describe().empty or not opened.describe().finite):
            wrong.append(f"the artifact holds nothing usable ({opened.describe().empty or 'weights that are no numbers'})")
        elif laboratory.broken("current") and not laboratory.broken("reference"):
            wrong.append(f"the artifact opens and does not answer ({laboratory.broken('current').rstrip('.')})")
    for name, table in (("train", held.train), ("validation", held.validation)):
        before_it = getattr(case.reference, name) if case.reference is not None else None
        if table is not None and table.n_rows == 0 and (before_it is None or before_it.n_rows > 0):
            wrong.append(f"the {name} table holds no rows")
    found = recomputed["current"]
    if found is not None and found.n and not math.isfinite(found.value):
        wrong.append(f"{laboratory.scorer.name} cannot be computed on the current validation rows")
    if not wrong:
        return None
    before = recomputed["reference"]
    reference = before.value if before is not None and math.isfinite(before.value) else reported["reference"]
    current = found.value if found is not None and math.isfinite(found.value) else None
    was = f" It was {reference:.4g}." if reference is not None else ""
    return Problem(
        case=case,
        laboratory=laboratory,
        kind="invalid-output",
        statement=f"The pipeline ended without an error, yet {', and '.join(wrong)}.{was}",
        metric=laboratory.scorer.name,
        reference=reference,
        current=current,
        significant=True,
        harm=abs(reference)
        if reference is not None and current is None
        else max(0.0, laboratory.scorer.sign * ((reference or 0.0) - (current or 0.0))),
        situation="silent" if situation in ("retraining", "too-good", "alone") else situation,
        figures={
            "wrong": wrong,
            "reported": dict(reported),
            "recomputed": {s: None if e is None else e.value for s, e in recomputed.items()},
        },
    )


def state_too_good(case: Case, laboratory: Laboratory, value: float | None, noise: float) -> Problem:
    """The problem where one side alone claims a score: is it honest? The harm is unknown until a leak is put right."""
    name = laboratory.scorer.name
    claimed = "is not known" if value is None else f"is {value:.4g}"
    n = case.current.validation.n_rows if case.current.validation is not None else 0
    return Problem(
        case=case,
        laboratory=laboratory,
        kind="too-good",
        statement=f"{name} {claimed} on {n:,} validation rows, without a reference: is it honest, or does something leak?",
        metric=name,
        current=value,
        significant=False,
        noise=max(0.005, 2 * noise),
        situation="too-good",
        figures={"training_noise": noise, "reasons": dict(laboratory.reasons), "recomputed": {"current": value, "reference": None}},
    )


def state_alone(case: Case, laboratory: Laboratory, value: float | None, situation: Situation) -> Problem:
    """The problem where there is nothing to hold the evidence against, so that it is judged by itself."""
    held, name = case.current, laboratory.scorer.name
    tables = [(n, t) for n in ("train", "validation", "serving") if (t := held.table(n)) is not None]
    parts = [f"the {n} table ({t.n_rows:,} rows, {len(t.columns)} columns)" for n, t in tables]
    parts += [f"the run log ({len(held.runlog)} stages)"] if held.runlog else []
    parts += [f"the {n}" for n in ("model", "metrics", "config", "environment", "code", "history") if getattr(held, n)]
    measured = f" {name} is {value:.4g}." if value is not None else ""
    verb = "is" if len(parts) == 1 else "are"
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"
    return Problem(
        case=case,
        laboratory=laboratory,
        kind="invalid-output",
        statement=f"{listed[0].upper()}{listed[1:]} {verb} all there is, without a reference: judged by itself, is it sound?{measured}",
        metric=name,
        current=value,
        situation=situation,
        figures={"reasons": dict(laboratory.reasons), "recomputed": {"current": value, "reference": None}},
    )


def _usual_difference(case: Case, reference: Curve) -> float:
    """How far two healthy runs of one recipe end apart, from seed to seed.

    Measured on 134 pairs of small networks (the project's own, on six data sets): 95 % end within 25 % of each other or within 15 % of
    the whole fall, and fewer than 1 % miss both 15 % and 8 %. Where the settings differ a smaller difference is worth a question, and
    where they are the same and the reference ends on a slope, what it fell by in its last fifth is none.
    """
    other = case.reference.config if case.reference else None
    same = other is None or case.current.config is None or not config_difference(other, case.current.config)
    of_level, of_fall = (0.25, 0.08) if same else (0.06, 0.03)
    finite = reference.values[np.isfinite(reference.values)]
    if same and len(finite) >= 4:
        # of two runs that both end on a slope the one is where the other was a little before its end
        earlier = float(finite[-1 - max(1, len(finite) // 5)])
        late = (earlier - reference.end) if reference.lower_is_better else (reference.end - earlier)
        return max(late, _of_level_and_fall(reference, finite, of_level, of_fall))
    return _of_level_and_fall(reference, finite, of_level, of_fall)


def _of_level_and_fall(reference: Curve, finite: np.ndarray, of_level: float, of_fall: float) -> float:
    first = float(finite[0]) if len(finite) else reference.end
    if reference.lower_is_better:
        return max(of_level * abs(reference.end), of_fall * max(first - reference.end, abs(first) / 2))
    # a score: what is lacking to the best possible one takes the place of the level
    lacking = 1.0 - reference.end if 0.0 <= reference.end <= 1.0 else abs(reference.end)
    return max(of_level * max(lacking, 0.1), of_fall * max(reference.end - first, 0.1))


def _fallen_score(case: Case) -> tuple[Curve, Curve, float] | None:
    """The score of even classes of both runs, and what they must differ by, where the current one's is lower by more than that."""
    both = [side.history for side in (case.reference, case.current) if side is not None and side.history is not None]
    names = [columns_of(history).even_score for history in both]
    if len(both) < 2 or None in names or names[0] != names[1]:
        return None
    reference, current = (read_curve(history, str(names[0])) for history in both)
    floor = max(_usual_difference(case, reference), 3 * math.hypot(current.noise, reference.noise), EVEN_FALL)
    return (reference, current, floor) if reference.end - current.end > floor else None


def _judged(side: Side | None, metric: str | None) -> Curve | None:
    if side is None or side.history is None:
        return None
    column = judged_column(side.history, metric)
    return None if column is None else read_curve(side.history, column)


def _number(value: float, broke: bool) -> float | None:
    return None if broke or not math.isfinite(value) else value
