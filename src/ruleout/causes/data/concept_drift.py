"""The page of `data.concept-drift`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.beyond import beyond_training
from ruleout.causes.columns import bounded
from ruleout.causes.comparison import compare
from ruleout.causes.judgement import LOCATED, Judgement, judge
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.scores import same_tables
from ruleout.causes.taught_anew import taught_anew
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.classifier import domain_classifier
from ruleout.statistics.likelihood import log_bayes_factor, normal_power
from ruleout.tables.table import Table

__all__ = ["ConceptDrift"]

_LEAST_RATE = 0.015


class ConceptDrift(Cause):
    """The relation between inputs and target changed in the world, while the inputs look the same or nearly.

    What goes wrong
    ---------------
    P(y given x) is no longer what it was. What was learned from the past does not hold for the present, in part of the
    feature space or in all of it.

    Why it happens
    --------------
    Prices, rules, behaviour or competitors changed; the target itself is now defined otherwise, and everyone goes by the new definition.

    What you see
    ------------
    The old model loses on the new rows at inputs that it knows. A new model learns the new relation where its training rows
    are recent enough, and half of it where they are a mixture.

    How it is tested
    ----------------
    A healthy model judges the labels of training and validation rows as for `data.label-errors`. The rise of the share that it contradicts
    is split into inputs and labels given inputs by DISDE (Cai, Namkoong and Yadlowsky 2023): both sides' losses are averaged over the
    inputs that they share, with weights p(other side | x) from a cross-fitted classifier, and the rest is the inputs' part.

    The world changed where the labels' part is beyond three standard errors in validation and the training rows show it too, or where what
    the model contradicts lies in a part of the feature space. A change of Delta needs n >= (2.8 / Delta)^2 rows to be seen.

    A serving log whose labels are known takes the place of validation where there is none. Of numbers that a model tells roughly, few lie
    beyond its usual errors; a model taught on half of the requests then answers for the other half: where it takes away half of what the
    healthy one lost, features tell the target as they did, and by another relation.

    What would rule it out
    ----------------------
    A labels' part of zero at shared inputs, with a standard error that is small beside the drop.

    How it is fixed
    ---------------
    Train on rows from after the change, or weigh them more; add the feature that tells the new world from the old. The labels are right.

    How it stays fixed
    ------------------
    Watch the loss at matched inputs, not only the inputs; retrain on a window that the change can fill.

    Told apart from
    ---------------
    `data.label-errors`: one table only, anywhere in the feature space. `data.drift`: the loss at shared inputs is as before.
    (beyond all that training held, too: there no relation was known that could have changed.)
    `data.label-shift`: the classes' own distributions are as before. `data.stale`: the training rows are of before, the relation moved on.

    References
    ----------
    Cai, Namkoong and Yadlowsky (2023), Diagnosing model performance under distribution shift, arXiv:2303.02011.
    Gama et al. (2014), A survey on concept drift adaptation, ACM Computing Surveys 46.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("case.target", "reference.validation", "current.validation"),
        ("case.target", "reference.validation", "current.serving"),
        ("case.target", "reference.serving", "current.serving"),
    )
    cost: ClassVar[float] = 1.5
    joint = True

    # A reference that knew the entities or the times of its validation rows lost that knowledge, not the world its relation.
    gives_way_to: ClassVar[tuple[str, ...]] = ("data.stale", "data.group-leakage", "data.temporal-leakage")

    def suspect(self, problem: Problem) -> Look:
        """Ask whether a healthy model loses on validation rows at inputs it knows, and whether training rows show the same."""
        judged = {pair.name: found for pair in pairs(problem.case) if (found := judge(problem, pair)) is not None}
        validation, train = judged.get("validation") or judged.get("serving"), judged.get("train")
        if validation is None:
            return Look()
        looked: Component = validation.pair.name
        rate, error = validation.rate
        power = normal_power(max(0.03, problem.harm / 10), error, _LEAST_RATE)
        target = str(problem.case.target)
        n = len(validation.labels)
        said = f"`{target}`: {rate:.3f} +/- {1.96 * error:.3f} of the labels are not as a healthy model has it, expected 0, n = {n:,}."
        if same_tables(problem.case) is True:
            # A model trained on yesterday's rows again has not seen the new world: that is data.stale, whatever the world did.
            same = f"`{target}`: the training rows are the reference's, so no new relation was learned, n = {n:,}."
            return Look((), power, same, ("train",))
        if problem.situation == "serving" and beyond_training(problem.case, validation.pair) is not None:
            beyond = f"`{target}`: most requests lie beyond what training held, where no relation was known before, n = {n:,}."
            return Look((), 0.0, beyond, (looked,))
        finding = self._finding(problem, validation, train)
        if finding is None and problem.situation == "serving":
            finding = _learned_anew(problem, validation)
        return Look((finding,), power, "", (looked,)) if finding else Look((), power, said, (looked,))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Rows of the old world in place of the new ones, drawn so that their inputs are as today's: P(x) of now with P(y | x) of then.

        It says how much of the change lies in the relation; it is no repair, for the world cannot be turned back.
        """
        done = None
        for pair in pairs(case):
            if pair.name not in finding.repair.get("tables", ()):
                continue
            drawn = _as_before(case, pair)
            if drawn is not None:
                done = (done or case).with_table(pair.side, pair.name, drawn)
        return done

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The column that tells most of the target tells as much as it did."""
        from ruleout.guards.tables import association

        pair = next((p for p in pairs(problem.case) if p.name == finding.component), None)
        target = problem.case.target
        if pair is None or not target:
            return None
        held = compare(problem.case, pair)
        found = {c: (association(pair.yardstick, c, target), association(pair.suspect, c, target)) for c in held.steady}
        column = max(found, key=lambda c: found[c][0] - found[c][1], default=None)
        if column is None or found[column][0] - found[column][1] < 0.02:
            return None
        given = {"column": column, "target": target, "at_least": round(sum(found[column]) / 2, 4)}
        told = f"{column} no longer tells of {target} what it did: the relation changed, look before training again."
        return Guard(self.id(), finding.place, "min_association", pair.name, given, told)

    def _finding(self, problem: Problem, validation: Judgement, train: Judgement | None) -> Finding | None:
        rate, error = validation.rate
        if rate < max(_LEAST_RATE, 3.5 * error):
            return None
        terms = validation.terms
        if terms["labels"] < max(3.0 * terms["labels_error"], 0.4 * terms["total"]):
            return None
        in_train, train_error = train.rate if train else (0.0, 0.0)
        alike = train is not None and in_train > max(0.4 * rate, 3.0 * train_error)
        place, column = validation.located
        if not alike and place <= LOCATED:
            return None
        evidence = log_bayes_factor(rate, error, floor=0.008, typical=0.15)
        evidence = min(bounded(evidence), 3.9 if alike else 3.4 if in_train > 3.0 * train_error > 0.0 else 2.5)
        target, name = str(problem.case.target), validation.pair.name
        also = f", in training {in_train:.3f} +/- {1.96 * train_error:.3f}" if train else ""
        where = f", most along {column}" if place > LOCATED else ""
        statement = (
            f"`{target}`: at shared inputs a healthy model contradicts {terms['labels']:.3f} +/- {1.96 * terms['labels_error']:.3f} more "
            f"of the {name} labels than it did, expected 0{where}; {rate:.3f} +/- {1.96 * error:.3f} follow another "
            f"relation{also}; n = {len(validation.labels):,}."
        )
        figures = {
            "labels_term": round(terms["labels"], 4),
            "labels_error": round(terms["labels_error"], 4),
            "inputs_term": round(terms["inputs"], 4),
            "rate": round(rate, 4),
            "rate_in_train": round(in_train, 4),
            "column": column,
            "located": round(place, 3),
            "n": len(validation.labels),
            "n_needed": int(np.ceil((2.8 / max(terms["labels"], 1e-3)) ** 2)),
        }
        tables = ("train", name) if train is not None and in_train > 3.0 * train_error else (name,)
        return Finding(target, name, evidence, statement, figures, {"table": name, "tables": tables}, "current", 0.2)


def _learned_anew(problem: Problem, judgement: Judgement) -> Finding | None:
    """Requests whose features tell the target as ever, once it is learned anew from these very requests."""
    rate, error = judgement.rate
    place, column = judgement.located
    if rate < max(_LEAST_RATE, 3.5 * error) or place <= LOCATED:
        return None
    found = taught_anew(problem, judgement)
    if found is None:
        return None
    target, name, n = str(problem.case.target), judgement.pair.name, len(judgement.labels)
    statement = (
        f"`{target}`: a model taught on half of the requests errs by {found.anew:.4g} (squared) on the other half, the healthy one"
        f" by {found.now:.4g}, in {judgement.pair.yardstick.name} by {found.before:.4g}: features tell it as they did, by another relation,"
        f" most along {column}; n = {n:,}."
    )
    figures = {
        "error_now": found.now,
        "error_before": found.before,
        "error_anew": found.anew,
        "regained": round(found.regained, 3),
        "z": round(found.z, 2),
        "column": column,
        "located": round(place, 3),
        "n": n,
    }
    return Finding(target, name, 2.5, statement, figures, {"table": name, "tables": (name,)}, "current", 0.2)


def _as_before(case: Case, pair: Pair) -> Table | None:
    held = compare(case, pair)
    if not held.features or not pair.yardstick.n_rows:
        return None
    yardstick, suspect = held.numbers(held.features)
    weights = domain_classifier(suspect, yardstick).weights("yardstick")
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(weights), size=pair.suspect.n_rows, p=weights / weights.sum()))
    return held.yardstick.take(rows).named(pair.name)
