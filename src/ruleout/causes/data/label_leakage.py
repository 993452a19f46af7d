"""data.label-leakage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.case.doubt import doubt
from ruleout.case.words import AFTERWARDS
from ruleout.causes.before import before_it_fell, mended_reference
from ruleout.causes.by_itself import with_lone
from ruleout.causes.columns import bounded
from ruleout.causes.encoded import encoded_features
from ruleout.causes.future import follows_time, future_features, known_beforehand
from ruleout.causes.given_away import Given, given_away, told_by_a_lone_table
from ruleout.causes.leaks import FEWER, Judged, blanked, column_of, disbelieved, judged_rows, made_before_the_split
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.places import gap
from ruleout.causes.resting import Resting, resting_on
from ruleout.causes.told_in_training import as_it_was, told_in_training
from ruleout.causes.watched import told_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.skill import outcome_skill, single_skill

LEAST = 1.0
"""Weaker evidence is what strong honest features give as well: any of them lowers the score when it is taken away, so none is named."""

MOVED = 0.05
"""Distance of its distributions, in [0, 1], from which the values of a column are others than in the reference."""

BROKEN_SINCE = 1.0
"""What speaks against a leak that is gone: the feature may have been honest and be broken now."""

HIGH = 0.7
"""Skill below which no group of columns gives the target away."""
GROWS = 2.0
"""The error without the group is at least this many times the error with it."""
SUFFICES = 1.35
"""Alone the group errs at most this many times as often as all features do."""
ABSENCE = 0.5
LARGEST_GROUP = 5
LACKING = 2.0
"""A column of a group tells all that the group does if alone it errs at most this many times as often."""
FORMULA = 0.985
"""R2 of a formula of two columns that is no coincidence."""
FORMULA_OF_CLASSES = 0.85
FORMULA_COLUMNS = 16
MOST_IMPORTANT = 8
"""Columns among which the most important one is looked for: one that gives the target away says something alone."""
EASY, COPY = 0.75, 0.99
"""Skill of all other columns from which on a problem is easy, and of one column alone that is a copy all the same."""
DRIVER = 0.5
"""Skill of one column alone from which on it is a driver of the target rather than a part of a sum."""


class LabelLeakage(Cause):
    """A feature gives the target away: it is made from it, or known only afterwards.

    What goes wrong
    ---------------
    One column, or a few together, hold the answer. The model learns to read it off and nothing else; where it is to be used the column
    is not there yet, and it knows nothing.

    Why it happens
    --------------
    A table is written when the case is closed and features are taken from all of its columns; a field is filled in because of the
    outcome (reason, recoveries, date of closing); a column is computed from the target for a report and stays in.

    What you see
    ------------
    A score near perfect, one feature with all of the importance, and no trace of that score in production.

    How it is tested
    ----------------
    First for rules without exception, which no honest feature follows: a weighted sum or a product of columns that is the target to a
    hundredth of its standard deviation in 60 % of the rows (least trimmed squares: Rousseeuw and Van Driessen 2006), or a plain sum or
    difference of two in half of them; a column from each of whose values to the next the target rises, or one of few values that each stand
    for one class; numbered shares of a distribution whose mean the target is; a feature that repeats a column set aside in the rows of
    one outcome alone. A lone table is asked for all but the last.

    What each column alone, and its nulls alone, explain of the target (R2, or Brier skill: Murphy 1973) in rows that it was not learned
    from, is held against what all reach. Columns are then taken away one at a time, the most important first, until the error is at least 2
    times that of all features; a small group is suspected if alone it does as well as all features.

    A strong but honest feature fails that: others do as well without it, or add to it, as a second one does that closes half of the gap.
    Columns that are filled only for one outcome, values that tell one class without an exception, and names of what is known only
    afterwards add evidence. What a calendar or earlier rows tell is known beforehand and left alone, and so are several columns that
    determine the target only together, one of them a strong driver, or where the others tell most of it as well (skill of 0.75), unless
    somebody knows that the score fails.

    Where the symptom does say so and no such group stands out, the model is trained again without each of the three columns that it rests
    on most: one without which the score is what the symptom tells of elsewhere gives it away. After a retraining a column is suspected that
    alone tells more of the target in training than at validation and than it did before.

    The reference is looked at in the same way: a column with other values since, that alone told more there than any may.

    What would rule it out
    ----------------------
    No few columns do as well as all, or taking them away leaves the score where it is, or the score is no better than a good one.

    How it is fixed
    ---------------
    Take the column out of the features, or take its value as of the moment at which the prediction is made, and train again.

    How it stays fixed
    ------------------
    Keep for every feature the time at which it is known, join as of the time of prediction, and hold each single feature's score
    against a ceiling before training.

    Told apart from
    ---------------
    `data.preprocessing-leakage`: the column is the target's mean over a group of rows. `data.temporal-leakage`: it knows later rows.
    `data.overlap` and `data.group-leakage`: the rows leak, not a column.

    References
    ----------
    Kaufman et al. (2012), Leakage in data mining, TKDD. Murphy (1973), A new vector partition of the probability score. Rousseeuw, Van
    Driessen (2006), Computing LTS regression for large data sets. Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in
    machine-learning-based science.
    """

    needs = (("current.train",), ("current.validation",))
    cost = 2.0
    situations = ("too-good", "retraining", "alone")

    def suspect(self, problem: Problem) -> Look:
        """Hold each column alone, and small groups of columns, against all features together."""
        if problem.situation == "retraining":
            before = before_it_fell(problem, self.suspect, _told_more)
            # A strong honest feature that is broken since looks alike: whatever mends it is the better explanation.
            single = [f for f in before.findings if len(f.repair["columns"]) == 1]
            was = tuple(replace(f, evidence=f.evidence - BROKEN_SINCE, specificity=0.4) for f in single)
            return replace(before, findings=(*told_in_training(problem), *was), covers=("train", *before.covers))
        if problem.situation == "alone":
            return with_lone(
                problem, Look((), 0.0), told_by_a_lone_table, 0.4, "no column gives the target away by a rule without exception"
            )
        if problem.situation != "too-good":
            return Look((), 0.0, "A column that gives the target away is looked for where a score is too good, n = 0 columns.")
        rows = judged_rows(problem)
        if rows is None or len(rows.features) < 2:
            return Look((), 0.0, "No labelled split with two features to look at, n = 0 columns.")
        n, beforehand = rows.validation.n_rows, set(known_beforehand(problem.case, rows.features))
        open_to_it = tuple(c for c in rows.features if c not in beforehand)
        given = given_away(problem.case, rows, open_to_it)
        if given is not None:
            return Look(tuple(_by_rule(c, given) for c in given.columns), 0.9, covers=("train", "validation"))
        alone = {c: _alone(rows, c) for c in rows.features}
        absent = {c: s for c in rows.features if (s := _absence(rows, c)) >= ABSENCE}
        absent = {c: s for c, s in absent.items() if c not in beforehand}
        best = max(alone, key=lambda c: (alone[c], c))
        group = _giving_away(rows, alone, open_to_it) if alone[best] >= 0.15 else None
        if group is None:
            written = tuple(absent) or _derived(rows, open_to_it)
            written = written or tuple(c for c in open_to_it if alone[c] >= 0.15 and _filled_by_outcome(rows, c))
            others = [c for c in rows.features if c not in written] or [best]
            group = _Group(written, rows.skill(rows.features), rows.skill(others), _together(rows, written, alone)) if written else None
        evidence = _evidence(problem, rows, group, alone, absent) if group is not None else 0.0
        told = resting_on(problem, rows, open_to_it) if evidence < LEAST else None
        if told is not None:
            return Look(tuple(_told(c, told, n) for c in told.columns), 0.9, covers=("train", "validation"))
        if group is None:
            power = 0.9 if len(rows.features) >= 4 and n >= 200 else 0.6
            return Look(
                (),
                power,
                f"{len(alone)} features: no few of them tell the target as all do ({best} alone {alone[best]:.2f}, n = {n:,}).",
                ("train", "validation"),
            )
        if evidence < LEAST:
            said = (
                f"{', '.join(group.columns)}: skill {group.alone:.3f} alone, {group.rest:.3f} without, as honest features have, n = {n:,}."
            )
            return Look((), 0.5, said, ("train", "validation"))
        return Look(tuple(_finding(c, group, alone, absent, evidence, n) for c in group.columns), 0.9, covers=("train", "validation"))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Blank the column and those that give the target away with it, in training and validation alike.

        A column that knows the target in training only is there given what the reference's rows like these have.
        """
        if finding.side == "reference":
            return mended_reference(case, finding, self.put_right)
        if finding.repair.get("table") == "train" and case.reference is not None:
            return as_it_was(case, finding)
        return blanked(case, finding.repair["columns"])

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The column is not there, or tells of the target no more than halfway to the best honest one."""
        return told_guard(self.id(), problem, finding)


def _told_more(was: Problem, now: Problem) -> bool:
    """Whether a column of the reference alone tells the target so well as none may, and tells half as much of it in the current side.

    Its values must be others as well, or be gone: those of an honest feature that stand on the wrong rows are the same values.
    """
    before, after = judged_rows(was, FEWER), judged_rows(now, FEWER)
    if before is None or after is None:
        return False
    for column in before.features:
        told = _alone(before, column)
        if told < HIGH:
            continue
        if column not in after.features:
            return True
        same_kind = before.train.kind(column) == after.train.kind(column) == after.validation.kind(column)
        moved = max(gap(after.train, column, before.train, column), gap(after.validation, column, before.validation, column))
        if same_kind and moved > MOVED and 1 - _alone(after, column) >= GROWS * (1 - told):
            return True
    return False


def _alone(rows: Judged, column: str) -> float:
    return single_skill(column_of(rows.train, column), rows.outcomes, column_of(rows.validation, column), rows.judged)


@dataclass(frozen=True)
class _Group:
    """Columns under suspicion, and the skill of all features, of all but these, and of these alone."""

    columns: tuple[str, ...]
    whole: float
    rest: float
    alone: float

    @property
    def growth(self) -> float:
        """How many times larger the error is without the group."""
        return (1 - self.rest) / max(1 - self.whole, 1 - self.alone, 0.004)


def _giving_away(rows: Judged, alone: dict[str, float], open_to_it: tuple[str, ...]) -> _Group | None:
    """The smallest group of columns that does as well as all features and without which the others do much worse.

    Only columns that are `open_to_it` are taken away: what a clock or the past tells stays.
    """
    left, gone = list(rows.features), list[str]()
    whole = rows.skill(left)
    if max(whole, *alone.values()) < HIGH:
        return None
    for _ in range(min(LARGEST_GROUP, max(1, len(left) // 3))):
        asked = sorted((c for c in left if c in open_to_it), key=lambda c: (-alone[c], c))[:MOST_IMPORTANT]
        if not asked or len(left) < 2:
            return None
        lost = rows.importance(left, asked)
        # A column that alone says much is taken before one that matters only beside it.
        column = max(lost, key=lambda c: (lost[c] + 0.1 * max(alone[c], 0.0), c))
        left.remove(column)
        gone.append(column)
        rest, together = rows.skill(left), max(rows.skill(gone), alone[column] if len(gone) == 1 else 0.0)
        reached = max(whole, together)
        if len(gone) > 1 and rest < 0.15 and together < HIGH:
            return None  # Nothing is left to lose, and what was taken away does not do it alone.
        if together >= HIGH and 1 - together <= SUFFICES * (1 - reached) + 0.01 and (1 - rest) >= GROWS * max(1 - together, 0.004):
            return _pruned(rows, _Group(tuple(gone), reached, rest, together))
    return None


def _pruned(rows: Judged, group: _Group) -> _Group:
    """The group without columns that it does not need and that do not give the target away when they are left in."""
    for column in group.columns[:-1]:
        fewer = tuple(c for c in group.columns if c != column)
        rest = rows.skill([c for c in rows.features if c not in fewer])
        together = rows.skill(fewer)
        if 1 - together <= 1.1 * (1 - group.alone) + 0.002 and (1 - rest) >= 0.85 * (1 - group.rest):
            group = _Group(fewer, group.whole, rest, together)
    return group


def _together(rows: Judged, columns: tuple[str, ...], alone: dict[str, float]) -> float:
    """The best skill of a group without any other feature: of trees, of one column, or of the formula."""
    return max(rows.skill(columns), *(alone[c] for c in columns), _formula(rows, columns) if len(columns) == 2 else 0.0)


def _derived(rows: Judged, open_to_it: tuple[str, ...]) -> tuple[str, ...]:
    """Two numbers whose weighted sum or product is the target, though neither is; () where there are none."""
    numeric = [c for c in open_to_it if rows.train.kind(c) == "numeric"][:FORMULA_COLUMNS]
    if len(rows.features) < 5 or (rows.classes is not None and len(rows.classes) != 2):
        return ()
    found = max(((_formula(rows, pair), pair) for pair in combinations(numeric, 2)), default=(0.0, ()))
    return found[1] if found[0] >= (FORMULA if rows.classes is None else FORMULA_OF_CLASSES) else ()


def _formula(rows: Judged, columns: tuple[str, ...]) -> float:
    """The skill of the best weighted sum of two columns, or of their logarithms, on rows that it was not fitted on."""
    if any(rows.train.kind(c) != "numeric" for c in columns):
        return 0.0
    mine, theirs = (np.column_stack([t.numbers(c) for c in columns]) for t in (rows.train, rows.validation))
    y, judged, best = rows.outcomes[:, 0], rows.judged[:, 0], 0.0
    for logarithm in (False, True) if rows.classes is None else (False,):
        if logarithm and min(np.nanmin(mine), np.nanmin(theirs), np.nanmin(y), np.nanmin(judged)) <= 0:
            break
        left, right, target = (np.log(mine), np.log(theirs), np.log(y)) if logarithm else (mine, theirs, y)
        known = np.isfinite(left).all(axis=1) & np.isfinite(target)
        if known.sum() < 30:
            break
        solved = np.linalg.lstsq(np.column_stack([np.ones(known.sum()), left[known]]), target[known], rcond=None)[0]
        said = solved[0] + right @ solved[1:]
        if rows.classes is not None:
            return single_skill(solved[0] + left @ solved[1:], rows.outcomes, said, rows.judged)
        best = max(best, outcome_skill((np.exp(np.minimum(said, 700.0)) if logarithm else said)[:, None], judged[:, None], rows.base))
    return best


def _evidence(problem: Problem, rows: Judged, group: _Group, alone: dict[str, float], absent: dict[str, float]) -> float:
    case = problem.case
    level = max(group.alone, *(alone[c] for c in group.columns))
    evidence = 2.5 if level >= 0.94 else 1.7 if level >= 0.85 else 0.3 if level >= 0.75 else -0.6
    evidence += 1.5 if group.growth >= 8 else 0.8 if group.growth >= 4 else 0.0 if group.growth >= 2.5 else -0.8
    # On the scale of what is lacking: 0.90 is far from 0.98, and a second column that closes the gap is what honest features do.
    strong = sum(1 - alone[c] <= LACKING * (1 - level) + 0.02 for c in group.columns)
    # Several columns that each tell all leak together; several of which none does are what honest features are.
    interplay = strong == 0 and max(alone[c] for c in group.columns) >= DRIVER
    evidence -= 0.3 * (len(group.columns) - 1) + 0.9 * max(0, len(group.columns) - max(strong, 1) - 1)
    if any(_filled_by_outcome(rows, c) for c in group.columns):
        evidence = max(evidence, 0.0) + 2.2
    if any(c in absent for c in group.columns):
        evidence = max(evidence, 0.0) + 2.5
    if rows.validation.n_rows < 150:
        evidence -= 1.0
    if len(group.columns) > 1 and interplay and not doubt(case).claims:
        # A strong driver and what modifies it determine an honest target too (physics, prices): without a word that it fails, nothing.
        evidence -= 3.0
    elif len(group.columns) > 1 and group.rest >= EASY and max(alone[c] for c in group.columns) < COPY and not doubt(case).claims:
        # Where the other columns tell most of it too the problem is easy, and the best few of them do best.
        evidence -= 3.0
    if any(AFTERWARDS.search(c) for c in group.columns):
        evidence += 0.7
    if set(group.columns) & set(problem.figures.get("added", ())):
        # What a score rose with.
        evidence += 1.5
    if disbelieved(case):
        evidence += 0.5
    if len(rows.features) < 5:
        evidence -= 1.0
    if any(follows_time(case, c) for c in group.columns):
        # A column that is the time itself tells the target where the split mixes past and future.
        evidence -= 4.0
    if encoded_features(case, group.columns) or future_features(case, group.columns) or made_before_the_split(case, group.columns):
        # A mean of the target over a group of rows, or over rows that come later, is another fault and known exactly.
        evidence -= 4.0
    return bounded(evidence)


def _absence(rows: Judged, column: str) -> float:
    """What a column's nulls alone explain of the target."""
    mine, theirs = (np.array([v is None for v in t.values(column).tolist()], dtype=np.float64) for t in (rows.train, rows.validation))
    return single_skill(mine, rows.outcomes, theirs, rows.judged) if 0.02 < mine.mean() < 0.98 else 0.0


def _filled_by_outcome(rows: Judged, column: str) -> bool:
    """Whether one value (null, 0, "none") stands for one outcome and all others for the rest, with few exceptions either way."""
    if rows.classes is None:
        return False
    values = np.concatenate([rows.train.texts(column), rows.validation.texts(column)])
    texts = np.array(["" if v is None else v for v in values.tolist()], dtype=str)
    known, counts = np.unique(texts, return_counts=True)
    common = texts == known[np.argmax(counts)]
    if not 0.05 < common.mean() < 0.97 or len(known) < 3:
        return False
    outcomes = np.concatenate([rows.outcomes, rows.judged])
    inside, outside = np.nanmean(outcomes[common], axis=0), np.nanmean(outcomes[~common], axis=0)
    return bool(inside.max() >= 0.95 and outside[int(np.argmax(inside))] <= 0.1)


def _finding(column: str, group: _Group, alone: dict[str, float], absent: dict[str, float], evidence: float, n: int) -> Finding:
    others = [c for c in group.columns if c != column]
    beside = f" with {', '.join(others)}" if others else ""
    nulls = f"; its nulls alone {absent[column]:.3f}" if column in absent else ""
    said = (
        f"{column}{beside}: skill {group.alone:.3f} of the target without any other feature, {group.whole:.3f} with all, "
        f"{group.rest:.3f} without{nulls}; expected of a feature among others: all do better than it alone, n = {n:,}."
    )
    figures: dict[str, Any] = {
        "skill": alone[column],
        "group": group.alone,
        "all": group.whole,
        "rest": group.rest,
        "n": n,
        "columns": list(group.columns),
    }
    return Finding(column, "train", evidence, said, figures, {"columns": list(group.columns)}, specificity=0.7)


def _by_rule(column: str, given: Given) -> Finding:
    others = [c for c in given.columns if c != column]
    beside = f" with {', '.join(others)}" if others else ""
    said = f"{column}{beside}: {given.said}; expected of a feature: no such rule, n = {given.n:,}."
    figures: dict[str, Any] = {"n": given.n, "columns": list(given.columns)}
    return Finding(column, "train", bounded(given.evidence), said, figures, {"columns": list(given.columns)}, specificity=0.9)


def _told(column: str, told: Resting, n: int) -> Finding:
    beside = f" (with {', '.join(told.beside)})" if told.beside else ""
    matched = f"; told of elsewhere: {told.level:.2f}" if told.level is not None else ""
    said = f"{column}{beside}: the score {told.score:.4f} rests on it, without it {told.without:.4f}{matched}, n = {n:,}."
    figures: dict[str, Any] = {"score": told.score, "without": told.without, "level": told.level, "growth": told.growth, "n": n}
    return Finding(column, "train", bounded(told.evidence), said, figures, {"columns": list(told.columns)}, specificity=0.7)
