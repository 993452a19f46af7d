"""The page on units that never answer."""

from __future__ import annotations

from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.training_run import Signs, flat_settings, is_training, last_word, rate_of, read_run, signs_of
from ruleout.causes.training_settings import explained_by_change
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["DeadUnits"]

NEARLY_ALL = 0.85
"""Share of dead units that no healthy run has, whatever its loss does."""


USUAL = 0.3
"""Share of units that answer 0 for every row in runs that learn."""


class DeadUnits(Cause):
    """Units of the network answer 0 for every row and so receive no gradient, and what they stood for is lost for good.

    What goes wrong
    ---------------
    A rectified unit whose input is below zero for every row has no slope: it cannot come back. With enough of them dead the network
    gives one constant answer.

    Why it happens
    --------------
    One step that was too large, initial biases far below zero, inputs that were not scaled, a layer's weights that start at zero.

    What you see
    ------------
    The share of dead units is near 1 from the start or jumps there, accuracy is the same to the last digit in every record, and the
    loss stands at that of a constant answer.

    How it is tested
    ----------------
    Dead share at the end of the history, less the reference's (at least 0.3), over 0.4: evidence up to 3.6 in a run that stands still
    or ends worse, or of 85 % and more in any. Without such a column: nothing is learned at a usual learning rate, with rectified
    units: evidence up to 2.8.

    What would rule it out
    ----------------------
    A small share of dead units, or a loss that falls.

    How it is fixed
    ---------------
    Initial weights after He with biases at 0, scaled inputs, a smaller first rate or a warm-up, or units with a slope on both sides
    (leaky ones).

    How it stays fixed
    ------------------
    Log the share of units that answer 0 for a fixed batch, and stop a run in which it passes a half.

    Told apart from
    ---------------
    A learning rate that killed them is model.learning-rate, which comes first. Saturated sigmoid layers are model.gradients.

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models. He et al. (2015), ICCV. Lu et al.
    (2020), Dying ReLU and initialization.
    """

    needs = (("current.history",),)
    cost = 0.05
    follows = ("model.learning-rate", "model.hyperparameter")

    def suspect(self, problem: Problem) -> Look:
        """Read the share of dead units, and whether anything is learned."""
        signs = signs_of(problem) if is_training(problem) else None
        if signs is None:
            return Look(statement="history: no curves of a run by themselves, n = 0 records.")
        found = _found(problem, signs)
        if found:
            return Look(found, 0.9, covers=("history",))
        share = signs.figures.get("dead")
        known = f"{share:.2f} of the units are dead at the end" if share is not None else "the history does not count dead units"
        return Look((), 0.95 if share is not None else 0.5, f"history: {known}, n = {signs.figures['n']:,} records.", ("history",))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of dead units stays below what is usual, where the history counts them."""
        if not finding.place.startswith("history."):
            return None
        given = {"column": finding.place.removeprefix("history."), "low": 0.0, "high": USUAL}
        return Guard(self.id(), finding.place, "history_within", "history", given, "Many units answer 0 for every row.")


def _found(problem: Problem, signs: Signs) -> tuple[Finding, ...]:
    run = read_run(problem.case.current)
    rate = rate_of(problem.case.current, run)
    ill = max(signs.standing, signs.high, 0.8 * signs.slow, 0.7 * signs.shaking, 1.0 if problem.significant and not signs.broke else 0.0)
    ill = max(ill, 0.95 if signs.figures.get("dead", 0.0) >= NEARLY_ALL else 0.0)
    evidence = 3.6 * min(signs.dead, ill) if "dead" in signs.figures else 2.8 * signs.standing * _rectified(problem)
    evidence -= 2.0 * (rate.excess > 0) + (2.0 if rate.lack > 0 and not signs.dead else 0.0)
    evidence -= 1.5 * signs.exploding  # steps of that size kill units
    evidence *= 0.4 if explained_by_change(problem, signs) else 1.0
    if evidence < 0.5 or run is None:
        return ()
    share = signs.figures.get("dead")
    said = (
        f"{share:.2f} of the units answer 0 for every row, expected under 0.3"
        if share is not None
        else "nothing is learned by rectified units"
    )
    said = f"{said}; {signs.figures['column']} is {signs.figures['last']:.4g} at the end, n = {signs.figures['n']:,} records."
    places = [*([f"history.{run.columns.dead}"] if run.columns.dead else []), "model"]
    figures = {"dead": share, "n": signs.figures["n"]}
    return tuple(Finding(p, "history", evidence, f"{p}: {said}", figures, specificity=0.5) for p in places)


def _rectified(problem: Problem) -> float:
    """1 where the configuration names rectified units, 0.6 where it says nothing of units, 0 where it names others."""
    kinds = [str(v).lower() for k, v in flat_settings(problem.case.current.config or {}) if "activation" in last_word(k)]
    if not kinds:
        return 0.6
    return 1.0 if any(k in ("relu", "relu6", "rectifier") for k in kinds) else 0.0
