"""Restate the problem: reproduce what was reported, measure both sides, and ask whether the difference is real."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ruleout.case.budget import Budget, budget_of
from ruleout.case.case import Case, Side, SideName
from ruleout.case.profiles import without_profiles
from ruleout.environments.installations import Installations
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.problem.again import same_again
from ruleout.problem.black_box import is_black_box, state_factors
from ruleout.problem.fits import Fits
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.metric import Evaluation
from ruleout.problem.other_kinds import state_alone, state_invalid_output, state_too_good, state_training
from ruleout.problem.plan import Plan
from ruleout.problem.problem import Kind, Problem
from ruleout.problem.replay import compare_answers, logged_answers
from ruleout.problem.risen import before_it_rose, rose_at_once
from ruleout.problem.sampling import sampled_case
from ruleout.problem.situation import Situation, situation_of
from ruleout.problem.wild_rows import wild_rows
from ruleout.runs import ALONE, Workers
from ruleout.statistics.difference import Difference
from ruleout.store import Store

__all__ = ["state_problem"]

FLOOR = 0.005
"""Smallest change that counts where nobody says (docs/decides.md): half a point of accuracy."""

ROUNDING = 0.0051
"""A reported number may be rounded to two digits, so this much is no disagreement."""

MOST_ROWS_WORSE, FEWEST_SIGNS = 0.6, 400
"""Share of rows that must be worse for a fall to be real although its interval is wide, of at least so many: z is 4 then."""

TAME, LEAST_RISE = 0.99, 0.1
"""Part of the rows that are not wild, and by how much their mean loss must have risen for such a fall to be one."""

BOOTSTRAP_ROWS = 10_000
"""Rows of each bootstrap training."""

UNMEASURED_NOISE = 0.003
"""Standard deviation that trainings are taken to have where no budget is left to measure it."""

SIDES: tuple[SideName, SideName] = ("reference", "current")

ALIKE = 0.985
"""Part of the answers that must be the same, or follow, for nothing to be wrong with them; the rest is platform and rounding."""


def state_problem(
    case: Case,
    *,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    installations: Installations | None = None,
    store: Store | None = None,
    tell: Callable[[Plan], None] | None = None,
    workers: Workers = ALONE,
) -> Problem:
    """Say the problem back in measured numbers.

    The reported metric is reproduced first; then the metric of both sides is measured, unpaired across their own rows and paired
    where the same rows can be scored by both models; the noise is what samples, seeds and refits on other rows produce.

    Parameters
    ----------
    case
        A settled case.
    seed
        Seed of every random choice from here on.
    budget
        What trainings may take: seconds, `"10m"`, `"12 runs"`; None without limit.
    installations
        Both sides' environments, installed: each side is then measured in its own; None to measure both here.
    store
        Where results are kept from one investigation to the next; None keeps nothing.
    tell
        Called with what is planned before anything begins that will take over a minute.
    workers
        Who makes runs that need not wait for each other; by default one is made after the other.
    """
    fits = Fits(budget_of(budget), store or Store(None), tell or (lambda _: None), seed, workers)
    return _state(case, seed, fits, installations)


def _state(case: Case, seed: int, fits: Fits, installations: Installations | None) -> Problem:
    if is_black_box(case):
        return state_factors(case, seed=seed, fits=fits)
    case, profiles = without_profiles(case)
    case, whole = sampled_case(case)
    if profiles or whole:
        found = _state(case, seed, fits, installations)
        return replace(found, profiles=profiles, whole=whole)
    case = _aligned(case)
    laboratory = Laboratory(case, seed=seed, fits=fits, installations=installations)
    situation = situation_of(case)
    if situation == "training":
        return state_training(case, laboratory)
    laboratory.prepare()
    measured = _Measured(
        {s: _outcome(laboratory, case, s) for s in SIDES}, {s: _reported(case.side(s), case.metric) for s in SIDES}, laboratory.stand_in
    )
    if situation in ("silent", "retraining", "too-good", "alone"):
        broken = state_invalid_output(case, laboratory, measured.recomputed, measured.reported, situation)
        if broken is not None:
            return broken
    before, after = measured.value("reference"), measured.value("current")
    if situation == "retraining" and before is not None and rose_at_once(case, before, after, laboratory.scorer.sign):
        return before_it_rose(_state(replace(case, reference=None), seed, fits, None), case, before)
    if situation == "too-good":
        return state_too_good(case, laboratory, measured.value("current"), _training_noise(laboratory, case))
    if case.reference is None and situation in ("alone", "silent"):
        return state_alone(case, laboratory, measured.value("current"), situation)
    trained_twice = situation in ("retraining", "silent") or (situation == "environment" and _two_artifacts(case))
    noise = _training_noise(laboratory, case) if trained_twice and measured.harm(laboratory) is not None else 0.0
    return _restate(case, laboratory, measured, noise, situation)


def _aligned(case: Case) -> Case:
    """The case with the rows of two serving logs in the same order, where their keys are the same, so that they pair."""
    reference, key = case.reference, case.key
    if reference is None or reference.serving is None or case.current.serving is None or key is None:
        return case
    first, second = reference.serving, case.current.serving
    if key not in first or key not in second or first.n_rows != second.n_rows:
        return case
    ours, theirs = first.texts(key), second.texts(key)
    if np.array_equal(ours, theirs) or len(set(ours.tolist())) < len(ours) or set(ours.tolist()) != set(theirs.tolist()):
        return case
    at = {value: row for row, value in enumerate(theirs.tolist())}
    return case.with_table("current", "serving", second.take(np.array([at[value] for value in ours.tolist()])))


@dataclass
class _Measured:
    """The metric of both sides, as recomputed and as reported."""

    recomputed: dict[SideName, Evaluation | None]
    reported: dict[SideName, float | None]
    stand_in: bool = False

    def value(self, side: SideName) -> float | None:
        """What is taken as the side's metric: measured where possible; where report and measurement disagree, the worse is the symptom."""
        found, said = self.recomputed[side], self.reported[side]
        if self.stand_in and said is not None:
            return said
        return said if found is None or not math.isfinite(found.value) else found.value

    def disagrees(self, side: SideName) -> bool:
        """Whether the reported number is not what the model and the rows give."""
        found, said = self.recomputed[side], self.reported[side]
        if self.stand_in or found is None or said is None or not math.isfinite(found.value):
            return False
        return not abs(found.value - said) <= ROUNDING * max(1.0, abs(said))

    def harm(self, laboratory: Laboratory) -> Difference | None:
        """How much worse the current side is, unpaired; None where a side has no number."""
        sign = laboratory.scorer.sign
        reference, current = self.recomputed["reference"], self.recomputed["current"]
        measurable = reference is not None and current is not None and math.isfinite(reference.value) and math.isfinite(current.value)
        if reference is not None and current is not None and measurable and not (self.stand_in and None not in self.reported.values()):
            found = reference.minus(current)
            return Difference(sign * found.value, found.error)
        first, second = self.value("reference"), self.value("current")
        if first is None or second is None:
            return None
        return Difference(sign * (first - second), _reported_error(first, second, reference or current))


def _restate(case: Case, laboratory: Laboratory, measured: _Measured, noise: float, situation: Situation) -> Problem:
    sign, metric = laboratory.scorer.sign, laboratory.scorer.name
    reference, current = measured.value("reference"), measured.value("current")
    harm = measured.harm(laboratory)
    said = measured.reported["current"]
    figures: dict[str, Any] = {
        "reported": dict(measured.reported),
        "recomputed": {s: None if e is None else e.value for s, e in measured.recomputed.items()},
        "training_noise": noise,
        "stand_in": measured.stand_in,
        "artifacts": sum(side is not None and side.model is not None for side in (case.reference, case.current)),
        "reasons": dict(laboratory.reasons),
    }
    reported_change = False
    if measured.disagrees("current") and said is not None and reference is not None and current is not None:
        baseline = measured.reported["reference"] if measured.reported["reference"] is not None else reference
        if sign * (current - said) > 0 and sign * (baseline - said) > FLOOR and harm is not None:
            # The number that alarmed people is the reported one; that it cannot be reproduced is the first finding.
            harm = Difference(sign * (baseline - said), harm.error)
            current, reported_change = said, True
    figures["disagrees"] = {s: measured.disagrees(s) for s in SIDES}
    by_itself = situation == "serving" and harm is None and current is not None and _against_replay(laboratory, figures)
    if by_itself:
        reference, harm = by_itself
    paired = _paired_harm(laboratory, case) if harm is not None and not reported_change else None
    floor = (
        case.min_effect if case.min_effect is not None else FLOOR * max(1.0, abs(reference or 1.0) if metric.startswith("neg_") else 1.0)
    )
    significant = False
    if harm is not None:
        total = harm.widened(math.sqrt(2) * noise)
        significant = total.low > 0 and harm.value >= floor
        significant = significant and not (by_itself and figures["answers_replayed"] >= ALIKE)
        if paired is not None:
            certain = paired.widened(math.sqrt(2) * noise)
            figures["paired_harm"] = {"value": paired.value, "interval": [certain.low, certain.high]}
            significant = significant or (certain.z() > 2.8 and paired.value >= floor)
        if not significant and harm.value >= 2 * floor and not reported_change:
            figures["worse_rows"] = _worse_rows(laboratory, case)
            significant = (figures["worse_rows"] or 0.0) >= MOST_ROWS_WORSE
            if not significant and situation in ("serving", "retraining"):
                figures["wild_rows"] = wild_rows(laboratory, case)
                significant = figures["wild_rows"] > 0
        figures["harm_error"] = total.error
        harm = total
    figures["reported_change"] = reported_change
    broken: Kind = "disagreement" if situation == "environment" else "degradation"
    kind: Kind = broken if significant else "none"
    unlabelled = _unlabelled(laboratory, current, figures) if situation in ("serving", "environment") else ""
    if unlabelled:
        # Replay and features need no labels: what they say is still to be looked at, and rests on observation.
        kind = "disagreement" if figures.get("answers_alike", 0.0) < ALIKE else "none"
    lone = by_itself and not significant
    if lone:
        # Nothing to hold the metric against: what the rows and the answers show by themselves is still looked at.
        kind = "disagreement"
    again = same_again(case) if kind == "none" and situation == "silent" else None
    repeated = ""
    if again is not None:
        # No metric can fall on the same rows: that they are the same is what is wrong.
        kind = "invalid-output"
        repeated = f" Yet every row of {' and '.join(again.tables)} is that of a run {again.days:,.0f} days earlier."
    return Problem(
        case=case,
        laboratory=laboratory,
        kind=kind,
        statement=_statement(metric, (reference, current), harm, floor, significant=significant, figures=figures) + unlabelled + repeated,
        metric=metric,
        reference=None if lone else reference,
        current=current,
        change=None if harm is None or lone else -sign * harm.value,
        interval=None if harm is None or lone else _ordered(-sign * harm.high, -sign * harm.low),
        significant=significant,
        harm=0.0 if harm is None else harm.value,
        noise=max(floor, 2 * noise),
        situation=situation,
        figures=figures,
    )


def _unlabelled(laboratory: Laboratory, current: float | None, figures: dict[str, Any]) -> str:
    """What a log without labels says by itself, in a sentence; "" where its metric is known or it holds no answers.

    `figures` is told the share of answers that follow (`answers_follow`), or that are the other environment's (`answers_alike`).
    """
    case = laboratory.case
    log, other = case.current.serving, case.reference.serving if case.reference is not None else None
    if current is not None or log is None or not {"prediction", "score"} & set(log.columns):
        return ""
    if other is not None and case.key in other and case.key in log and np.array_equal(other.texts(str(case.key)), log.texts(str(case.key))):
        try:
            alike = compare_answers(case, logged_answers(case, other), logged_answers(case, log))
        except RuleoutError as error:
            laboratory.reasons.setdefault("replay", str(error))
        else:
            figures["answers_alike"] = alike.rate
            return f" The labels are not known yet; both environments gave {alike.rate:.1%} of the n = {alike.n:,} rows one answer."
    try:
        found = laboratory.replay(log)
    except RuleoutError as error:
        laboratory.reasons.setdefault("replay", str(error))
        found = None
    if found is None:
        return " Labels of the requests are not known yet, so only their features can be looked at."
    figures["answers_follow"] = found.rate
    return (
        f" Labels of the requests are not known yet; the artifact gives {found.rate:.1%} of the n = {found.n:,} logged answers again"
        " for the logged features. Whether the world still answers as it did cannot be seen without labels."
    )


def _against_replay(laboratory: Laboratory, figures: dict[str, Any]) -> tuple[float, Difference] | None:
    """What the artifact itself would have reached on a log that stands alone, and how much worse the logged answers are, row by row.

    `figures` is told the share of answers that it gives again (`answers_replayed`). None where it cannot be asked.
    """
    case, log = laboratory.case, laboratory.case.current.serving
    model = laboratory.model("current")
    if log is None or model is None or case.target not in log or not {"prediction", "score"} & set(log.columns):
        return None
    try:
        found = laboratory.replay(log)
        asked, answered = laboratory.evaluate(model, log.without(["prediction", "score"])), laboratory.logged(log)
    except RuleoutError as error:
        laboratory.reasons.setdefault("replay", str(error))
        return None
    lost = asked.minus(answered)
    if found is None or not math.isfinite(lost.value) or not math.isfinite(lost.error):
        return None
    figures["answers_replayed"] = found.rate
    return asked.value, Difference(laboratory.scorer.sign * lost.value, lost.error)


def _two_artifacts(case: Case) -> bool:
    """Whether both sides hold an artifact, and not the same one: each was trained for itself."""
    first, second = case.reference.model if case.reference is not None else None, case.current.model
    return first is not None and second is not None and first.fingerprint != second.fingerprint


def _outcome(laboratory: Laboratory, case: Case, side: SideName) -> Evaluation | None:
    if case.side(side) is None or case.target is None:
        return None
    try:
        return laboratory.outcome(case, side)
    except RuleoutError as error:
        laboratory.reasons.setdefault(f"{side} metric", str(error))
        return None


def _paired_harm(laboratory: Laboratory, case: Case) -> Difference | None:
    """How much worse the current model is than the reference model on the same rows, over the rows of both validation tables."""
    first, second = laboratory.model("reference"), laboratory.model("current")
    if first is None or second is None or first.fingerprint == second.fingerprint:
        return None
    sign, found = laboratory.scorer.sign, []
    for side in SIDES:
        held = case.side(side)
        table = held.validation if held else None
        if table is None or case.target not in table:
            continue
        try:
            one = laboratory.evaluate(first, table).minus(laboratory.evaluate(second, table))
        except RuleoutError:
            continue
        if math.isfinite(one.value) and math.isfinite(one.error):
            found.append(Difference(sign * one.value, one.error))
    if not found:
        return None
    # The smaller of the two: a difference that shows on one side's rows alone lies in the rows, not in the model.
    return min(found, key=lambda d: d.value)


def _worse_rows(laboratory: Laboratory, case: Case) -> float | None:
    """Share of the current validation rows on which the current model errs by more than the reference's; None for classes or few rows.

    A few rows that go wild hide a fall in their own scatter; the sign test does not mind them (Dixon and Mood, 1946).
    """
    first, second, table = laboratory.model("reference"), laboratory.model("current"), case.current.validation
    if first is None or second is None or table is None or case.task != "regression" or case.target not in table:
        return None
    try:
        before, after = laboratory.losses(first, table), laboratory.losses(second, table)
    except RuleoutError:
        return None
    known = np.isfinite(before) & np.isfinite(after) & (before != after)
    if known.sum() < FEWEST_SIGNS:
        return None
    before, after = before[known], after[known]
    # Any two trainings differ by a smooth function, which is worse on most rows by very little: the tame rows must lose more, too.
    tame = np.maximum(before, after) <= np.quantile(np.maximum(before, after), TAME)
    if after[tame].mean() < (1.0 + LEAST_RISE) * before[tame].mean():
        return 0.0
    return float(np.mean(after > before))


def _training_noise(laboratory: Laboratory, case: Case, trainings: int = 3) -> float:
    """Standard deviation of the metric over trainings on other rows of the same population, with other seeds.

    From refits on bootstrap samples of the reference's training rows (Efron, 1979), each of the full size, so that a model that
    needs its rows or its steps is not taken for a noisy one; the variance is shrunk towards 0.003^2 with the weight of two refits.
    """
    side: SideName = "reference" if case.reference is not None and case.reference.train is not None else "current"
    held = case.side(side) or Side()
    table, judged = held.train, held.validation
    if table is None or judged is None or not laboratory.can_fit(side) or table.n_rows < 200:
        return 0.0
    rng, values = np.random.default_rng(laboratory.seed), []
    n = min(table.n_rows, BOOTSTRAP_ROWS)
    drawn = [case.with_table(side, "train", table.take(np.sort(rng.integers(0, table.n_rows, n)))) for _ in range(trainings)]
    laboratory.foresee((again, side, laboratory.seed + number) for number, again in enumerate(drawn))
    for number, again in enumerate(drawn):
        try:
            value = laboratory.metric(laboratory.fit(again, side, seed=laboratory.seed + number), judged)
        except BudgetSpent:
            return UNMEASURED_NOISE
        except RuleoutError:
            return 0.0
        if math.isfinite(value):
            values.append(value)
    spread = float(np.sum((np.array(values) - np.mean(values)) ** 2)) if len(values) > 1 else 0.0
    return math.sqrt((spread + 2 * UNMEASURED_NOISE**2) / (max(len(values) - 1, 0) + 2))


def _reported(side: Side | None, metric: str | None) -> float | None:
    """The number that the side's pipeline reported for the metric, where it is one."""
    metrics = side.metrics if side else None
    if not metrics or metric is None:
        return None
    for name in (metric, f"val_{metric}", f"validation_{metric}", f"{metric}_score", metric.removeprefix("neg_")):
        value = metrics.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return -float(value) if name != metric and metric.startswith("neg_") and name == metric.removeprefix("neg_") else float(value)
    return None


def _reported_error(first: float, second: float, other: Evaluation | None) -> float:
    """Standard error of a difference of two reported numbers: binomial where they look like rates, on the rows that are known of."""
    n = other.n if other is not None and other.n else 1000
    spread = [math.sqrt(max(v * (1 - v), 0.01)) if 0 <= v <= 1 else 0.5 for v in (first, second)]
    return math.hypot(spread[0], spread[1]) / math.sqrt(n)


def _ordered(first: float, second: float) -> tuple[float, float]:
    return (first, second) if first <= second else (second, first)


def _statement(
    metric: str,
    values: tuple[float | None, float | None],
    harm: Difference | None,
    floor: float,
    *,
    significant: bool,
    figures: dict[str, Any],
) -> str:
    """The problem in one's own words, with its numbers."""
    reference, current = values
    if reference is None or current is None or harm is None:
        whose = "neither side" if reference is None and current is None else ("the reference" if reference is None else "the current side")
        return (
            f"{metric} of {whose} could be measured or was reported." if whose == "neither side" else f"{metric} of {whose} is not known."
        )
    way = "worse" if harm.value > 0 else "better" if harm.value < 0 else "unchanged"
    bounds = f"95 % interval {harm.low:+.4f} to {harm.high:+.4f}"
    change = f"{metric} went from {reference:.4g} to {current:.4g}: {way} by {abs(harm.value):.4f} ({bounds})"
    if "answers_replayed" in figures:
        given = f"the artifact gives {figures['answers_replayed']:.1%} of the logged answers again for the logged features"
        if not significant:
            return f"{metric} of the logged answers is {current:.4g}; {given}. What it should be is not known: there is no reference."
        return (
            f"{metric} of the logged answers is {current:.4g}, and {reference:.4g} of what the artifact answers for the logged features:"
            f" {way} by {abs(harm.value):.4f} ({bounds}), beyond noise; {given}."
        )
    if figures["reported_change"]:
        return f"{change}, but {current:.4g} is only what was reported: model and rows give {figures['recomputed']['current']:.4g}."
    if not significant and harm.low > 0:
        return f"{change}. That is beyond noise, but less than the smallest change that counts here, {floor:.4g} ([case] min_effect)."
    if not significant:
        seen = max(harm.error * 2.8, floor)
        return f"{change}. That is within the noise of samples and trainings; a fall of {seen:.3f} would have been seen with power 0.8."
    if figures["disagrees"]["current"] and figures["reported"]["current"] is not None:
        return f"{change}. The pipeline reported {figures['reported']['current']:.4g}, which the artifact does not reproduce."
    aside = ""
    if figures["stand_in"]:
        lacking = "No artifact could be opened" if figures["artifacts"] else "The case holds no artifact"
        aside = f" {lacking}, so ruleout's own boosted trees stand in for the model where something is fitted."
    return f"{change}, beyond noise. The code still runs; this is about quality.{aside}"
