"""The page on every other setting."""

from __future__ import annotations

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.settings import guard_setting, look_at_settings, put_setting
from ruleout.causes.training_run import Signs, flat_settings, is_training, last_word, signs_of
from ruleout.causes.training_settings import look_at_run
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["Hyperparameter"]


class Hyperparameter(Cause):
    """Another setting of the training was changed without intention, and the model that comes out is a different one.

    What goes wrong
    ---------------
    A setting that is neither a regularisation strength nor a learning rate (number of neighbours, class weights, rounds, epochs,
    batch size, activation, kernel, threshold, the list of columns, the algorithm itself) differs from the run that worked.

    Why it happens
    --------------
    A debugging value is committed (five epochs, thirty trees), a configuration of another model is copied, an override on a command
    line outlives its purpose, two files set the same key and the wrong one wins.

    What you see
    ------------
    The data are as they were and the metric is not. Often one kind of answer grows at the cost of another (class weights,
    thresholds) or everything is slightly worse (neighbours, rounds, columns).

    How it is tested
    ----------------
    The two configurations are compared key by key (the artifacts' own parameters where there are no files), names, seeds, paths, numbers of
    threads and the mere order of columns aside. Each changed key is a suspect with evidence 0.5 + 2.2 (1 - exp(-|ln(new / old)| / ln 3)),
    and 1.8 where the values have no ratio.

    It is confirmed by fitting again with the reference's value of this one key and all else as it is.

    What would rule it out
    ----------------------
    Equal settings on both sides, or a refit with the reference's value that leaves the metric where it was.

    How it is fixed
    ---------------
    Give the setting back the value of the reference, or tune it on purpose and write down why.

    How it stays fixed
    ------------------
    Store the resolved configuration with each artifact and let the gate show every key that differs from the last good run.

    Told apart from
    ---------------
    model.regularization and model.learning-rate own their keys. model.class-imbalance is about a model that answers one class; where
    a changed class weight explains that, this page comes first. A seed is model.seed-variance.

    References
    ----------
    Bergstra and Bengio (2012), Random search for hyper-parameter optimization, JMLR 13. Probst, Boulesteix and Bischl (2019),
    Tunability, JMLR 20. Sculley et al. (2015), Hidden technical debt in machine learning systems, section 6.
    """

    needs = (("reference.config", "current.config"), ("reference.model", "current.model"), ("current.history", "current.config"))
    cost = 0.05

    def suspect(self, problem: Problem) -> Look:
        """Compare the settings that are neither regularisation nor learning rate."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is not None:
            return look_at_run(problem, "hyperparameter", signs, _from_curves(problem, signs))
        return look_at_settings(problem, "hyperparameter")

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
    """A training cut short, where there is no reference to hold its length against: a few records that still fall steeply."""
    config, n = problem.case.current.config, int(signs.figures["n"])
    if problem.case.reference is not None or not config or n > 6 or signs.unfinished < 0.5:
        return ()
    key = next(
        (k for k, _ in flat_settings(config) if last_word(k) in ("epochs", "n_epochs", "num_epochs", "max_epochs", "max_iter")), None
    )
    if key is None:
        return ()
    late = signs.figures["late_fall"]
    column = signs.figures["column"]
    said = f"config.{key}: {late:.0%} of the fall of {column} came in the last third, expected under 15 %, n = {n:,} records."
    return (Finding(f"config.{key}", "config", 0.6 + signs.unfinished, said, {"late_fall": late, "n": n}, specificity=0.5),)
