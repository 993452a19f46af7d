"""The page on regularisation strength."""

from __future__ import annotations

import math

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.settings import guard_setting, look_at_settings, put_setting
from ruleout.causes.training_run import Signs, flat_settings, is_training, last_word, signs_of
from ruleout.causes.training_settings import look_at_run
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["Regularization"]

DROPPED = 0.75
"""Share of dropped units beyond which hardly anything is learned."""

# fmt: off
LIMITS = {
    "weight_decay": 0.05, "wd": 0.05, "l2": 0.05, "l1": 0.05, "l2_lambda": 0.05, "l2_penalty": 0.05, "alpha": 1.0,
    "dropout": DROPPED, "dropout_rate": DROPPED, "drop_rate": DROPPED, "p_drop": DROPPED,
}
# fmt: on
"""What usually trains, at most."""


class Regularization(Cause):
    """The regularisation strength is wrong, so the model is held too tightly to learn or too loosely to generalise.

    What goes wrong
    ---------------
    A setting that trades fit for simplicity (C, alpha, lambda, dropout, weight decay, depth, leaves, least samples in a leaf) has
    another value than the one that was tuned for these data.

    Why it happens
    --------------
    C is an inverse strength and alpha is not, so a port between libraries reverses the scale; a sum of losses becomes a mean and
    the same number weighs n times as much; a default moves; a value from a search on a small sample is kept.

    What you see
    ------------
    Too strong: training and validation score fall together and answers are drawn towards the mean. Too weak: the training score rises
    while the validation score falls.

    How it is tested
    ----------------
    The two configurations are compared key by key (the artifacts' own parameters where there are no files), names, seeds and paths aside.
    Each changed key of this kind is a suspect with evidence 0.5 + 2.5 (1 - exp(-|ln(new / old)| / ln 3)).

    The suspect is confirmed by fitting again with the reference's value of this one key and all else as it is.

    Curves without a reference: a decay above 0.05 (0.5 where it is decoupled) or three quarters of the units dropped, in a run that hardly
    falls (evidence up to 3.2), or that stands on a plateau since its first third with validation no worse than training (2.2); half a point
    more for each power of ten above the limit.

    What would rule it out
    ----------------------
    Equal settings on both sides, or a refit with the reference's value that leaves the metric where it was.

    How it is fixed
    ---------------
    Give the setting back the value of the reference, or tune it again on the present data.

    How it stays fixed
    ------------------
    Pin the setting in the reviewed configuration and compare it with the last good run before each training.

    Told apart from
    ---------------
    model.learning-rate and model.hyperparameter, which are about other keys. model.overfitting and model.underfitting describe the
    same symptom without a changed setting: where a setting explains it, this page comes first.

    References
    ----------
    Hoerl and Kennard (1970), Ridge regression, Technometrics 12. Hastie, Tibshirani and Friedman (2009), The Elements of
    Statistical Learning, section 3.4 and chapter 7.
    """

    needs = (("reference.config", "current.config"), ("reference.model", "current.model"), ("current.history", "current.config"))
    cost = 0.05

    def suspect(self, problem: Problem) -> Look:
        """Compare the settings that say how simple the model must be."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is not None:
            return look_at_run(problem, "regularization", signs, _from_curves(problem, signs))
        return look_at_settings(problem, "regularization")

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
    """A restraint that no run survives, where there is no reference to hold it against: decay above 0.05, or most units dropped."""
    config = problem.case.current.config
    ill = max(signs.standing, signs.still, 0.6 * signs.slow, 0.8 * (signs.figures.get("fall", 1.0) < 0.3), 0.7 * signs.tame)
    if problem.case.reference is not None or not config or ill < 0.3:
        return ()
    found = []
    # decoupled decay is multiplied with the rate, so that ten times as much is usual (Loshchilov and Hutter, 2019)
    decoupled = any("adamw" in str(v).lower() or "lion" in str(v).lower() for _, v in flat_settings(config))
    for key, value in flat_settings(config):
        limit = LIMITS.get(last_word(key))
        limit = limit * 10 if limit is not None and decoupled and "decay" in last_word(key) else limit
        if limit is None or isinstance(value, bool) or not isinstance(value, int | float) or value <= limit:
            continue
        column, n = signs.figures["column"], signs.figures["n"]
        said = f"config.{key}: {value!r}, expected at most {limit:g}; {column} hardly falls, n = {n:,} records."
        far = 0.5 * math.log10(value / limit) if limit != DROPPED else 0.0
        found.append(Finding(f"config.{key}", "config", min(3.9, 3.2 * ill + far), said, {"value": value, "limit": limit}, specificity=0.6))
    return tuple(found)
