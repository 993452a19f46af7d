"""The page on runs whose numbers are none."""

from __future__ import annotations

from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.training_run import Signs, is_training, rate_of, read_run, signs_of
from ruleout.causes.training_settings import explained_by_change
from ruleout.guards.guard import Guard
from ruleout.problem.curves import columns_of
from ruleout.problem.problem import Problem

__all__ = ["NonFinite"]


class NonFinite(Cause):
    """Loss or weights are NaN or infinite, so from there on nothing is learned and every answer is worthless.

    What goes wrong
    ---------------
    One operation gives a value that is no number (0 / 0, log 0, an overflow of half precision), and each step after it spreads it to
    all weights.

    Why it happens
    --------------
    A null or an infinity in a batch that nobody checked, a division by a batch's zero variance, the logarithm of a probability that
    became 0, half precision without loss scaling.

    What you see
    ------------
    A loss that fell as it should is NaN from one record to the next, with no growth before; or weights in the artifact are NaN.

    How it is tested
    ----------------
    The first record from which the loss is no number for good. Growth before it, log10 of the last three values over the smallest, under
    0.5 (a factor of 3), and a gradient norm that did not grow by 1.5 orders, say that something was fed in and nothing blew up: evidence
    3.6.

    No number from the very first record says 2.4, less where the learning rate is above what usually trains.

    Weights of the artifact that are no numbers say 3.

    What would rule it out
    ----------------------
    Finite losses to the end, and finite weights.

    How it is fixed
    ---------------
    Find the first batch whose loss is no number and check its rows (nulls, infinities, zero variance); then guard the operation
    (log with a floor, a division with an epsilon, loss scaling), and start again from the last finite checkpoint.

    How it stays fixed
    ------------------
    Stop a run at the first loss that is no number, and check tables for nulls and infinities before training.

    Told apart from
    ---------------
    A loss that grows by orders of magnitude before it is no number is model.learning-rate or model.gradients, which come first. Bad
    rows that a table shows are data.missing-values.

    References
    ----------
    Micikevicius et al. (2018), Mixed precision training, ICLR. Goodfellow, Bengio and Courville (2016), Deep Learning, section 4.1.
    """

    needs = (("current.history",), ("current.model",))
    cost = 0.05
    follows = ("model.learning-rate", "model.gradients", "model.hyperparameter", "data.missing-values", "data.outliers")

    def suspect(self, problem: Problem) -> Look:
        """Look for the first record that is no number, and for what came before it; else for weights that are none."""
        signs = signs_of(problem)
        found = _from_curves(problem, signs) if signs is not None and is_training(problem) else _from_weights(problem)
        if found:
            return Look(found, 0.95, covers=("history", "model"))
        n = signs.figures["n"] if signs is not None else 0
        return Look((), 0.95, f"history: every loss is a number to the end, n = {n:,} records.", ("history", "model"))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Every record of the curve is a number, or every weight of the artifact."""
        told = "Training gave values that are no numbers."
        if not finding.place.startswith("history."):
            return Guard(self.id(), "model", "artifact_finite", "model", {}, told)
        column = finding.place.removeprefix("history.")
        return Guard(self.id(), finding.place, "history_within", "history", {"column": column}, told)


def _from_curves(problem: Problem, signs: Signs) -> tuple[Finding, ...]:
    if not signs.broke or "broke_at" not in signs.figures:
        return ()
    run = read_run(problem.case.current)
    over = rate_of(problem.case.current, run).excess > 0
    evidence = 3.6 * signs.sudden if signs.sudden else 2.4 - 1.2 * over if signs.at_once else 0.8
    if signs.exploding:
        evidence = min(evidence, 1.0)
    evidence *= 0.3 if explained_by_change(problem, signs) else 1.0
    known = columns_of(problem.case.current.history) if problem.case.current.history is not None else None
    columns = [c for c in (known.train, known.held) if c] if known else []
    at, n, growth = signs.figures["broke_at"], signs.figures["n"], signs.figures["growth"]
    figures = {"broke_at": at, "growth": growth, "n": n}
    said = f"no number from record {at + 1} on, after growing by {growth:.1f} orders of magnitude; expected none such, n = {n:,} records."
    places = [f"history.{c}" for c in columns or [signs.figures["column"]]] + ["model"]
    return tuple(Finding(p, "history", evidence, f"{p}: {said}", figures, specificity=0.4) for p in places)


def _from_weights(problem: Problem) -> tuple[Finding, ...]:
    opened = problem.laboratory.model("current")
    if opened is None or opened.describe().finite:
        return ()
    said = "model: weights are NaN or infinite, expected numbers, n = 1 artifact."
    return (Finding("model", "model", 3.0, said, {"finite": False}, specificity=0.6),)
