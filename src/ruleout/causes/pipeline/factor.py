"""The page on black-box factors: one of the differences that the case itself names."""

from __future__ import annotations

import math
from dataclasses import replace

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.factors.words import HOW, statement_at
from ruleout.guards.guard import Guard
from ruleout.problem.black_box import box_of
from ruleout.problem.problem import Problem

__all__ = ["Factor"]


class Factor(Cause):
    """One of the differences that the case names under `[factors]` changes the metric, alone or with others.

    What goes wrong
    ---------------
    A run that nobody can look into (a training in another language, a remote job, a simulation) is worse than before, and several things
    were changed at once: data, a setting, a backend, a package. Each looks harmless.

    Why it happens
    --------------
    Changes are released together, and a metric is looked at after all of them. Two changes may need each other to do harm, may each do it
    alone, or one may hide what the other breaks.

    What you see
    ------------
    The command's metric with all factors at the current value is worse than with all at the reference's; or it is the same, because a gain
    hides a harm.

    How it is tested
    ----------------
    The command is run with chosen mixes of the two sides' values until one explanation is 95 % probable: an intervention each time.

    Every way in which few factors can act (one, two or three adding up; either of two or three; only together; one hiding another) is a
    linear model of the runs, weighed by its marginal likelihood. The next mix is the one that tells the most. In the end the harmful
    factors alone are put right in the current run, and alone put into the reference.

    What would rule it out
    ----------------------
    Runs in which the factor is exchanged and the metric stays, to within half of `min_effect`, whatever the others are set to; then its
    probability falls below one in twenty.

    How it is fixed
    ---------------
    Give the factor its reference value again, or mend what its new value brings; where several act together, the conclusion says whether
    one of them is enough.

    How it stays fixed
    ------------------
    Release one change at a time, and run the metric with several seeds before the next; pin the value in the configuration.

    Told apart from
    ---------------
    Every other cause: those look inside. This one is for runs of which only the command and the names of the differences are known;
    pipeline.dependency and model.hyperparameter say the same of a package and a setting that can be read.

    References
    ----------
    Wald (1945), "Sequential tests of statistical hypotheses"; Box and Hill (1967), "Discrimination among mechanistic models"; Raftery,
    Madigan and Hoeting (1997), "Bayesian model averaging for linear regression models"; Zeller and Hildebrandt (2002), "Simplifying and
    isolating failure-inducing input".
    """

    needs = (("case.factors", "case.trusted"),)
    situations = ("factors",)
    cost = 60.0

    def suspect(self, problem: Problem) -> Look:
        """Run the search to its end; one finding for each factor that harms."""
        box = box_of(problem)
        if box is None:
            return Look()
        box.finish()
        answer, search = box.answer, box.search
        n, probability = len(search.runs), search.probability
        if not answer.harms:
            said = (
                f"No factor of {len(box.names)} harms by {search.least() / 2:.2g} or more: probability {probability:.3f}, n = {n:,} runs."
            )
            return Look(power=probability if search.conclusive else 0.0, statement=said)
        belief = min(max(probability, 0.02), 0.98)
        evidence = math.log(belief / (1 - belief))
        findings = tuple(
            Finding(
                place=f"factor.{box.names[at]}",
                component="config",
                evidence=evidence,
                statement=statement_at(box, at),
                figures={"structure": answer.structure, "probability": probability, "runs": n, "how": HOW[answer.structure]},
                repair={"factor": box.names[at]},
                specificity=1.0,
            )
            for at in answer.harms
        )
        return Look(findings, power=probability, covers=("config",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The case whose current side has the factor's reference value."""
        return _with(case, finding, 0)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The case whose reference has the factor's current value."""
        return _with(case, finding, 1)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The factor has the value that it had when the metric was right."""
        name = str(finding.repair["factor"])
        value, now = problem.case.factors[name]
        message = f"{name} is {value} again; with {now} {problem.metric} was worse."
        return Guard(self.id(), finding.place, "config_equals", "config", {"key": name, "value": value}, message)

    def fix(self, finding: Finding) -> str:
        """The value to go back to, and whether that alone is enough."""
        return f"Give {finding.place.split('.', 1)[1]} its reference value again. {finding.figures['how']}"


def _with(case: Case, finding: Finding, side: int) -> Case | None:
    name = str(finding.repair["factor"])
    if name not in case.factors:
        return None
    value = case.factors[name][side]
    return replace(case, factors={**case.factors, name: (value, value)})
