"""The page of `data.label-errors`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import bounded, pair_of, put_values
from ruleout.causes.judgement import LOCATED, Judgement, judge, rejudge
from ruleout.causes.page import Cause, Component, Finding, Look, pairs
from ruleout.causes.undo import find_undo, source_rows
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.confusion import draw_true_labels, wrong_numbers
from ruleout.statistics.likelihood import log_bayes_factor, normal_power

__all__ = ["LabelErrors"]

LEAST_PILE = 100
"""Rows that a target must have on both sides for a pile at its end to be told."""

_LEAST_RATE = 0.015
_EXCHANGED = 0.8


class LabelErrors(Cause):
    """Labels are wrong: the rows are what they were, but some bear a label that is not theirs.

    What goes wrong
    ---------------
    Part of the labels, or all of them, are not those of their rows: two classes are exchanged, one class is labelled as another, labels are
    drawn at random, numbers stand on the wrong rows.

    Why it happens
    --------------
    A code table is read in another order, a join moves labels by a row, a new annotator or rule labels otherwise, outcomes are
    recorded before they are known.

    What you see
    ------------
    Training rows: the new model is worse on honest validation rows, mostly for some classes. Validation rows: the old and
    the new model lose alike, though neither changed.

    How it is tested
    ----------------
    A healthy model, shown only columns that did not change, answers for rows that it was not fitted on: healthy ones, and those under
    suspicion. On the healthy rows one learns how often it answers z where the label is truly j, p(z | j). In the suspect rows one counts
    how often label i stands beside answer z, p(i, z). If labels are wrong, these counts mix: p(i, z) = sum over j of q(i, j) p(z | j),
    where q(i, j) is the share of rows that bear label i and should bear j. This is solved for q by non-negative least squares (Lipton, Wang
    and Smola 2018; q is the joint of given and true labels of Northcutt, Jiang and Chuang 2021). What q holds off its diagonal is the rate
    of wrong labels. How large that rate comes out where every label is right is found by drawing healthy tables again, and is taken off.

    A weak model sees single wrong labels badly, but not a mix of labels that moved while its answers did not: were the world's mix another,
    the mean answer would have moved by sum over j of (p'(j) - p(j)) p(z | j). Where it surely followed by less than 0.6 of that, the labels
    changed, in as many rows at least as their mix moved by.

    A target of numbers is cut into levels, and judged by these. Where its least or greatest value stands in just so many rows more as lay
    beyond it before, the target was cut off there, and such rows are given a healthy answer beyond the cut. Where the whole target has come
    loose from the features, shifts by up to 60 rows are tried as an exact undo.

    What would rule it out
    ----------------------
    A noise rate of zero to within an error that is small beside what would explain the drop.

    How it is fixed
    ---------------
    Mend the step that labels; exchange the classes back, join the labels by key, or label the doubtful rows again. Then train again.

    How it stays fixed
    ------------------
    A check that labels agree with like rows as often as they did; a sample of every delivery labelled twice.

    Told apart from
    ---------------
    `data.concept-drift`: the relation to the features changed in the validation table alike. `data.label-shift`: only the mix of
    classes moved, which leaves the joint diagonal. `data.row-misalignment`: a feature stands on wrong rows, not the target.
    `data.unit-change`: every number of the target went through the same arithmetic.

    References
    ----------
    Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels, JAIR 70.
    Lipton, Wang and Smola (2018), Detecting and correcting for label shift with black box predictors, ICML.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("case.target", "reference.train", "current.train"),
        ("case.target", "reference.validation", "current.validation"),
        ("case.target", "reference.validation", "current.serving"),
    )
    cost: ClassVar[float] = 1.5

    def suspect(self, problem: Problem) -> Look:
        """Ask a healthy model about the labels of every table that has them."""
        judged: dict[str, Judgement] = {}
        for pair in pairs(problem.case):
            found = judge(problem, pair)
            if found is not None:
                judged[pair.name] = found
        findings = [f for name in judged if (f := self._finding(problem, name, judged)) is not None]
        error = max((j.rate[1] for j in judged.values()), default=1.0)
        least = max(0.03, problem.harm / 10)
        covers: tuple[Component, ...] = tuple(j.pair.name for j in judged.values())
        said = "; ".join(
            f"`{name}.{problem.case.target}`: {j.rate[0]:.3f} +/- {1.96 * j.rate[1]:.3f} of n = {len(j.labels):,} labels are wrong"
            for name, j in judged.items()
        )
        ordered = tuple(sorted(findings, key=lambda f: -f.evidence))
        return Look(
            ordered, normal_power(least, error, _LEAST_RATE) if judged else 0.0, f"{said}." if said and not findings else "", covers
        )

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Undo a shift or an exchange; take the label of the same row from the healthy table; else draw one given row and label.

        Only the healthy side's rows and model decide: a class is drawn with p(j | x) / p(j) * joint(i, j); a number outside 99 % of the
        healthy errors becomes the healthy model's answer plus an error drawn from the healthy ones.
        """
        pair, target = pair_of(case, finding), case.target
        if pair is None or not target or target not in pair.suspect:
            return None
        undo, judgement = finding.repair.get("undo"), finding.repair.get("judgement")
        if undo:
            moved = pair.suspect.arrow.column(target).take(_rows(source_rows(pair.suspect, undo)))
            return case.with_table(pair.side, pair.name, pair.suspect.with_column(target, moved))
        if judgement is None:
            return None
        labels, probabilities, answers = rejudge(judgement, case, pair.suspect)
        known, rng = np.flatnonzero(labels >= 0), np.random.default_rng(0)
        if case.task == "regression":
            values = pair.suspect.numbers(target)
            held = judgement.held_rows.numbers(target)
            doubtful = known[wrong_numbers(values[known], answers[known], held, judgement.held_answers)]
            pile = _piled(values[known], held)
            if pile is not None:
                doubtful = known[values[known] == pile]
            errors = held - judgement.held_answers
            likely = answers[doubtful] + rng.choice(errors[np.isfinite(errors)], len(doubtful))
            if pile is not None:
                # What was cut off lay beyond the cut.
                likely = np.maximum(likely, pile) if np.max(values[known]) <= pile else np.minimum(likely, pile)
            values[doubtful] = likely
            mended = put_values(pair.suspect, target, values, pair.yardstick)
        else:
            texts = pair.suspect.texts(target)
            pattern, first, second = _pattern(judgement, case)
            if pattern == "exchanged":
                there = {first: second, second: first}
                texts[known] = [there.get(text, text) for text in texts[known]]
            else:
                drawn = draw_true_labels(labels[known], probabilities[known], judgement.shares, judgement.noise, rng)
                texts[known] = judgement.classes[drawn]
            said = dict(zip(judgement.held_rows.texts(target), judgement.held_rows.values(target), strict=True))
            said |= dict(zip(pair.suspect.texts(target), pair.suspect.values(target), strict=True))
            values = np.empty(len(texts), dtype=object)
            values[:] = [said.get(text) for text in texts]
            mended = put_values(pair.suspect, target, values, pair.suspect)
        mine, theirs = judgement.held.joined
        if len(mine) and judgement.held.pair.suspect.n_rows == pair.suspect.n_rows:
            column = mended.values(target)
            column[mine] = pair.yardstick.values(target)[theirs]
            mended = put_values(mended, target, column, pair.suspect)
        return case.with_table(pair.side, pair.name, mended)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Give the healthy table wrong labels at the same rates, class by class; numbers change places among themselves."""
        pair, target, judgement = pair_of(case, finding), case.target, finding.repair.get("judgement")
        healthy = case.reference.table(pair.name) if pair and case.reference else None
        if pair is None or healthy is None or not target or target not in healthy or judgement is None:
            return None
        rng = np.random.default_rng(0)
        if case.task == "regression":
            rows = np.arange(healthy.n_rows)
            out = rng.random(healthy.n_rows) < float(finding.figures["rate"])
            rows[out] = rng.permutation(rows[out])
            return case.with_table("reference", pair.name, healthy.with_column(target, healthy.arrow.column(target).take(_rows(rows))))
        texts, values = healthy.texts(target), healthy.values(target)
        said = dict(zip(texts, values, strict=True))
        for at, chances in enumerate(judgement.noise.transition):
            rows = np.flatnonzero(texts == judgement.classes[at])
            if len(rows) and chances.sum() > 0:
                values[rows] = [said.get(t) for t in judgement.classes[rng.choice(len(chances), len(rows), p=chances / chances.sum())]]
        return case.with_table("reference", pair.name, put_values(healthy, target, values, healthy))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Labels agree with those of like rows as they did."""
        from ruleout.guards.tables import association, neighbour_disagreement

        pair, target = pair_of(problem.case, finding), problem.case.target
        judgement = finding.repair.get("judgement")
        if pair is None or not target or judgement is None:
            return None
        told = f"Labels of {pair.place(target)} contradict their rows more often than they did."
        columns = [c for c in judgement.held.steady if pair.suspect.kind(c) == "numeric"]
        if problem.case.task != "regression" and columns:
            given: dict[str, Any] = {"target": target, "columns": columns, "max_rate": 0.0}
            rates = [_number(neighbour_disagreement(t, given).statement) for t in (pair.yardstick, pair.suspect)]
            if rates[1] - rates[0] > 0.02:
                given["max_rate"] = round(sum(rates) / 2, 4)
                return Guard(self.id(), finding.place, "neighbour_disagreement", pair.name, given, told)
        found = {c: (association(pair.yardstick, c, target), association(pair.suspect, c, target)) for c in judgement.held.steady}
        column = max(found, key=lambda c: found[c][0] - found[c][1])
        if found[column][0] - found[column][1] < 0.02:
            return None
        least = round(sum(found[column]) / 2, 4)
        return Guard(self.id(), finding.place, "min_association", pair.name, {"column": column, "target": target, "at_least": least}, told)

    def _finding(self, problem: Problem, name: str, judged: dict[str, Judgement]) -> Finding | None:
        judgement = judged[name]
        case, pair = problem.case, judgement.pair
        rate, error = judgement.rate
        alone = name == "train" and judgement.labels_alone
        if alone and rate < 3.5 * error:
            # That many labels at least are others: the mix of the true ones is what it was.
            rate, error = judgement.mix_moved
        evidence = bounded(log_bayes_factor(rate, error, floor=0.008, typical=0.15))
        if rate < _LEAST_RATE or evidence < 2.0 or rate < 3.5 * error:
            return None
        pattern, first, second = _pattern(judgement, case)
        other = judged.get("validation" if name == "train" else "train")
        if other is not None and pattern != "exchanged" and other.rate[0] > max(0.4 * rate, 3.0 * other.rate[1]):
            return None
        if name in ("validation", "serving") and pattern != "exchanged" and judgement.located[0] > LOCATED:
            return None
        terms = judgement.terms
        # Where the inputs moved too, the model must contradict more at inputs that both tables hold.
        if terms["auc"] > 0.6 and terms["labels"] < max(3.0 * terms["labels_error"], 0.4 * terms["total"]):
            return None
        undo, pile = None, None
        if case.task == "regression":
            pile = _piled(judgement.rows.numbers(str(case.target)), judgement.held_rows.numbers(str(case.target)))
        if pattern != "exchanged" and judgement.held.target:
            undo = find_undo(case, pair, judgement.held, [judgement.held.target])
        between = {
            "exchanged": f"{first} and {second} exchanged",
            "mixed": f"{first} and {second}, both ways",
            "one-sided": f"{first} labelled as {second}",
            "scattered": "scattered",
        }[pattern]
        if undo and "shift" in undo:
            between = f"labels stand {undo['shift']:+d} rows from their own"
        elif pile is not None:
            between = f"cut off at {pile:.6g}"
        if alone:
            between += f"; the answers of a healthy model moved by {judgement.followed[0]:.2f} of what such a mix would bring, expected 1"
        statement = (
            f"`{pair.place(str(case.target))}`: {rate:.3f} +/- {1.96 * error:.3f} of the labels are wrong, expected 0 "
            f"({between}); n = {len(judgement.labels):,} against {len(judgement.held_labels):,} healthy rows."
        )
        figures = {
            "rate": round(rate, 4),
            "error": round(error, 4),
            "pattern": "shifted" if undo else pattern if pile is None else "piled",
            "classes": [first, second],
            "undo": undo,
            "n": len(judgement.labels),
            "n_yardstick": len(judgement.held_labels),
        }
        specificity = 1.0 if undo or pile is not None else {"exchanged": 0.9, "one-sided": 0.7, "mixed": 0.5, "scattered": 0.4}[pattern]
        repair = {"table": pair.name, "undo": undo, "judgement": judgement}
        return Finding(pair.place(str(case.target)), pair.name, evidence, statement, figures, repair, pair.side, specificity)


def _piled(values: np.ndarray, healthy: np.ndarray) -> float | None:
    """The value at which a target of numbers was cut off: its least or greatest, in many more rows than hold it or lie beyond by chance."""
    values, healthy = values[np.isfinite(values)], healthy[np.isfinite(healthy)]
    if min(len(values), len(healthy)) < LEAST_PILE:
        return None
    for end in (float(values.max()), float(values.min())):
        share, was = float(np.mean(values == end)), float(np.mean(healthy == end))
        beyond = float(np.mean(healthy > end if end == values.max() else healthy < end))
        error = float(np.sqrt((share + was + beyond) / len(values) + (was + beyond) / len(healthy)))
        # The pile is made of what lay beyond, and of nothing else.
        if share - was > 0.03 and share - was > 5.0 * error and abs(share - was - beyond) < max(0.03, 4.0 * error):
            return end
    return None


def _pattern(judgement: Judgement, case: Case) -> tuple[str, str, str]:
    """How the wrong labels lie, and the two classes that most of them lie between."""
    joint = judgement.noise.joint.copy()
    np.fill_diagonal(joint, 0.0)
    label, true = np.unravel_index(int(joint.argmax()), joint.shape)
    first, second = _name(judgement, case, int(true)), _name(judgement, case, int(label))
    if case.task == "regression" or joint[label, true] + joint[true, label] < 0.5 * joint.sum():
        return "scattered", first, second
    there, back = judgement.noise.transition[true, label], judgement.noise.transition[label, true]
    if min(there, back) > _EXCHANGED:
        return "exchanged", first, second
    return ("mixed" if min(there, back) > 0.3 * max(there, back) else "one-sided"), first, second


def _name(judgement: Judgement, case: Case, at: int) -> str:
    if case.task != "regression":
        return str(judgement.classes[at])
    return f"up to {judgement.classes[at]:.6g}" if at < len(judgement.classes) else f"above {judgement.classes[-1]:.6g}"


def _number(statement: str) -> float:
    import re

    found = re.search(r"neighbours ([0-9.]+[0-9])", statement)
    return float(found.group(1)) if found else 0.0


def _rows(rows: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(rows.astype(np.int64))
