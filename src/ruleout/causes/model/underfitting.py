"""The page on underfitting."""

from __future__ import annotations

import numpy as np

from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import better, explained_by_setting, figure, spread, train_score
from ruleout.causes.training_run import STEEP, Signs, flat_settings, is_training, last_word, signs_of
from ruleout.causes.training_settings import explained_by_change, same_settings
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Underfitting"]

LENGTH = ("epochs", "n_epochs", "num_epochs", "max_epochs", "num_train_epochs", "max_iter", "max_steps", "total_steps")
"""Settings of the length of a run."""


class Underfitting(Cause):
    """The model does not even fit its training rows, because its capacity or its training is too small for them.

    What goes wrong
    ---------------
    The model cannot, or was not given the time to, express what the training rows hold: the training score itself is poor.

    Why it happens
    --------------
    A smaller model for speed, training stopped early, a restraint too strong, columns that no longer reach the model, a task that
    grew (more classes, more kinds of rows) under an old model.

    What you see
    ------------
    Training and validation score fall together and stay close. At the end the training loss is still falling, or it never began to.

    How it is tested
    ----------------
    Fall of the training score against the reference's, counted so that better is more, in units of its noise s: evidence min(1, fall / 8 s)
    where the gap to validation did not widen by more than half the fall. It is low on purpose: wrong labels lower the training score as
    well.

    Loss curves, where there are any: the share of the whole fall of the training loss that happens in the last tenth, and the last training
    loss against the reference's: a quarter above it where the settings are the same.

    A run of six records at most that stands alone was cut short where both curves fell with every record, by less than 60 % in all, and
    lost 4 % of their level or more in the last one, and the rate was not coming down: evidence up to 2.6.

    What would rule it out
    ----------------------
    A training score as good as the reference's: a model that fits its own rows is not too small for them.

    How it is fixed
    ---------------
    Give the model its capacity or its training back: rounds, epochs, depth, width, columns, or a weaker restraint.

    How it stays fixed
    ------------------
    Let the gate bound the training score from below, and stop training on a plateau and not on a clock.

    Told apart from
    ---------------
    A changed setting that explains it comes first (model.regularization, model.hyperparameter, model.learning-rate). Wrong training
    labels (data.label-errors) make any model look too small.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 7.3. Goodfellow, Bengio and Courville
    (2016), Deep Learning, section 5.2.
    """

    needs = (("current.train", "current.model"), ("current.history",))
    cost = 0.4

    def suspect(self, problem: Problem) -> Look:
        """Compare the training scores of both sides, and read the end of the loss curves."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is not None:
            return _from_run(problem, signs)
        findings = [f for f in (_from_scores(problem), _from_curves(problem)) if f is not None]
        if findings:
            return Look((max(findings, key=lambda f: f.evidence),), 0.6, covers=("model", "history"))
        n = problem.case.current.train.n_rows if problem.case.current.train else 0
        return Look((), 0.6, f"model: the training score has not fallen beyond noise, n = {n:,}.", ("model", "history"))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The model scores on its training rows as it did when the system worked, less half of the fall."""
        before, now = finding.figures.get("reference"), finding.figures.get("current")
        if finding.component != "model" or before is None or now is None:
            return None
        limits = {"low" if better(problem) > 0 else "high": (float(before) + float(now)) / 2}
        return Guard(
            self.id(), finding.place, "model_metric", "model", {"table": "train", **limits}, "The model does not fit its training rows."
        )


def _from_run(problem: Problem, signs: Signs) -> Look:
    """What the curves alone say: training that ends higher than the reference's, or that stops while it still falls."""
    shown, n, column = signs.figures, signs.figures["n"], signs.figures["column"]
    width = _narrowest(problem)
    narrow = width is not None and width <= 2 and shown.get("fall", 1.0) < 0.5 and not signs.broke
    cut_short = signs.unfinished > 0 and shown.get("last_fall", 0.0) >= STEEP
    evidence = max(
        signs.high and 1.0 + 1.6 * signs.high,
        signs.unfinished and 0.7 + 1.2 * signs.unfinished,
        2.6 * signs.unfinished if cut_short else 0.0,
        0.8 * signs.slow,
        # no setting differs and nothing is learned any more: what is learned from says too little
        1.8 * signs.standing if same_settings(problem) and problem.significant else 0.0,
        2.2 if narrow else 0.0,
    )
    evidence -= 1.5 * max(signs.shaking, signs.dead, signs.vanishing) if not narrow else 0.0
    evidence *= 0.3 if explained_by_change(problem, signs) else 1.0
    if evidence < (0.3 if problem.significant else 1.5):
        return Look((), 0.7, f"history: {column} falls as far as it should, n = {n:,} records.", ("history",))
    if signs.high and "train_reference" in shown:
        said = f"training ends at {shown['train']:.4g}, in the reference at {shown['train_reference']:.4g}, n = {n:,} records."
    elif narrow:
        lost = shown.get("fall", 0.0)
        said = f"the narrowest layer has {width} units and {column} lost {lost:.0%} of its first value only, n = {n:,} records."
    elif cut_short:
        said = f"{column} still lost {shown['last_fall']:.1%} of its level in the last record, expected under 4 %, n = {n:,} records."
    else:
        said = f"{shown.get('late_fall', 0.0):.0%} of the fall of {column} came in the last third, expected under 15 %, n = {n:,} records."
    length = [k for k, _ in flat_settings(problem.case.current.config or {}) if last_word(k) in LENGTH] if cut_short else []
    places = (*(f"config.{k}" for k in length), "model", f"history.{column}")
    return Look(tuple(Finding(p, "history", evidence, f"{p}: {said}", {"n": n}, specificity=0.3) for p in places), 0.7, covers=("history",))


def _narrowest(problem: Problem) -> int | None:
    """Units of the narrowest hidden layer that the configuration names; None where it names none."""
    for key, value in flat_settings(problem.case.current.config or {}):
        if last_word(key) not in ("hidden", "hidden_layer_sizes", "hidden_units", "hidden_size", "units", "width"):
            continue
        sizes = value if isinstance(value, list | tuple) else [value]
        whole = [int(v) for v in sizes if isinstance(v, int) and not isinstance(v, bool)]
        if whole:
            return min(whole)
    return None


def _from_scores(problem: Problem) -> Finding | None:
    trained, before, sign = train_score(problem, "current"), train_score(problem, "reference"), better(problem)
    if trained is None or before is None:
        return None
    noise = 2.0 * spread(problem)
    fall = sign * (before - trained)
    judged, was = figure(problem, "recomputed", "current"), figure(problem, "recomputed", "reference")
    widened = sign * (trained - judged) - sign * (before - was) if judged is not None and was is not None else 0.0
    if fall <= 2 * noise or widened > 0.5 * fall:
        return None
    n = problem.case.current.train.n_rows if problem.case.current.train else 0
    statement = (
        f"model: training score {trained:.4g}, in the reference {before:.4g}: {fall:.4f} worse, expected within {2 * noise:.4f}, n = {n:,}."
    )
    evidence = min(1.0, fall / (4 * noise)) * (0.3 if explained_by_setting(problem) else 1.0)
    return Finding("model", "model", evidence, statement, {"current": trained, "reference": before, "fall": fall}, specificity=0.3)


def _from_curves(problem: Problem) -> Finding | None:
    history = problem.case.current.history
    end = _ending(history)
    was = _ending(problem.case.reference.history) if problem.case.reference else None
    if end is None or history is None or (was is None and end[1] < 0.08) or (was is not None and not (end[0] > 1.2 * was[0] + 1e-9)):
        return None
    yardstick = f"the reference ended at {was[0]:.4g}" if was else "expected under 8.0% of the fall in the last tenth"
    said = f"model: training loss ends at {end[0]:.4g} with {end[1]:.1%} of its fall in the last tenth"
    statement = f"{said}; {yardstick}, n = {history.n_rows:,} steps."
    evidence = (1.0 if was else 0.5) * (0.3 if explained_by_setting(problem) else 1.0)
    return Finding("model", "history", evidence, statement, {"loss": end[0], "late": end[1]}, specificity=0.3)


def _ending(history: Table | None) -> tuple[float, float] | None:
    """The last training loss, and the share of its whole fall that came in the last tenth of the steps."""
    if history is None or "train_loss" not in history or history.kind("train_loss") != "numeric":
        return None
    loss = history.numbers("train_loss")
    loss = loss[np.isfinite(loss)]
    if len(loss) < 5 or loss[0] <= loss[-1]:
        return (float(loss[-1]), 0.0) if len(loss) >= 5 else None
    late = max(1, len(loss) // 10)
    return float(loss[-1]), float((loss[-1 - late] - loss[-1]) / (loss[0] - loss[-1]))
