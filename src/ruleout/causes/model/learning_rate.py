"""The page on the learning rate and its schedule."""

from __future__ import annotations

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.settings import guard_setting, look_at_settings, put_setting
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
    The two configurations are compared key by key (the artifacts' own parameters where there are no files). Each changed key of this
    kind is a suspect with evidence 0.5 + 2.5 (1 - exp(-|ln(new / old)| / ln 3)). Gradient descent on a loss of curvature L diverges
    beyond a rate of 2 / L (Nesterov 2004, section 1.2.3), so factors matter and not differences. The suspect is confirmed by fitting
    again with the reference's value of this one key and all else as it is.

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

    needs = (("reference.config", "current.config"), ("reference.model", "current.model"))
    cost = 0.05

    def suspect(self, problem: Problem) -> Look:
        """Compare the settings that say how far each step goes."""
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
