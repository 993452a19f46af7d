"""The page on overfitting."""

from __future__ import annotations

import numpy as np

from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import better, explained_by_setting, figure, measured, spread, train_score
from ruleout.causes.training_run import Signs, is_training, signs_of
from ruleout.causes.training_settings import explained_by_change
from ruleout.guards.guard import Guard
from ruleout.problem.curves import columns_of
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Overfitting"]


class Overfitting(Cause):
    """The model has learned its training rows by heart, so it scores far better on them than on rows it has not seen.

    What goes wrong
    ---------------
    The model follows the noise of its training rows. The gap between training and validation score is wider than it was when the
    system worked, and grows with training.

    Why it happens
    --------------
    Fewer rows than before for the same capacity, longer training, early stopping lost, a column that names the row (an identifier),
    or a weaker restraint.

    What you see
    ------------
    The training score rises, or stays, while the validation score falls; the validation loss has passed its lowest point.

    How it is tested
    ----------------
    gap = score(train) - score(validation), counted so that better is more, on both sides. Excess = gap(current) - gap(reference) in units
    of its noise s (seeds and samples), evidence min(1.5, excess / 4 s) where the training score rose beyond s and at most 0.4 where it did
    not: a wide gap alone is also what bad validation data give.

    Loss curves, where there are any: the last validation loss over its lowest, while the training loss went on falling (Prechelt 1998,
    equation 2: generalisation loss).

    What would rule it out
    ----------------------
    A gap as wide as the reference's, or a training score that fell as far as the validation score did.

    How it is fixed
    ---------------
    Restrain the model (stronger regularisation, fewer rounds, early stopping on validation rows), or bring the missing rows back.

    How it stays fixed
    ------------------
    Report training and validation score of each run side by side, and let the gate bound the gap.

    Told apart from
    ---------------
    A changed setting that explains the gap comes first (model.regularization, model.hyperparameter, model.learning-rate).
    Validation rows that changed give the same gap without any change of the training score: that is a page in data.

    References
    ----------
    Geman, Bienenstock and Doursat (1992), Neural networks and the bias/variance dilemma, Neural Computation 4. Prechelt (1998),
    Early stopping, but when? Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 7.2.
    """

    needs = (("current.train", "current.validation", "current.model"), ("current.history",))
    cost = 0.5

    def suspect(self, problem: Problem) -> Look:
        """Compare the gap between training and validation score of both sides, and read the loss curves."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is not None:
            return _from_run(problem, signs)
        findings = [f for f in (_from_gap(problem), _from_curves(problem)) if f is not None]
        if findings:
            return Look((max(findings, key=lambda f: f.evidence),), 0.6, covers=("model", "history"))
        n = problem.case.current.train.n_rows if problem.case.current.train else 0
        return Look((), 0.6, f"model: the gap between training and validation is not wider than expected, n = {n:,}.", ("model", "history"))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The model scores on validation as it did when the system worked, less noise."""
        if problem.reference is None:
            return None
        bound = problem.reference - better(problem) * max(2 * problem.noise, 0.5 * problem.harm)
        limits = {"low": bound} if better(problem) > 0 else {"high": bound}
        return Guard(
            self.id(),
            finding.place,
            "model_metric",
            "model",
            {"table": "validation", **limits},
            "The model is worse on rows it has not seen.",
        )


def _from_run(problem: Problem, signs: Signs) -> Look:
    """What the curves alone say: where validation was best, and how the two curves stand to each other at the end."""
    shown, n = signs.figures, signs.figures["n"]
    evidence = max(signs.turned and 1.2 + 2.4 * signs.turned, signs.wide and 1.0 + 1.8 * signs.wide)
    evidence *= 0.3 if explained_by_change(problem, signs) else 1.0
    if evidence < 0.3:
        return Look((), 0.8, f"history: validation does not turn away from training, n = {n:,} records.", ("history",))
    if signs.turned:
        usual = "12 %" if shown["rise_reference"] is None else f"{max(0.03, 1.5 * shown['rise_reference']):.0%} after the reference"
        said = (
            f"validation loss ends {shown['rise']:.0%} above its lowest (record {shown['lowest_at'] + 1}) while training loss fell by"
            f" another {shown['fell_on']:.0%}; expected at most {usual}, n = {n:,} records."
        )
    else:
        said = (
            f"training ends at {shown['train']:.4g} and validation at {shown['held']:.4g}, in the reference at"
            f" {shown['train_reference']:.4g} and {shown['held_reference']:.4g}: the gap widened, n = {n:,} records."
        )
    held = columns_of(problem.case.current.history).held if problem.case.current.history is not None else None
    figures = {k: shown.get(k) for k in ("rise", "lowest_at", "fell_on", "train", "held") if k in shown}
    places = ["model", *([f"history.{held}"] if held else [])]
    return Look(tuple(Finding(p, "history", evidence, f"{p}: {said}", figures, specificity=0.3) for p in places), 0.8, covers=("history",))


def _from_gap(problem: Problem) -> Finding | None:
    current, reference, sign = problem.case.current, problem.case.reference, better(problem)
    trained = train_score(problem, "current")
    judged = figure(problem, "recomputed", "current")
    judged = measured(problem, problem.laboratory.model("current"), current.validation) if judged is None else judged
    before = train_score(problem, "reference")
    was = figure(problem, "recomputed", "reference")
    if trained is None or judged is None or before is None or was is None or reference is None:
        return None
    noise = 2.0 * spread(problem)
    excess = sign * (trained - judged) - sign * (before - was)
    fell = sign * (was - judged)
    if excess <= 2 * noise or fell <= noise or sign * (trained - before) < -noise:
        return None
    rose = sign * (trained - before) > noise
    evidence = min(1.5, excess / (4 * noise)) if rose else min(0.4, excess / (10 * noise))
    statement = (
        f"model: training score {trained:.4g} and validation score {judged:.4g}, gap {excess:.4f} wider than the reference's"
        f" ({before:.4g} and {was:.4g}); expected within {2 * noise:.4f}, n = {current.train.n_rows if current.train else 0:,}."
    )
    return Finding(
        "model",
        "model",
        evidence * (0.3 if explained_by_setting(problem) else 1.0),
        statement,
        {"train": trained, "validation": judged, "excess": excess},
        specificity=0.3,
    )


def _from_curves(problem: Problem) -> Finding | None:
    history = problem.case.current.history
    loss = _risen(history)
    if loss is None or history is None or loss[0] < 0.05:
        return None
    was = _risen(problem.case.reference.history) if problem.case.reference else None
    if was is not None and loss[0] <= 2 * was[0] + 0.02:
        return None
    evidence = min(3.0, 1.0 + 2.0 * loss[0]) * (0.3 if explained_by_setting(problem) else 1.0)
    yardstick = f"the reference's rose by {was[0]:.1%}" if was else "expected at most 5.0%"
    said = f"model: validation loss ends {loss[0]:.1%} above its lowest, at step {loss[1]}, while training loss fell"
    statement = f"{said}; {yardstick}, n = {history.n_rows:,} steps."
    return Finding("model", "history", evidence, statement, {"rise": loss[0], "step": loss[1]}, specificity=0.3)


def _risen(history: Table | None) -> tuple[float, int] | None:
    """How far the validation loss ends above its lowest point, as a share, and where that was; None where training loss did not fall on."""
    if history is None or not {"train_loss", "val_loss"} <= set(history.columns):
        return None
    if {history.kind("train_loss"), history.kind("val_loss")} != {"numeric"}:
        return None
    train, judged = history.numbers("train_loss"), history.numbers("val_loss")
    kept = np.isfinite(train) & np.isfinite(judged)
    train, judged = train[kept], judged[kept]
    if len(judged) < 4 or judged.min() <= 0:
        return None
    lowest = int(np.argmin(judged))
    return (float(np.mean(judged[-2:]) / judged[lowest] - 1.0), lowest) if train[-1] < train[lowest] else None
