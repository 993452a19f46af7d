"""The page on models that answer one class only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.causes.one_answer import one_answer
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.settings import changed_settings
from ruleout.causes.training_run import flat_settings, is_training, last_word, signs_of
from ruleout.errors import RuleoutError
from ruleout.guards.guard import Guard
from ruleout.guards.tables import history_within
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["ClassImbalance"]

NEARLY_ALL = 0.98

WEIGHTS = ("class_weight", "class_weights", "scale_pos_weight", "pos_weight", "is_unbalance", "sampler", "oversample")


class ClassImbalance(Cause):
    """The model answers nearly one class only, because of imbalance or of the weights that were meant to offset it.

    What goes wrong
    ---------------
    Answering the commonest (or the heaviest weighted) class is the cheapest thing to learn, and that is all the model does.

    Why it happens
    --------------
    One class outgrew the others in training, weights or resampling were dropped, doubled or reversed, or the threshold suits
    another mix.

    What you see
    ------------
    One answer for (nearly) every row while the labels are mixed. Accuracy may look good; balanced accuracy is 1 / classes.

    How it is tested
    ----------------
    Share of the commonest answer on validation rows against the share of that class in the labels. At 98 % or more, at least 5 points above
    the labels and above the reference model's own share, the evidence is min(2.5, 8 (answers - labels)); 1 more where a class's share of
    the training rows is 5 points or more from the reference's, else a third where a changed setting explains it and half where nothing
    does.

    Training rows drawn to the reference's mix and fitted again confirm it.

    Curves alone: validation accuracy above 0.6, within 0.02 of the same value over the second half of the run, and meanwhile a score in
    which classes count alike that stands at 1 / classes, at least 0.15 below accuracy (evidence 3.4), or a recall or F1 that is 0 (3.2);
    without such columns, accuracy equal to the commonest class's share where the configuration counts classes (2.6). Less 1.5 where units
    are dead or the run broke off.

    What would rule it out
    ----------------------
    Answers as mixed as the labels.

    How it is fixed
    ---------------
    Weight the classes by their inverse share (n / (classes * count), King and Zeng 2001) or bring the lost class back, and choose
    the threshold on validation rows.

    How it stays fixed
    ------------------
    Let the gate bound the share of the commonest answer, and report a metric that counts each class (balanced accuracy, macro F1).

    Told apart from
    ---------------
    A class weight that changed is model.hyperparameter first, unless the curves show that one class only is answered. Labels whose mix
    moved are data.label-shift, a class that is gone is data.missing-partition. A network that answers one class because
    training blew up is model.learning-rate.

    References
    ----------
    King and Zeng (2001), Logistic regression in rare events data, Political Analysis 9. He and Garcia (2009), Learning from
    imbalanced data, IEEE TKDE 21.
    """

    needs = (("current.model", "current.validation"), ("current.history",))
    cost = 0.2

    def suspect(self, problem: Problem) -> Look:
        """Hold the mix of the model's answers against the mix of the labels; of curves alone, scores against each other."""
        if is_training(problem):
            return _from_curves(problem)
        if problem.case.task == "regression":
            return Look((), 1.0, "model: the target is a number, so no class can be missing, n = 0 classes.")
        now = _answers(problem, "current")
        if now is None:
            return Look(statement="model: no answers on labelled validation rows, n = 0.")
        label, share, truth, n = now
        was = _answers(problem, "reference")
        usual = was[1] if was is not None else truth
        if share < NEARLY_ALL or share - max(truth, usual) < 0.05:
            return Look(
                (), 0.95, f"model: the commonest answer {label!r} has a share of {share:.4f}, its label {truth:.4f}, n = {n:,}.", ("model",)
            )
        evidence = min(2.5, 8 * (share - max(truth, usual)))
        moved = _mixes(problem)
        if moved:
            evidence += 1.0
        elif changed_settings(problem).changes:
            evidence *= 0.33
        else:
            evidence *= 0.5
        place = f"train.{problem.case.target}" if moved else "model"
        statement = (
            f"{place}: answers {label!r} for {share:.4f} of the rows, its label has {truth:.4f}, expected at most {NEARLY_ALL}, n = {n:,}."
        )
        figures = {"answers": share, "labels": truth, "n": n}
        repair = {"weighted": _weight_key(problem), "mix": moved}
        finding = Finding(place, "train" if moved else "model", evidence, statement, figures, repair, specificity=0.3)
        return Look((finding,), 0.95, covers=("model",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side with training rows drawn to the reference's class mix, or with balanced class weights where it has a key."""
        held, mix, key = case.side(finding.side), finding.repair.get("mix"), finding.repair.get("weighted")
        if mix and held is not None and held.train is not None and case.target in held.train:
            return case.with_table(finding.side, "train", _drawn(held.train, str(case.target), mix))
        return case.with_config(finding.side, {key: "balanced"}) if key else None

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The commonest answer has not nearly all rows; of curves alone, their second half is better than one constant answer."""
        if "column" in finding.figures:
            return _guard_of_curves(self.id(), problem, finding)
        if "answers" not in finding.figures:
            return None
        most = round((float(finding.figures["answers"]) + float(finding.figures["labels"])) / 2, 4)
        said = "The model answers nearly one class only."
        return Guard(self.id(), finding.place, "model_answers", "model", {"table": "validation", "max_share": most}, said)


def _guard_of_curves(cause: str, problem: Problem, finding: Finding) -> Guard | None:
    """The score that showed it stands above what one answer for every row would give; None where the run that worked does not either,
    or where accuracy is all there is.
    """
    column, least = str(finding.figures["column"]), finding.figures["least"]
    if finding.place != f"history.{column}" or least is None:
        return None
    given: dict[str, Any] = {"column": column, "low": round(float(least), 4), "from_share": 0.5}
    was = problem.case.reference.history if problem.case.reference else None
    if was is not None and (column not in was or not history_within(was, given).green):
        return None
    return Guard(cause, finding.place, "history_within", "history", given, "The model answers nearly one class only.")


def _from_curves(problem: Problem) -> Look:
    side, signs = problem.case.current, signs_of(problem)
    if side.history is None or signs is None:
        return Look(statement="history: no curves of a run by themselves, n = 0 records.")
    n = signs.figures["n"]
    seen = one_answer(side.history, side.config)
    if seen is None:
        said = f"history: no score stands at what one answer for every row would give, n = {n:,} records."
        return Look((), 0.8, said, ("history",))
    evidence = seen.evidence - (1.5 if signs.dead or signs.broke else 0.0)
    if evidence < 1.0:
        return Look((), 0.5, f"history: {seen.said}, as of a run that failed otherwise, n = {n:,} records.", ("history",))
    weights = [k for k, _ in flat_settings(side.config or {}) if last_word(k) in WEIGHTS]
    places = (*(f"history.{c}" for c in seen.columns), *(f"config.{k}" for k in weights))
    statement = f"{seen.said}, n = {n:,} records."
    figures = {"n": n, "column": seen.columns[0], "least": seen.least}
    found = tuple(Finding(p, "history", evidence, f"{p}: {statement}", figures, specificity=0.5) for p in places)
    return Look(found, 0.9, covers=("history",))


def _answers(problem: Problem, side: SideName) -> tuple[str, float, float, int] | None:
    """The commonest answer on a side's validation rows, its share, its share in the labels, and the number of rows."""
    held, model, target = problem.case.side(side), problem.laboratory.model(side), problem.case.target
    table = held.validation if held else None
    if model is None or table is None or target is None or target not in table or table.n_rows == 0:
        return None
    try:
        given = [_text(v) for v in problem.laboratory.predict(model, table).prediction.tolist()]
    except RuleoutError:
        return None
    labels = [v for v in table.texts(target).tolist() if v is not None]
    if not given or len(set(labels)) < 2:
        return None
    label, count = Counter(given).most_common(1)[0]
    return label, count / len(given), labels.count(label) / len(labels), len(given)


def _mixes(problem: Problem) -> dict[str, float] | None:
    """The reference's class mix in training, where the current one is 5 points or more from it; else None."""
    reference, current, target = problem.case.reference, problem.case.current, problem.case.target
    if reference is None or reference.train is None or current.train is None or target is None:
        return None
    if target not in reference.train or target not in current.train:
        return None
    was, now = _mix(reference.train, target), _mix(current.train, target)
    apart = max((abs(was.get(k, 0.0) - now.get(k, 0.0)) for k in {**was, **now}), default=0.0)
    return was if apart >= 0.05 else None


def _drawn(table: Table, target: str, mix: dict[str, float]) -> Table:
    """As many rows, each class taken in turn and again until it has its share of the mix; classes that are gone stay gone."""
    labels = table.texts(target)
    rows = {label: np.flatnonzero(labels == label) for label in mix}
    there = {label: share for label, share in mix.items() if len(rows[label])}
    total = sum(there.values())
    if not total:
        return table
    taken = [np.resize(rows[label], max(1, round(table.n_rows * share / total))) for label, share in there.items()]
    return table.take(np.sort(np.concatenate(taken)))


def _mix(table: Table, target: str) -> dict[str, float]:
    labels = [v for v in table.texts(target).tolist() if v is not None]
    return {label: count / len(labels) for label, count in Counter(labels).items()}


def _weight_key(problem: Problem) -> str | None:
    config = problem.case.current.config or {}
    return next((k for k in config if k.rsplit("__", 1)[-1] in ("class_weight", "class_weights")), None)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
