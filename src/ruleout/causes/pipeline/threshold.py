"""The page on thresholds and what else happens to a score after the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answered_elsewhere import Elsewhere, answered_as_there, answered_elsewhere
from ruleout.causes.answers import ANSWERED, Answers, answers_of, between, follows, replayed
from ruleout.causes.functions import changed_functions
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.settings import guard_setting, look_at_settings, put_setting
from ruleout.causes.smoothed import smoothed
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.metric import labels_of
from ruleout.problem.problem import Problem
from ruleout.problem.replay import positive_score
from ruleout.statistics.fits import isotonic

__all__ = ["Threshold"]

MATERIAL = 0.01
"""Share of decisions that must differ before a cut counts."""

FEWEST = 8
"""Rows of a class that is not let out, at least."""

FUNCTION = 0.005
"""Part of its spread that a number may keep beside a function of another one."""


class Threshold(Cause):
    """The decision threshold or another step after the model changed, the model's scores being the same.

    What goes wrong
    ---------------
    The model says what it said in validation, but what is made of it is another thing: probabilities are cut elsewhere, calibrated
    otherwise, rounded, capped, smoothed, given to the wrong class, or a transform of the target is not taken back.

    Why it happens
    --------------
    The cut lives in the service's configuration and not in the artifact; it was tuned on another sample; classes are listed in
    another order; a target that was learned as a logarithm is answered as one.

    What you see
    ------------
    Far more or far fewer alarms at an AUC that has not moved; two classes that have changed places; numbers that are right in order
    and wrong in size.

    How it is tested
    ----------------
    The artifact scores the logged features. Where scores agree with the log and decisions do not, the cut that best separates the logged
    decisions is found; it is the finding if no more than a tenth of the differing decisions are left over.

    Where scores disagree, the logged number is regressed on the replayed one by isotonic regression (Barlow et al. 1972), rising and
    falling: a remainder below 1/200 of the spread means that one is made from the other alone. Where two machines logged the same features
    and the artifact's own numbers are those of neither, one machine's are held against the other's in the same way.

    For several classes the logged class is held against a renaming of the replayed ones, the next best class where one is not let out,
    a default below some confidence, and a cut of one class's own.

    Last, the logged answer is held against what several rows' answers make: the last one given mixed with the artifact's (exponential
    smoothing), and the mean, the median or the vote of a window of 2 to 50 rows, in the order of the log, of time, or within the entity.
    Nine tenths of the answers that do not follow must be given again.

    Where two runs' configurations hold a threshold and it differs, the other run's is set and the training done again.

    What would rule it out
    ----------------------
    Decisions that agree with the artifact's, row by row.

    How it is fixed
    ---------------
    Set the cut (or the step after the model) back to what was validated, and answer the affected requests again.

    How it stays fixed
    ------------------
    Keep the cut and the order of classes in the artifact, and replay a day's log against it before and after each release.

    Told apart from
    ---------------
    pipeline.metric, where answers are right and their evaluation is not. model.checkpoint, where scores differ and none is a
    function of the other. pipeline.caching, where answers belong to other rows and are not mixed with them.

    References
    ----------
    Barlow et al. (1972), Statistical inference under order restrictions. Brown (1959), Statistical forecasting for inventory control
    (exponential smoothing). Provost and Fawcett (2001), Robust classification for imprecise environments, Machine Learning 42.
    """

    needs = (*ANSWERED, ("reference.config", "current.config"))
    cost = 0.1

    def suspect(self, problem: Problem) -> Look:
        """Hold decisions against scores, and logged scores against replayed ones; without a log, the configurations against each other."""
        if problem.case.current.serving is None:
            return look_at_settings(problem, "threshold")
        answers = answers_of(problem)
        if answers is None or answers.fallback:
            return follows(answers, "a step after the model")
        elsewhere = answered_elsewhere(problem)
        if elsewhere is not None and not elsewhere.follows_there:
            # The artifact's own answers are those of neither machine: only theirs can be held against ours.
            made = _made_from_theirs(elsewhere)
            said = f"serving.{elsewhere.column}: no function of one machine's answers gives the other's, n = {elsewhere.rows.n:,}."
            return Look((made,), 0.95, covers=("serving",)) if made is not None else Look((), 0.85, said, ("serving",))
        steps = (_cut, _made_from, _turned, _renamed, _held_back, _of_one_class, _of_several)
        found = next((made for step in steps if (made := step(answers)) is not None), None)
        if found is None:
            n_wrong = int(np.sum(~answers.decided))
            said = f"serving: {n_wrong:,} of n = {answers.n:,} logged decisions are not the artifact's, and no cut explains them."
            return Look((), 0.97 if answers.follow and n_wrong <= MATERIAL * answers.n else 0.9, said, ("serving",))
        if answers.crowded and answers.numbers is None:
            # Whatever drives a model to one class looks like a cut on that class's score.
            found = replace(found, evidence=found.evidence - 1.5)
        return Look((found,), 0.95, covers=("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers in place of the logged ones, the other machine's where a step after the artifact makes both; or the
        reference's setting.
        """
        if "path" in finding.repair:
            return put_setting(case, finding, finding.side, "healthy")
        return answered_as_there(case) if finding.repair.get("elsewhere") else replayed(case, finding.side)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference side with the current setting; nothing can be done to answers that were logged."""
        return put_setting(case, finding, "reference", "broken") if "path" in finding.repair else None

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A day's log, answered again by the artifact; or the setting's value when the system worked."""
        if "path" in finding.repair:
            return guard_setting(self.id(), finding)
        return log_guard(self.id(), problem, finding)


class _Cut(NamedTuple):
    """Where a score is cut, the share of rows on the wrong side of the cut, and whether the positive class lies above."""

    at: float
    wrong: float
    above: bool


def _best_cut(score: np.ndarray, positive: np.ndarray) -> _Cut:
    """The cut of a score that separates positives from the rest with the fewest errors."""
    order = np.argsort(score, kind="stable")
    values, hits = score[order], positive[order].astype(float)
    below = np.concatenate([[0.0], np.cumsum(hits)])
    wrong_above = below + (np.arange(len(hits), -1, -1.0) - (hits.sum() - below))
    # A cut between two equal scores separates nothing.
    allowed = np.concatenate([[True], np.diff(values) > 0, [True]])
    best = None
    for above, errors in ((True, wrong_above), (False, len(hits) - wrong_above)):
        at = int(np.argmin(np.where(allowed, errors, np.inf)))
        low = values[at - 1] if at > 0 else values[0]
        high = values[at] if at < len(values) else values[-1]
        cut = _Cut(float((low + high) / 2), float(errors[at] / max(len(hits), 1)), above)
        if best is None or cut.wrong < best.wrong:
            best = cut
    assert best is not None
    return best


def _cut(answers: Answers) -> Finding | None:
    """Two classes: the logged decisions are the same score cut elsewhere."""
    n_wrong = int(np.sum(~answers.decided))
    score = positive_score(answers.case, answers.prediction)
    if answers.case.task == "regression" or "prediction" not in answers.log or score is None or n_wrong < max(8, MATERIAL * answers.n):
        return None
    if answers.numbers is not None and not answers.follow:
        return None
    logged, own = labels_of(answers.logged.prediction), labels_of(answers.prediction.prediction)
    labels = sorted({v for v in (*logged.tolist(), *own.tolist()) if v is not None})
    if len(labels) != 2:
        return None
    positive = _positive(score, own, labels)
    now, was = _best_cut(score, logged == positive), _best_cut(score, own == positive)
    if now.wrong > max(0.1 * n_wrong / answers.n, 2.5 / answers.n) or (now.above == was.above and now.at == was.at):
        return None
    share = float(np.mean(logged == positive)), float(np.mean(own == positive))
    side = "above" if now.above else "below"
    said = (
        f'serving.prediction: "{positive}" is answered {side} a score of {now.at:.3g} and not above {was.at:.3g}, the scores being the'
        f" artifact's: {n_wrong:,} of n = {answers.n:,} decisions differ and the cut explains {1 - now.wrong * answers.n / n_wrong:.1%} of"
        f" them; {share[0]:.1%} are positive and not {share[1]:.1%}."
    )
    figures = {"cut": now.at, "validated_cut": was.at, "n_differ": n_wrong, "left": now.wrong, "positive": list(share)}
    return between("serving.prediction", 3.9, said, figures)


def _positive(score: np.ndarray, own: np.ndarray, labels: list[str]) -> str:
    """The class that the score speaks for."""
    means = {label: float(score[own == label].mean()) if (own == label).any() else 0.5 for label in labels}
    return max(labels, key=lambda label: means[label])


def _made_from(answers: Answers) -> Finding | None:
    """The logged number is a function of the replayed one alone."""
    if answers.numbers is None or answers.follow:
        return None
    logged, own = answers.numbers
    # Where only answers that many rows share differ (a cap, a stored answer), all rows must be told by one function.
    rows = answers.telling if answers.plain.same[answers.telling].mean() < 0.9 else np.ones(answers.n, dtype=bool)
    known = np.isfinite(logged) & np.isfinite(own) & rows
    logged, own = logged[known], own[known]
    if len(own) < 30 or len(np.unique(np.round(own, 9))) < 15 or len(np.unique(logged)) < 5 or np.std(logged) == 0:
        return None
    left = _left_over(own, logged)
    if not left <= FUNCTION:
        return None
    how = _formula(own, logged)
    said = (
        f"serving.{_column(answers)}: the logged number is made from the artifact's alone ({how}; {left:.2%} of its spread is left,"
        f" expected below 0.5%), and {answers.plain.rate:.1%} of n = {answers.n:,} are the artifact's own; expected 100%."
    )
    return between(f"serving.{_column(answers)}", 3.9, said, {"formula": how, "left": left, "rate": answers.plain.rate})


def _left_over(own: np.ndarray, logged: np.ndarray) -> float:
    """The part of a number's spread that no rising and no falling function of another one gives."""
    spread = float(np.abs(logged - np.median(logged)).sum())
    return min(float(np.abs(logged - isotonic(own, logged, rising)).sum()) / spread for rising in (True, False))


def _made_from_theirs(elsewhere: Elsewhere) -> Finding | None:
    """The numbers that this machine answered are a function of those that the other one answered to the same features."""
    found = elsewhere.numbers
    if found is None:
        return None
    known = np.isfinite(found[0]) & np.isfinite(found[1])
    theirs, ours = (values[known] for values in found)
    if len(ours) < 30 or len(np.unique(theirs)) < 15 or len(np.unique(ours)) < 5 or np.std(ours) == 0:
        return None
    left = _left_over(theirs, ours)
    if not left <= FUNCTION:
        return None
    how, place = _formula(theirs, ours), f"serving.{elsewhere.column}"
    case = elsewhere.rows.case
    # Where the code that answers is known to differ, that is the more exact name.
    codes = case.reference is not None and case.reference.code is not None and case.current.code is not None
    told = bool(codes and case.reference and changed_functions(case.reference.code.files, case.current.code.files))  # type: ignore[union-attr]
    said = (
        f"{place}: the features are the same in both logs, and the number answered here is made from the one answered there alone ({how};"
        f" {left:.2%} of its spread is left, expected below 0.5%); {elsewhere.between.rate:.1%} of n = {len(ours):,} are the same."
    )
    figures = {"formula": how, "left": left, "rate": elsewhere.between.rate}
    return between(place, 2.4 if told else 3.9, said, figures, repair={"elsewhere": True})


def _formula(x: np.ndarray, y: np.ndarray) -> str:
    """The simplest formula that makes one from the other, in words."""
    candidates: list[tuple[str, np.ndarray]] = [("1 - x", 1 - x)]
    candidates += [(f"x rounded to {k} digits", np.round(x, k)) for k in (3, 2, 1, 0, -1, -2, -3)]
    with np.errstate(all="ignore"):
        candidates += [
            ("log(x)", np.log(x)),
            ("log(1 + x)", np.log1p(x)),
            ("exp(x)", np.exp(x)),
            ("exp(x) - 1", np.expm1(x)),
            ("sqrt(x)", np.sqrt(x)),
        ]
        inside = np.clip(x, np.nanmin(y), np.nanmax(y))
    candidates.append((f"x kept within {np.nanmin(y):.4g} and {np.nanmax(y):.4g}", inside))
    spread = float(np.std(y))
    for name, made in candidates:
        if np.isfinite(made).all() and float(np.mean(np.abs(made - y) <= 1e-4 * spread)) > 0.98:
            return name
    slope, start = np.polyfit(x, y, 1)
    if float(np.mean(np.abs(start + slope * x - y) <= 1e-3 * spread)) > 0.98:
        return f"{start:.4g} + {slope:.4g} x"
    if x.min() > 0 and y.min() > 0 and x.max() > 1:
        slope, start = np.polyfit(np.log(x), np.log(y), 1)
        if float(np.mean(np.abs(start + slope * np.log(x) - np.log(y)) <= 1e-3 * np.std(np.log(y)))) > 0.98:
            return f"{np.exp(start):.4g} times x to the power of {slope:.4g}"
    if x.min() >= 0 and x.max() <= 1 and y.min() >= 0 and y.max() <= 1:
        a, b = np.clip(x, 1e-9, 1 - 1e-9), np.clip(y, 1e-9, 1 - 1e-9)
        slope, start = np.polyfit(np.log(a / (1 - a)), np.log(b / (1 - b)), 1)
        return f"logit about {start:.3g} + {slope:.3g} logit(x)"
    return "in the same order" if np.corrcoef(x, y)[0, 1] > 0 else "in the reverse order"


def _column(answers: Answers) -> str:
    return "prediction" if answers.case.task == "regression" else "score"


def _turned(answers: Answers) -> Finding | None:
    """The logged score is the probability of the other class, to a metric that reads it as the positive one's."""
    if answers.case.task == "regression" or answers.numbers is None or not answers.laboratory.scorer.needs_score:
        return None
    score = positive_score(answers.case, answers.prediction)
    if score is None or not answers.follow or answers.case.positive is None:
        return None
    logged = answers.numbers[0]
    as_is, turned = (float(np.mean(np.abs(s - logged) < 1e-4)) for s in (score, 1 - score))
    if turned < 0.98 or as_is > 0.5:
        return None
    said = (
        f"serving.score: {turned:.1%} of n = {answers.n:,} logged scores are the other class's probability; {as_is:.1%} are the positive"
        f" class's, expected 100%."
    )
    return between("serving.score", 3.5, said, {"formula": "1 - x", "turned": turned})


def _renamed(answers: Answers) -> Finding | None:
    """The logged classes are the replayed ones under other names."""
    if answers.case.task == "regression" or answers.exact or answers.follow:
        return None
    logged, own = labels_of(answers.logged.prediction), labels_of(answers.prediction.prediction)
    names: dict[str, str] = {}
    left = 0
    for label in sorted({v for v in own.tolist() if v is not None}):
        named, counts = np.unique(logged[own == label].astype(str), return_counts=True)
        names[label] = str(named[np.argmax(counts)])
        left += int(counts.sum() - counts.max())
    moved = {a: b for a, b in names.items() if a != b}
    n_wrong = int(np.sum(~answers.plain.same))
    if n_wrong < 8 or len(moved) < 2 or len(set(names.values())) < len(names) or left > 0.05 * n_wrong + 1:
        return None
    shown = ", ".join(f"{b} for {a}" for a, b in list(moved.items())[:4])
    said = (
        f"serving.prediction: {len(moved)} classes are answered under other names ({shown}): that explains {1 - left / n_wrong:.1%} of the"
        f" {n_wrong:,} answers that differ, n = {answers.n:,}."
    )
    return between("serving.prediction", 3.9, said, {"names": moved, "left": left})


def _held_back(answers: Answers) -> Finding | None:
    """Several classes: where the artifact says one of them, its next best class is answered, in all rows or in most."""
    score, classes = answers.prediction.score, answers.prediction.classes
    if answers.case.task == "regression" or "prediction" not in answers.log or classes is None or len(classes) < 3:
        return None
    logged, own = labels_of(answers.logged.prediction), labels_of(answers.prediction.prediction)
    labels = labels_of(np.array(list(classes), dtype=object)).tolist()
    wrong = logged != own
    if wrong.sum() < max(FEWEST, MATERIAL * answers.n):
        return None
    # A class that is held back is answered in half of its rows at most.
    back = [label for label in labels if wrong[own == label].sum() >= max(FEWEST, 0.5 * (own == label).sum())]
    kept = [at for at, label in enumerate(labels) if label not in back]
    suppressed = np.isin(own.astype(str), back)
    # All other answers are the artifact's: what never learned a class, or gets other features, says others now and then as well.
    if not back or len(kept) < 2 or float(np.mean(wrong[~suppressed])) > 0.005:
        return None
    rows = suppressed & wrong
    names = ", ".join(f'"{label}"' for label in back[:4])
    said = (
        f"serving.prediction: {names} is answered in {int((suppressed & ~wrong).sum()):,} of the {int(suppressed.sum()):,} rows for which"
        f" the artifact says it, and every other answer is the artifact's, n = {answers.n:,}"
    )
    figures: dict[str, Any] = {"held_back": back, "n_rows": int(rows.sum())}
    if score is None or score.ndim != 2 or score.shape[1] != len(labels):
        return between("serving.prediction", 2.5, f"{said}.", figures)
    best = np.array([labels[kept[at]] for at in score[rows][:, kept].argmax(axis=1)], dtype=object)
    hits = float(np.mean(best == logged[rows]))
    if hits < 0.5:
        return None
    words = f"{said}; in {hits:.1%} of the rows where it is not, the next best class is answered."
    return between("serving.prediction", 3.9 if hits >= 0.95 else 2.5, words, {**figures, "next_best": hits})


def _of_one_class(answers: Answers) -> Finding | None:
    """Several classes: one is answered wherever some score lies beyond a cut, whatever the others say."""
    score, classes = answers.prediction.score, answers.prediction.classes
    if answers.case.task == "regression" or answers.follow or score is None or score.ndim != 2 or classes is None or score.shape[1] < 3:
        return None
    logged, own = labels_of(answers.logged.prediction), labels_of(answers.prediction.prediction)
    wrong = ~answers.plain.same
    n_wrong = int(wrong.sum())
    if n_wrong < 8:
        return None
    labels = labels_of(np.array(list(classes), dtype=object)).tolist()
    best: tuple[float, str, str, _Cut] | None = None
    common = max({*logged[wrong].tolist()}, key=lambda v: int(np.sum(logged[wrong] == v)))
    tries = [("the highest score of any class is", score.max(axis=1))]
    if common in labels:
        tries.append(("its own score is", score[:, labels.index(common)]))
    others = own != common
    for name, values in tries:
        cut = _best_cut(values[others], logged[others] == common)
        left = cut.wrong * int(others.sum()) + int(np.sum(wrong & ~others))
        if best is None or left < best[0]:
            best = left, common, name, cut
    assert best is not None
    left, common, name, at = best
    if left > 0.05 * n_wrong + 1:
        return None
    side = "above" if at.above else "below"
    said = (
        f'serving.prediction: "{common}" is answered wherever {name} {side} {at.at:.3g}: that explains {1 - left / n_wrong:.1%} of the'
        f" {n_wrong:,} answers that differ, n = {answers.n:,}."
    )
    return between("serving.prediction", 3.9, said, {"class": common, "cut": at.at, "left": left})


def _of_several(answers: Answers) -> Finding | None:
    """The logged answers are made of several rows' answers."""
    found = smoothed(answers)
    if found is None:
        return None
    column = _column(answers) if answers.numbers is not None else "prediction"
    said = (
        f"serving.{column}: the logged answer is {found.words}: that gives {found.hits:.1%} of the {found.n:,} answers again that are not"
        f" the artifact's own, n = {answers.n:,}."
    )
    return between(f"serving.{column}", 3.9, said, {"formula": found.words, "hits": found.hits, "rate": answers.plain.rate})
