"""The page of `data.drift`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import answers_of
from ruleout.causes.beyond import beyond_training
from ruleout.causes.columns import bounded, pair_of
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.judgement import Judgement, judge
from ruleout.causes.narrowed import narrowed, only_there
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.repeated_rows import once
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.classifier import Domain, effective_rows
from ruleout.statistics.likelihood import log_bayes_factor, normal_power
from ruleout.statistics.resampling import bin_weights, draw_rows
from ruleout.tables.matrix import binned
from ruleout.tables.table import Table

__all__ = ["Drift"]

_LEAST_AUC = 0.04
_LEAST_DISTANCE = 0.05
_LEAST_ROWS = 60
_MOST_REPEATS = 3.0


class Drift(Cause):
    """The inputs' distribution moved: another population, the same P(y given x).

    What goes wrong
    ---------------
    The rows come from elsewhere in the feature space than they did. The model is asked where it knows less, or is taught
    where it is not asked.

    Why it happens
    --------------
    A new market, season or channel; a campaign; another filter upstream; sampling that changed.

    What you see
    ------------
    Means and mixes of categories moved, of several columns that belong together. Much drift does no harm at all.

    How it is tested
    ----------------
    A cross-fitted classifier tries to tell the tables apart; its AUC is 1/2 in health (Lopez-Paz and Oquab 2017). Columns with new values,
    nulls or a range of their own are left to the pages about these. The suspect's rows are then weighted by the density ratio of one column
    at a time: if the tables drifted along that column, the classifier can no longer tell them apart once they are so weighted, while a
    column that went through some arithmetic still stands among the wrong neighbours.

    In validation the rise of what a healthy model gets wrong is split by DISDE (Cai, Namkoong and Yadlowsky 2023): the inputs' terms say
    how much of it the drift explains. Drift that explains nothing counts for little.

    Where two logs hold the scores that one service gave and several columns moved together, rows are weighted by the score, which stands
    for all inputs (Rosenbaum and Rubin 1983): what the metric gains thereby is due to requests that are harder than they were; what it does
    not gain, to labels that no longer follow from the scores.

    Where whole stretches or levels of a column send no requests, and all else agrees with that choice, the healthy rows are chosen
    likewise: the drift explains what the reference then loses.

    Where most requests lie outside of a feature's range in training, and the target went where that feature leads it, the model answers
    where it was never taught. Nothing can be weighted then: that is said, and rests on observation.

    What would rule it out
    ----------------------
    An AUC of 1/2 to within two points, or inputs' terms of zero beside the change.

    How it is fixed
    ---------------
    Train on rows of the population that is served, or weigh them by the density ratio; report the metric at one population.

    How it stays fixed
    ------------------
    A check on the columns that moved and matter, and the metric by segment.

    Told apart from
    ---------------
    `data.unit-change`: the same arithmetic for every row. `data.new-categories`: values that were not there before.
    `data.missing-partition`: rows that are gone from a table that someone extracts, or a time without requests. `data.label-shift`: the
    tables are alike once the classes are weighted.
    `data.concept-drift`: the healthy model loses at inputs that both tables hold.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, ICLR.
    Cai, Namkoong and Yadlowsky (2023), Diagnosing model performance under distribution shift, arXiv:2303.02011.
    Shimodaira (2000), Improving predictive inference under covariate shift, Journal of Statistical Planning and Inference 90.
    Rosenbaum and Rubin (1983), The central role of the propensity score, Biometrika 70.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("reference.train", "current.train"),
        ("reference.validation", "current.validation"),
        ("reference.validation", "current.serving"),
        ("reference.serving", "current.serving"),
        ("reference.train", "current.serving"),
    )
    cost: ClassVar[float] = 1.0

    def suspect(self, problem: Problem) -> Look:
        """Ask of every pair whether a classifier can tell the tables apart, and along which column."""
        findings: list[Finding] = []
        covers: list[Component] = []
        said: list[str] = []
        power = 1.0
        for whole in pairs(problem.case):
            pair = once(problem.case, whole)
            held = compare(problem.case, pair)
            columns = held.plain
            if problem.case.reference is None or not columns or min(held.suspect.n_rows, held.yardstick.n_rows) < _LEAST_ROWS:
                continue
            covers.append(pair.name)
            outside = _outside(problem, pair)
            if outside is not None:
                findings.append(outside)
                continue
            part = _from_a_part(problem, pair, held)
            if part is not None:
                findings.append(part)
                continue
            domain = held.apart(None, columns)
            power = min(power, normal_power(0.1, domain.error, _LEAST_AUC))
            said.append(f"`{pair.name}`: the inputs are told apart with AUC {domain.auc:.3f}, expected 0.5, n = {pair.suspect.n_rows:,}")
            found = self._finding(problem, pair, held, columns, domain)
            if found:
                findings.append(found)
        ordered = tuple(sorted(findings, key=lambda f: -f.evidence))
        return Look(ordered, power if covers else 0.0, "" if findings or not said else "; ".join(said) + ".", tuple(covers))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Draw the table's rows so that the column that moved, or all inputs together, lie as in the healthy table.

        In training, healthy rows stand in where hardly any are left: what is not there cannot be weighted up. Where part of the
        population sends no requests, the reference is asked for the rest alone instead.
        """
        pair = pair_of(case, finding)
        if pair is None or finding.repair.get("outside"):
            return None
        if finding.repair.get("only"):
            return only_there(case, pair, finding.repair["only"])
        along = finding.repair.get("along")
        rows, weights = _weights(case, pair, pair.suspect, along, towards="yardstick")
        if pair.name == "train":
            return case.with_table(pair.side, pair.name, _completed(case, pair, rows, weights, along))
        if effective_rows(weights) < _LEAST_ROWS:
            return None
        return case.with_table(pair.side, pair.name, rows.take(draw_rows(weights, pair.suspect.n_rows)))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Draw the healthy table's rows so that they lie as the suspect's do."""
        pair = pair_of(case, finding)
        healthy = case.reference.table(pair.name) if pair and case.reference else None
        if pair is None or healthy is not pair.yardstick or {"outside", "only"} & set(finding.repair):
            return None
        rows, weights = _weights(case, pair, healthy, finding.repair.get("along"), towards="suspect")
        if effective_rows(weights) < _LEAST_ROWS:
            return None
        return case.with_table("reference", pair.name, rows.take(draw_rows(weights, healthy.n_rows)))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The column that moved lies where it lay: a quantile of a number, the share of a category."""
        pair = pair_of(problem.case, finding)
        column = finding.figures["columns"][0]
        if pair is None:
            return None
        told = f"{pair.place(column)} has moved."
        if pair.suspect.kind(column) == "category":
            texts = [t.texts(column).astype(str) for t in (pair.yardstick, pair.suspect)]
            level = max(np.unique(texts[0]), key=lambda v: abs(float(np.mean(texts[0] == v)) - float(np.mean(texts[1] == v))))
            was, now = (float(np.mean(t == level)) for t in texts)
            gap = abs(was - now) / 2
            given = {"column": column, "value": str(level), "low": round(was - gap, 5), "high": round(was + gap, 5)}
            return Guard(self.id(), finding.place, "value_share", pair.name, given, told)
        values = [t.numbers(column) for t in (pair.yardstick, pair.suspect)]
        spread = float(np.nanstd(values[0])) or 1.0
        at = max((0.1, 0.25, 0.5, 0.75, 0.9), key=lambda q: abs(float(np.nanquantile(values[0], q)) - float(np.nanquantile(values[1], q))))
        was, now = (float(np.nanquantile(v, at)) for v in values)
        if pair.suspect.kind(column) != "numeric" or abs(was - now) < 0.02 * spread:
            return None
        gap = abs(was - now) / 2
        given = {"column": column, "quantile": at, "low": was - gap, "high": was + gap}
        return Guard(self.id(), finding.place, "quantile_range", pair.name, given, told)

    def _finding(self, problem: Problem, pair: Pair, held: Comparison, columns: tuple[str, ...], domain: Domain) -> Finding | None:
        moved = sorted((c for c in columns if held.distance[c] > _LEAST_DISTANCE), key=lambda c: -held.distance[c])
        gain = domain.auc - 0.5
        evidence = log_bayes_factor(gain, domain.error, floor=0.03, typical=0.2)
        if not moved or gain < _LEAST_AUC + 2.0 * domain.error or evidence < 1.0:
            return None
        along, _, rest = held.along
        if along and along == held.target:
            return None
        left = 0.5 + rest
        judgement = judge(problem, pair)
        harm = _explained(judgement) if judgement is not None and pair.name != "train" else None
        cap = 2.5 if along else 1.5
        if harm is not None:
            cap = min(cap, 2.5 if harm > max(0.01, 0.02 * problem.harm) else 0.5)
        moved = [along, *(c for c in moved if c != along)] if along else moved
        column = moved[0]
        by = ", ".join(f"{c} by {held.distance[c]:.3f}" for c in moved[:4]) + (", and others" if len(moved) > 4 else "")
        explains = "" if harm is None else f"; the inputs explain {harm:+.3f} of what a healthy model gets wrong"
        within = f" (AUC {left:.2f} once {along} is weighted)" if along else ""
        scored = "" if along else _scored(pair)
        how = "; no one column accounts for it, so requests are weighted by the score that all their inputs gave them" if scored else ""
        statement = (
            f"`{pair.place(column)}`: the inputs are told apart with AUC {domain.auc:.3f} +/- {1.96 * domain.error:.3f}, expected 0.5"
            f"{within}; {len(moved)} columns moved: {by}{explains}{how}; n = {pair.suspect.n_rows:,}."
        )
        figures = {
            "columns": moved,
            "auc": round(domain.auc, 4),
            "error": round(domain.error, 4),
            "auc_left": round(left, 4),
            "explained": None if harm is None else round(harm, 4),
            "distances": {c: round(held.distance[c], 4) for c in moved},
            "n": pair.suspect.n_rows,
            "n_yardstick": pair.yardstick.n_rows,
        }
        repair = {"table": pair.name, "along": along or scored}
        return Finding(pair.place(column), pair.name, min(bounded(evidence), cap), statement, figures, repair, pair.side, 0.2)


def _outside(problem: Problem, pair: Pair) -> Finding | None:
    """Requests from beyond what training held: no weights lead from there to where the model was taught."""
    found = beyond_training(problem.case, pair) if pair.name == "serving" and problem.situation == "serving" else None
    answers = answers_of(problem) if found is not None else None
    if found is None or (answers is not None and not answers.follow):
        return None
    column = next(iter(found.shares))
    others = ", ".join(f"{c} {share:.0%}" for c, share in list(found.shares.items())[1:5])
    likewise = f", likewise {others}" if others else ""
    statement = (
        f"`{pair.place(column)}`: {found.shares[column]:.1%} of n = {pair.suspect.n_rows:,} requests lie outside of what training held"
        f" ({found.low:.4g} to {found.high:.4g}; their median is {found.middle:.4g}){likewise}; the target went"
        f" along by {found.went:+.2f} of its deviations, so these are other cases and not another unit: the model answers where it was not"
        " taught, and no weighting brings them back."
    )
    figures = {"columns": list(found.shares), "outside": dict(found.shares), "went": found.went, "n": pair.suspect.n_rows}
    repair = {"table": pair.name, "outside": True}
    return Finding(pair.place(column), pair.name, 3.0, statement, figures, repair, pair.side, 0.5)


def _from_a_part(problem: Problem, pair: Pair, held: Comparison) -> Finding | None:
    """Requests that come from part of the population: the others are not lost, they do not ask."""
    found = narrowed(problem.case, pair, held) if problem.situation == "serving" else None
    if found is None:
        return None
    values = pair.suspect.numbers(found.column) if pair.suspect.kind(found.column) == "numeric" else np.empty(0)
    known = values[np.isfinite(values)]
    within = f" (they lie between {np.quantile(known, 0.01):.4g} and {np.quantile(known, 0.99):.4g})" if len(known) else ""
    statement = (
        f"`{pair.place(found.column)}`: {found.absent:.1%} of {pair.yardstick.name}'s {pair.yardstick.n_rows:,} rows lie where hardly one"
        f" of n = {pair.suspect.n_rows:,} requests does{within}; the inputs are told apart with AUC {found.auc:.3f}, and {found.left:.3f}"
        f" once healthy rows are chosen along it as the requests are, expected 0.5."
    )
    figures = {
        "columns": [found.column],
        "absent": round(found.absent, 4),
        "auc": round(found.auc, 4),
        "auc_left": round(found.left, 4),
        "n": pair.suspect.n_rows,
        "n_yardstick": pair.yardstick.n_rows,
    }
    repair = {"table": pair.name, "only": found.column}
    return Finding(pair.place(found.column), pair.name, 2.5, statement, figures, repair, pair.side, 0.3)


def _scored(pair: Pair) -> str:
    """The column of scores that both logs of a service hold: one number that stands for all inputs; "" where there is none."""
    both = pair.name == "serving" and all("score" in t and t.kind("score") == "numeric" for t in (pair.suspect, pair.yardstick))
    return "score" if both else ""


def _explained(judgement: Judgement) -> float:
    """How much the inputs' terms add to the share of rows that a healthy model gets wrong; zero within their error."""
    terms = judgement.terms
    return float(terms["inputs"]) if abs(terms["inputs"]) > terms["labels_error"] else 0.0


def _completed(case: Case, pair: Pair, rows: Table, weights: np.ndarray, along: str | None) -> Table:
    """Rows drawn by their weights, none more than a few times, and healthy ones from where the suspect has too few for that."""
    healthy, ratio = _weights(case, pair, pair.yardstick, along, towards="suspect")
    lacking = 1.0 - np.minimum(_MOST_REPEATS * ratio, 1.0)
    n = pair.suspect.n_rows
    n_more = round(n * float(lacking.mean()))
    drawn = rows.take(draw_rows(np.minimum(weights, _MOST_REPEATS), n - n_more))
    return drawn.stack(healthy.take(draw_rows(lacking, n_more))) if n_more else drawn


def _weights(case: Case, pair: Pair, table: Table, along: str | None, *, towards: str) -> tuple[Table, np.ndarray]:
    """Rows of `table`, one of the pair's, and the weights, shape (n_rows,), by which they lie as the other's; of a large table a sample."""
    other = pair.yardstick if towards == "yardstick" else pair.suspect
    if along and along in table and along in other:
        theirs, mine, sizes = binned(other, table, [along], 40)
        return table, bin_weights(mine[:, 0], theirs[:, 0], sizes[0])
    held = compare(case, pair)
    rows, of = (held.suspect, "suspect") if towards == "yardstick" else (held.yardstick, "yardstick")
    return rows.named(table.name), held.apart(None, held.plain).weights(of)
