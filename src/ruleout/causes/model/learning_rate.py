"""The page on the learning rate and its schedule."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.schedules import schedule_keys
from ruleout.causes.settings import guard_setting, look_at_settings, put_setting
from ruleout.causes.training_run import Rate, Run, Signs, flat_settings, is_training, last_word, rate_of, read_run, signs_of
from ruleout.causes.training_settings import look_at_run, same_settings
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["LearningRate"]


class LearningRate(Cause):
    """The learning rate or its schedule is unstable or far too small, so training does not arrive where it did.

    What goes wrong
    ---------------
    The size of the steps (learning rate, eta, momentum, warm-up, decay, schedule) is no longer the one with which training arrived.

    Why it happens
    --------------
    A unit slips (0.003 becomes 0.3), a rate tuned for one batch size or number of devices is kept for another, a schedule counts
    steps where it counted epochs, a scheduler is dropped in a refactoring, a default moves.

    What you see
    ------------
    Too large: the loss jumps, oscillates or becomes NaN, and boosted trees fit noise in few rounds. Too small: the loss still falls
    when training stops, and training and validation score are poor together.

    How it is tested
    ----------------
    The two configurations are compared key by key (the artifacts' own parameters where there are no files). Each changed key of this kind
    is a suspect with evidence 0.5 + 2.5 (1 - exp(-|ln(new / old)| / ln 3)). Gradient descent on a loss of curvature L diverges beyond a
    rate of 2 / L (Nesterov 2004, section 1.2.3), so factors matter and not differences.

    The suspect is confirmed by fitting again with the reference's value of this one key and all else as it is.

    Where there are curves only, the rate (of the configuration, else of the history) is held against what usually trains: up to (1 -
    momentum) for plain descent, up to 0.02 for Adam and its kin, and the curve against what it would do: a loss that grows by orders of
    magnitude from the start, one that jumps up and down without settling, one that falls evenly and by little.

    A rate that is not above what usually trains blows nothing up; a loss that falls along a straight line by less than 15 % was hardly
    moved (evidence 3, not for Adam and its kin, with which trained networks are tuned further).

    A schedule is read off the rates of the history, else off a step decay in the configuration: a rate under a hundredth of its largest in
    the first half, where all that the loss fell afterwards is less than one and a half times what one record brought before (evidence 3.4);
    leaps to three times all rates before after which the loss rises by a quarter and does not come back to its best (evidence 3.2).

    What would rule it out
    ----------------------
    Equal settings on both sides, or a refit with the reference's value that leaves the metric where it was.

    How it is fixed
    ---------------
    Give the learning rate back the value of the reference; after a change of batch size or epochs, tune it again.

    How it stays fixed
    ------------------
    Pin the rate and its schedule in the reviewed configuration, log the rate that each step really used, and stop a run whose loss
    leaves the range of earlier runs.

    Told apart from
    ---------------
    model.hyperparameter (epochs, batch size, rounds) and model.regularization (weight decay) are about other keys. model.non-finite
    is what a rate that is far too large leads to: this page comes first.

    References
    ----------
    Nesterov (2004), Introductory Lectures on Convex Optimization. Smith (2017), Cyclical learning rates, WACV. Goyal et al. (2017),
    Accurate, large minibatch SGD. Friedman (2001), Greedy function approximation, Annals of Statistics 29, section 5.
    """

    needs = (("reference.config", "current.config"), ("reference.model", "current.model"), ("current.history",))
    cost = 0.05

    def suspect(self, problem: Problem) -> Look:
        """Compare the settings that say how far each step goes; where there are curves only, read what they show of it."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is not None:
            return look_at_run(problem, "learning-rate", signs, _from_curves(problem, signs))
        return look_at_settings(problem, "learning-rate")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side with the reference's value of this one setting, to be fitted again."""
        return put_setting(case, finding, finding.side, "healthy")

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference side with the current value of this one setting, to be fitted again."""
        return put_setting(case, finding, "reference", "broken")

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The setting has the value that it had when the system worked."""
        return guard_setting(self.id(), finding)


def _from_curves(problem: Problem, signs: Signs) -> tuple[Finding, ...]:
    """What the curves and the rate itself say, where no setting of this kind is known to have changed."""
    run, was = read_run(problem.case.current), read_run(problem.case.reference)
    rate = rate_of(problem.case.current, run)
    over, under = rate.excess > 0, rate.lack > 0
    usual = rate.value is not None and not over and not under
    sane = rate.value is not None and not over
    looks = {
        "stopped falling when the rate died away": 3.4 * signs.starved,
        "was thrown back when the rate leapt": 3.2 * signs.jolted,
        "grew by orders of magnitude": signs.diverged and 2.6 * signs.diverged + 1.3 * over - (1.6 + under) * sane * signs.exploding,
        "is no number from the start": signs.at_once and 1.6 + 2.0 * over - 1.0 * sane - 1.0 * signs.exploding,
        "became no number": signs.sudden and 1.6 * over,
        "jumps up and down and does not settle": signs.shaking and 2.2 * signs.shaking + 1.2 * over,
        "leapt to a multiple of where it began": signs.spiked and over and 3.0,
        "falls along a straight line and by little": signs.straight and not signs.vanishing and 3.0 - 2.0 * _clipped(problem),
        "falls evenly and by little": signs.slow and 1.5 * signs.slow + 2.2 * under - 0.8 * usual * (not problem.significant),
        "does not move": signs.standing and (3.2 if under else 3.0 if over else 0.6 * signs.standing),
        "was still falling steeply": signs.unfinished and 0.8 * signs.unfinished + 1.2 * under,
        "ended higher than the reference's": signs.high and over and 1.5,
        "ends above its lowest": rate.excess > 0.9 and not signs.broke and signs.figures.get("rise", 0.0) > 0.15 and 3.2,
        "has fallen by little": rate.excess > 0.45 and not signs.broke and signs.figures.get("fall", 1.0) < 0.35 and 2.6,
    }
    shape, evidence = max(looks.items(), key=lambda item: float(item[1]))
    evidence = float(evidence)
    moved = _other_schedule(run, was)
    if same_settings(problem):
        evidence -= 2.0
    if moved and signs.strongest > 0.3:
        evidence = max(evidence, 0.0) + 2.4
    if evidence < (1.0 if problem.significant else 1.5):
        return ()
    places = [f"config.{rate.key}"] if rate.key else []
    places += [f"history.{run.columns.rate}"] if run is not None and run.columns.rate else []
    if signs.starved or signs.jolted or moved:
        places += [f"config.{k}" for k in schedule_keys(problem.case.current.config)]
    figures = {"rate": rate.value, "shape": shape, "n": signs.figures.get("n", 0)}
    said = _said(rate, shape, moved, signs)
    return tuple(
        Finding(place, "config", min(3.9, evidence), f"{place}: {said}", figures, specificity=0.6)
        for place in places or [f"history.{signs.figures['column']}"]
    )


def _clipped(problem: Problem) -> bool:
    """Whether the configuration clips gradients to next to nothing, which slows a run as a small rate does."""
    limits = [v for k, v in flat_settings(problem.case.current.config or {}) if "clip" in last_word(k) or last_word(k) == "max_grad_norm"]
    return any(isinstance(v, int | float) and not isinstance(v, bool) and 0 < v < 0.02 for v in limits)


def _other_schedule(run: Run | None, was: Run | None) -> float | None:
    """The factor by which the rates that were really used differ most from the reference's, over the records that both have."""
    if run is None or was is None or run.rates is None or was.rates is None:
        return None
    n = min(len(run.rates), len(was.rates))
    now, then = run.rates[:n], was.rates[:n]
    known = np.isfinite(now) & np.isfinite(then) & (now > 0) & (then > 0)
    if not known.any():
        return None
    factor = float(np.exp(np.max(np.abs(np.log(now[known] / then[known])))))
    return factor if factor > 1.5 else None


def _said(rate: Rate, shape: str, moved: float | None, signs: Signs) -> str:
    usual = "above" if rate.excess > 0 else "below" if rate.lack > 0 else "within"
    of = (
        f"the learning rate is {rate.value:.4g}, {usual} what usually trains"
        if rate.value is not None
        else "the learning rate is not known"
    )
    if signs.starved:
        of += f", under a hundredth of that from record {signs.figures['starved_at'] + 1} on"
    elif signs.jolted:
        of += f", with {signs.figures['n_leaps']} leaps to up to {signs.figures['leap']:.3g} times that"
    other = f", up to {moved:.3g} times off the reference's" if moved else ""
    first, last = signs.figures.get("first"), signs.figures.get("last")
    ends = f" from {first:.4g} to {last:.4g}" if first is not None and last is not None else ""
    return f"{of}{other}; {signs.figures['column']} {shape}{ends}, n = {signs.figures['n']:,} records."
