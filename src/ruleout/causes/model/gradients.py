"""The page on gradients that vanish or explode."""

from __future__ import annotations

import re

import numpy as np

from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.training_run import EXPLODED, Signs, flat_settings, is_training, last_word, rate_of, read_run, signs_of
from ruleout.causes.training_settings import explained_by_change
from ruleout.guards.guard import Guard
from ruleout.guards.tables import history_within
from ruleout.problem.problem import Problem

__all__ = ["Gradients"]

WEIGHTS = re.compile(r"^init(ial)?_?(gain|scale|std|sigma|range|weight)|^weight_(init|scale|std)|^gain$|initializer_range")
"""Settings of the size of the initial weights."""

DEEP = 4
"""Layers from which saturating units let hardly any gradient through: a sigmoid passes a quarter at best, 0.25^4 is 0.4 %."""


class Gradients(Cause):
    """Gradients vanish or explode on their way through the layers, so the early ones learn nothing or are thrown about.

    What goes wrong
    ---------------
    The gradient of a layer is a product over all layers above it. Factors below 1 leave nothing of it, factors above 1 blow it up.

    Why it happens
    --------------
    Many layers of sigmoid or tanh units, initial weights of the wrong scale, long sequences without gates, no normalisation or
    residual connections, gradient clipping lost.

    What you see
    ------------
    Vanishing: the loss stands at that of a constant answer and the norms of the early layers are a small part of the last one's.
    Exploding: norms of hundreds in the first records, or norms that grow by orders of magnitude, and then a loss that is no number.

    How it is tested
    ----------------
    Vanishing: the norm ends under 1e-4 or under 2 % of the reference's, or the smallest layer's under 3 % of the largest, while nothing is
    learned: evidence 3.4.

    Without norms: nothing is learned at a usual learning rate with at least four layers of saturating units: 2.6.

    Exploding: a first norm above 100 (or 30 times the reference's) in a run that diverges: 3.2, less where the learning rate is above what
    usually trains.

    What would rule it out
    ----------------------
    Layer norms of one order of magnitude in a run that learns.

    How it is fixed
    ---------------
    Initial weights scaled to the layer (Glorot, He), rectified units, normalisation or residual connections; clip the gradient's norm.

    How it stays fixed
    ------------------
    Log the norm of each layer's gradient, and stop a run whose norm leaves the range of earlier runs.

    Told apart from
    ---------------
    A learning rate that is too large makes loss and norm grow together from a healthy start: model.learning-rate, which comes first.
    Units that answer 0 for every row are model.dead-units. A changed setting that explains it comes first (model.hyperparameter).

    References
    ----------
    Hochreiter (1991), Untersuchungen zu dynamischen neuronalen Netzen. Bengio, Simard and Frasconi (1994), Learning long-term
    dependencies is difficult. Glorot and Bengio (2010), AISTATS. Pascanu, Mikolov and Bengio (2013), ICML. He et al. (2015), ICCV.
    """

    needs = (("current.history",),)
    cost = 0.05
    follows = ("model.learning-rate", "model.hyperparameter")

    def suspect(self, problem: Problem) -> Look:
        """Read the gradient norms, and what the loss does meanwhile."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is None:
            return Look(statement="history: no curves of a run by themselves, n = 0 records.")
        found = _vanishing(problem, signs) or _exploding(problem, signs)
        has_norms = "norm" in signs.figures or "layer_ratio" in signs.figures
        if found:
            return Look(found, 0.9, covers=("history",))
        said = f"history: gradient norms stay within their range, n = {signs.figures['n']:,} records."
        return Look((), 0.9 if has_norms else 0.5, said, ("history",))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The gradient norms stay within twice what they were in the run that worked; without one, below what no run needs."""
        run, reference = read_run(problem.case.current), problem.case.reference
        if run is None or not finding.place.startswith("history."):
            return None
        column = finding.place.removeprefix("history.")
        low, high = 0.0, EXPLODED
        held = reference.history if reference is not None else None
        if held is not None and column in held:
            known = held.numbers(column)
            known = known[np.isfinite(known)]
            low, high = (0.5 * float(known.min()), 2.0 * float(known.max())) if len(known) else (low, high)
        given = {"column": column, "low": low, "high": high}
        history = problem.case.current.history
        if history is None or column not in history or history_within(history, given).green:
            return None
        return Guard(self.id(), finding.place, "history_within", "history", given, "Gradients vanish or explode.")


def _vanishing(problem: Problem, signs: Signs) -> tuple[Finding, ...]:
    deep = _saturating(problem)
    rate = rate_of(problem.case.current, read_run(problem.case.current))
    stands = max(signs.standing, 0.8 * signs.still)
    by_depth = deep >= DEEP and stands >= 0.5 and not rate.lack
    if not signs.vanishing and not by_depth:
        return ()
    evidence = max(3.4 * signs.vanishing, (2.6 + 0.3 * min(deep - DEEP, 3)) * stands if by_depth else 0.0)
    evidence -= 2.0 * signs.dead + (1.5 if rate.lack else 0.0)
    figures = {
        k: signs.figures[k] for k in ("norm", "norm_first", "norm_reference", "layer_ratio", "layer_share", "n") if k in signs.figures
    }
    norms = f"gradient norm {figures['norm']:.3g}" if "norm" in figures else "no gradient norms"
    layers = f", smallest layer {figures['layer_ratio']:.2g} of the largest (expected above 0.03)" if "layer_ratio" in figures else ""
    if "layer_share" in figures:
        layers += f", the middle layer has {figures['layer_share']:.2g} of the whole (expected above 0.03)"
    depth = f", {deep} layers of saturating units" if deep else ""
    said = f"{norms}{layers}{depth}; {signs.figures['column']} stands at {signs.figures['last']:.4g}, n = {signs.figures['n']:,} records."
    return _findings(problem, evidence * _weight(problem, signs), said, figures)


def _exploding(problem: Problem, signs: Signs) -> tuple[Finding, ...]:
    if not signs.exploding:
        return ()
    rate = rate_of(problem.case.current, read_run(problem.case.current))
    evidence = 3.2 * signs.exploding - (2.0 if rate.excess else 0.0)
    figures = {k: signs.figures[k] for k in ("norm", "norm_first", "norm_reference", "norm_growth", "n") if k in signs.figures}
    start = f"{figures['norm_first']:.3g}" if "norm_first" in figures else "no number"
    n, column = signs.figures["n"], signs.figures["column"]
    went = "blew up" if signs.broke else "stands still"
    said = f"gradient norm {start} in the first record, expected under 100, and {column} {went}, n = {n:,} records."
    return _findings(problem, evidence * _weight(problem, signs), said, figures)


def _weight(problem: Problem, signs: Signs) -> float:
    return 0.4 if explained_by_change(problem, signs) else 1.0


def _findings(problem: Problem, evidence: float, said: str, figures: dict[str, object]) -> tuple[Finding, ...]:
    run = read_run(problem.case.current)
    columns = [c for c in (run.columns.norm, *run.columns.layers[:1]) if c] if run else []
    if evidence < 0.3:
        return ()
    first = [k for k, v in flat_settings(problem.case.current.config or {}) if WEIGHTS.search(last_word(k)) and isinstance(v, int | float)]
    places = [*(f"history.{c}" for c in columns), *(f"config.{k}" for k in first), "model"]
    return tuple(Finding(p, "history", evidence, f"{p}: {said}", figures, specificity=0.5) for p in places)


def _saturating(problem: Problem) -> int:
    """How many hidden layers of sigmoid or tanh units the configuration names; 0 where it names none or others."""
    settings = dict(flat_settings(problem.case.current.config or {}))
    kinds = [str(v).lower() for k, v in settings.items() if "activation" in last_word(k)]
    if not any(kind in ("sigmoid", "logistic", "tanh", "hard_sigmoid", "softsign") for kind in kinds):
        return 0
    for key, value in settings.items():
        word = last_word(key)
        if isinstance(value, list | tuple) and ("hidden" in word or "layer" in word or "units" in word):
            return len(value)
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and word in ("depth", "n_layers", "num_layers", "layers", "hidden_layers")
        ):
            return value
    return 1
