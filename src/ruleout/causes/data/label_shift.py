"""The page of `data.label-shift`."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import bounded, pair_of
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.judgement import judge
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.repeated_rows import once
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.likelihood import log_bayes_factor, normal_power
from ruleout.statistics.resampling import bin_weights, draw_rows
from ruleout.tables.matrix import binned
from ruleout.tables.table import Table

__all__ = ["LabelShift"]

_LEAST_DISTANCE = 0.05

MOST_REPEATS = 2
"""How often a row of a rare label is drawn before healthy rows take its place."""


class LabelShift(Cause):
    """The target's mix moved: some classes are rarer or commoner, while within each class the rows are as they were.

    What goes wrong
    ---------------
    P(y) has changed, P(x given y) has not. In training the model learns another prior; in validation easy and hard classes weigh
    differently in the metric.

    Why it happens
    --------------
    The world has more of a class; sampling was made by outcome, on purpose or by a filter; a season.

    What you see
    ------------
    Another base rate. Precision, accuracy and calibration move; within a class the scores do not.

    How it is tested
    ----------------
    The total variation distance between the two mixes of classes (numbers: of ten levels), less what samples of these sizes show by
    chance. Then the suspect's rows are weighted by p(class, healthy) / p(class, suspect), and a cross-fitted classifier tries to tell
    the two tables apart by the features: under label shift it must fail once the classes are weighted (Lipton, Wang and
    Smola 2018; Rabanser, Guennemann and Lipton 2019), where it told them apart before. A healthy model must contradict no more labels,
    and its mean answer must follow the mix: where it surely stays behind, the labels changed, not the world.

    What would rule it out
    ----------------------
    Mixes that differ by less than a tenth of what would explain the drop.

    How it is fixed
    ---------------
    Weight or sample the training rows to the mix that is served, or correct the scores by the ratio of the priors; compare metrics at
    one mix.

    How it stays fixed
    ------------------
    A check on the share of each class in every training and validation table.

    Told apart from
    ---------------
    `data.missing-partition`: a class is absent. `data.duplicates`: rows of a class repeat. `data.label-errors`: labels changed and
    their rows did not. `data.drift`: the classes' own rows moved.

    References
    ----------
    Lipton, Wang and Smola (2018), Detecting and correcting for label shift with black box predictors, ICML.
    Saerens, Latinne and Decaestecker (2002), Adjusting the outputs of a classifier to new a priori probabilities, Neural Computation 14.
    Rabanser, Guennemann and Lipton (2019), Failing loudly, NeurIPS.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("case.target", "reference.train", "current.train"),
        ("case.target", "reference.validation", "current.validation"),
        ("case.target", "reference.validation", "current.serving"),
        ("case.target", "reference.serving", "current.serving"),
    )
    cost: ClassVar[float] = 0.5

    def suspect(self, problem: Problem) -> Look:
        """Compare the mix of the target in every pair that has it."""
        findings: list[Finding] = []
        covers: list[Component] = []
        said: list[str] = []
        power = 1.0
        for whole in pairs(problem.case):
            pair = once(problem.case, whole)
            held = compare(problem.case, pair)
            if held.target is None or not held.features or min(held.suspect.n_rows, held.yardstick.n_rows) < 60:
                continue
            covers.append(pair.name)
            distance = held.distance[held.target]
            error = _error(held)
            power = min(power, normal_power(max(0.1, problem.harm), error, _LEAST_DISTANCE))
            said.append(f"`{pair.place(held.target)}`: the mix moved by {distance:.3f} +/- {1.96 * error:.3f}, n = {pair.suspect.n_rows:,}")
            found = self._finding(problem, pair, held)
            if found:
                findings.append(found)
        ordered = tuple(sorted(findings, key=lambda f: -f.evidence))
        return Look(ordered, power if covers else 0.0, "" if findings or not said else "; ".join(said) + ".", tuple(covers))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Draw the table's rows so that its classes hold the shares of the healthy table, P(x given y) as it is.

        In training a class of which few rows are left is completed with healthy rows: what is not there cannot be weighted up.
        """
        pair, target = pair_of(case, finding), case.target
        if pair is None or not target or target not in pair.suspect or target not in pair.yardstick:
            return None
        drawn = _drawn(pair.suspect, pair.yardstick, target, like=pair.yardstick)
        if pair.name == "train":
            return case.with_table(pair.side, pair.name, _completed(drawn, pair.suspect, pair.yardstick, target))
        return case.with_table(pair.side, pair.name, drawn)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Draw the healthy table's rows in the suspect's mix."""
        pair, target = pair_of(case, finding), case.target
        healthy = case.reference.table(pair.name) if pair and case.reference else None
        if pair is None or healthy is None or not target or target not in healthy:
            return None
        return case.with_table("reference", pair.name, _drawn(healthy, pair.yardstick, target, like=pair.suspect))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The class that moved most holds its share, the target's median lies where it lay."""
        pair, target = pair_of(problem.case, finding), problem.case.target
        if pair is None or not target:
            return None
        told = f"The mix of {pair.place(target)} is not what it was."
        if problem.case.task == "regression":
            at = float(finding.figures["quantile"])
            was, now = (float(np.nanquantile(t.numbers(target), at)) for t in (pair.yardstick, pair.suspect))
            gap = abs(was - now) / 2
            bounds = {"low": was - gap, "high": was + gap}
            return Guard(self.id(), finding.place, "quantile_range", pair.name, {"column": target, "quantile": at, **bounds}, told)
        was, now = (float(np.mean(t.texts(target) == finding.figures["level"])) for t in (pair.yardstick, pair.suspect))
        gap = abs(was - now) / 2
        given = {"column": target, "value": finding.figures["level"], "low": round(was - gap, 5), "high": round(was + gap, 5)}
        return Guard(self.id(), finding.place, "value_share", pair.name, given, told)

    def _finding(self, problem: Problem, pair: Pair, held: Comparison) -> Finding | None:
        target = str(held.target)
        distance, error = held.distance[target], _error(held)
        evidence = bounded(log_bayes_factor(distance, error, floor=0.025, typical=0.2))
        if distance < _LEAST_DISTANCE or evidence < 2.0:
            return None
        sizes = held.codes[2]
        was, now = held.shares[len(held.columns) - 1]
        gone = float(was[(now < 0.04 * was)].sum())
        if gone > 0.5 * distance or float(now[(was == 0)].sum()) > 0.5 * distance or now[-1] - was[-1] > 0.5 * distance:
            return None
        if _repeated(pair, target) > 0.3 * distance:
            return None
        along, before, after = held.along
        if along != target:
            return None
        judgement = judge(problem, pair)
        # A model whose answers such a mix would hardly move cannot tell wrong labels from it.
        if (
            judgement is not None
            and np.isfinite(judgement.followed[1])
            and judgement.noise.rate > max(0.02, 3.5 * judgement.noise.error)
            and judgement.noise.rate > 0.3 * distance
        ):
            return None
        if judgement is not None and judgement.labels_alone:
            return None
        at = int(np.abs(now - was).argmax())
        quantile = float(np.clip(was[:at].sum() + was[at] / 2, 0.1, 0.9))
        level = "" if problem.case.task == "regression" else _level(pair, target)
        moved = f"{level} " if level else f"level {at + 1} of {sizes[-1] - 1} "
        shares = (
            [float(np.mean(t.texts(target) == level)) for t in (pair.yardstick, pair.suspect)]
            if level
            else [float(was[at]), float(now[at])]
        )
        statement = (
            f"`{pair.place(target)}`: the mix moved by {distance:.3f} +/- {1.96 * error:.3f} beyond chance, expected 0, "
            f"{moved}from {shares[0]:.3f} to {shares[1]:.3f}; within classes the "
            f"tables cannot be told apart (AUC {0.5 + after:.2f}, before {0.5 + before:.2f}); "
            f"n = {pair.suspect.n_rows:,}."
        )
        figures = {
            "distance": round(distance, 4),
            "error": round(error, 4),
            "level": level,
            "quantile": round(quantile, 2),
            "shares": [round(v, 4) for v in shares],
            "auc": round(0.5 + before, 4),
            "auc_within": round(0.5 + after, 4),
            "n": pair.suspect.n_rows,
            "n_yardstick": pair.yardstick.n_rows,
        }
        return Finding(pair.place(target), pair.name, evidence, statement, figures, {"table": pair.name}, pair.side, 0.4)


def _level(pair: Pair, target: str) -> str:
    """The class whose share moved most."""
    texts = [t.texts(target).astype(str) for t in (pair.yardstick, pair.suspect)]
    return str(max(np.unique(texts[0]), key=lambda v: abs(float(np.mean(texts[0] == v)) - float(np.mean(texts[1] == v)))))


def _error(held: Comparison) -> float:
    return 0.5 * float(np.sqrt(1.0 / max(held.suspect.n_rows, 1) + 1.0 / max(held.yardstick.n_rows, 1)))


def _repeated(pair: Pair, target: str) -> float:
    """By how much more rows repeat earlier ones than in the healthy table, label by label and on equally many rows of each."""
    rng, more = np.random.default_rng(0), 0.0
    mine, theirs = (t.to_pandas().sample(frac=1.0, random_state=rng) for t in (pair.suspect, pair.yardstick))
    groups = dict(iter(theirs.groupby(target, observed=True)))
    for label, rows in mine.groupby(target, observed=True):
        other = groups.get(label)
        n = min(len(rows), len(other)) if other is not None else 0
        if other is not None and n > 1:
            excess = float(rows.head(n).duplicated().mean() - other.head(n).duplicated().mean())
            more += excess * len(rows) / max(len(mine), 1)
    return more


def _drawn(table: Table, yardstick: Table, target: str, *, like: Table) -> Table:
    _, mine, sizes = binned(yardstick, table, [target])
    wanted = binned(yardstick, like, [target])[1]
    weights = bin_weights(mine[:, 0], wanted[:, 0], sizes[0], largest=50.0)
    return table.take(draw_rows(weights, table.n_rows))


def _completed(drawn: Table, suspect: Table, yardstick: Table, target: str) -> Table:
    """The drawn rows, with healthy ones of their label in place of those that were drawn for the third time and more."""
    labels, have = drawn.texts(target), Counter(suspect.texts(target).tolist())
    wanted = Counter(labels.tolist())
    if suspect.kind(target) == "numeric" and len(have) > 50:
        return drawn
    rng, healthy = np.random.default_rng(0), yardstick.texts(target)
    keep, more = np.ones(drawn.n_rows, dtype=bool), []
    for label, n in wanted.items():
        n_most = MOST_REPEATS * have[label]
        there = np.flatnonzero(healthy == label)
        if n > n_most and len(there):
            keep[rng.choice(np.flatnonzero(labels == label), n - n_most, replace=False)] = False
            more.append(rng.choice(there, n - n_most, replace=n - n_most > len(there)))
    if not more:
        return drawn
    return drawn.filter(keep).stack(yardstick.take(np.sort(np.concatenate(more))))
