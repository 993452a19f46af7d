"""Upgrades: with both environments installed, the same rows are run in mixes of them until it is told which packages do it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ruleout.case.case import Case
from ruleout.causes.page import Look
from ruleout.causes.pipeline.dependency import Dependency, by_suspicion
from ruleout.causes.upgraded import Proof, upgraded
from ruleout.environments.installations import Installations
from ruleout.environments.upgrades import Turn, Upgrades
from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.examination.agenda import Agenda, Entry
from ruleout.examination.counterfactual import Counterfactuals
from ruleout.examination.examination import Event
from ruleout.examination.gain import explained_ratio
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference

__all__ = ["examine_upgrades"]

REAL_Z, SMALLEST_SHARE = 2.5, 0.15
"""From when on a gain of the reference's environment is worth a search, as for every other intervention."""

NOT_BY_CLONING = -2.0
"""What speaks against the packages where a clone of the artifact gives the same in both: a default that changed shows in no clone."""

How = Literal["asked", "trained"]


def examine_upgrades(problem: Problem, agenda: Agenda, step: Callable[..., None], listen: Callable[[Event], None]) -> None:
    """Run the current side in the reference's environment; where that makes the difference, find out which packages do.

    What is found is written into the agenda as what the page on dependencies saw, so that it is put right like any other finding.

    Parameters
    ----------
    problem
        With both environments installed in its laboratory.
    agenda
        Of the hypotheses.
    step, listen
        Write a step of the walk down, and tell an event.
    """
    entry = agenda.entries.get(Dependency.id())
    installed = problem.laboratory.installations
    if entry is None or entry.missing or installed is None:
        return
    _Search(problem, entry, installed, agenda, step, listen).go()


@dataclass(frozen=True)
class _Search:
    problem: Problem
    entry: Entry
    installed: Installations
    agenda: Agenda
    step: Callable[..., None]
    listen: Callable[[Event], None]
    said: set[tuple[str, ...]] = field(default_factory=set)

    def go(self) -> None:
        """Try both ways to run the current side in the reference's environment; search where one of them makes a difference."""
        measured = Counterfactuals(self.problem)
        tested: list[tuple[How, Difference]] = []
        for how in self.ways():
            gain = self.exchanged(measured, how)
            if gain is None:
                continue
            if gain.z() > REAL_Z and gain.value >= max(SMALLEST_SHARE * self.problem.harm, 0.5 * self.problem.noise):
                self.agenda.charge("environment", explained_ratio(gain, self.problem.harm))
                self.search(how, gain)
                return
            tested.append((how, gain))
        trained = [gain for how, gain in tested if how == "trained"]
        if trained:
            least = -4.0 if self.problem.case.run.train is not None else NOT_BY_CLONING
            self.agenda.charge("environment", max(explained_ratio(trained[0], self.problem.harm), least))

    def ways(self) -> tuple[How, ...]:
        """How the current side can be run again: its artifact asked, and trained anew on its own rows."""
        laboratory, current = self.problem.laboratory, self.problem.case.current
        asked = laboratory.model("current") is not None and laboratory.evaluation_table(self.problem.case, "current") is not None
        trained = not laboratory.stand_in and laboratory.can_fit("current") and current.validation is not None
        return (*(("asked",) if asked else ()), *(("trained",) if trained else ()))

    def variant(self, how: How, upgraded: tuple[str, ...] | None) -> Case:
        """The case with the current side in a mix; None is the reference's environment."""
        current = self.problem.case.current
        environment = self.installed.mixed(upgraded or ())
        return self.problem.case.with_side(
            "current", replace(current, environment=environment, model=current.model if how == "asked" else None)
        )

    def exchanged(self, measured: Counterfactuals, how: How) -> Difference | None:
        """What the reference's environment gains; None where it could not be tested."""
        started = time.monotonic()
        name = self.problem.laboratory.scorer.name
        doing = "ask the artifact as it is for the same rows" if how == "asked" else "train again on the same rows"
        intent = f"Is it the environment? If so, the reference's brings {name} back when I {doing} in it."
        self.listen(Event("intent", {"cause": self.entry.cause, "intent": intent, "action": f"{doing.capitalize()}."}))
        try:
            repaired = self.variant(how, None)
            before, after = measured.baseline(self.problem.case, repaired), measured.gap(repaired)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            self.told(intent, "Ran it there.", f"It could not be tested: {error}", "That is no result, neither way.", started, {})
            return None
        gain = before.closed_by(after)
        real = gain.z() > REAL_Z and gain.value >= max(SMALLEST_SHARE * self.problem.harm, 0.5 * self.problem.noise)
        n = len(self.installed.differing)
        reflection = f"It is the environment: {self.cost(n)}" if real else "It is not that: the packages make no such difference here."
        finding = f"{name}: {before.current.value:.4f} becomes {after.current.value:.4f} (gain {gain}, n = {after.current.n:,})."
        action = f"Put all {n} packages that differ back, left all else as it is, and {'asked' if how == 'asked' else 'trained'} again."
        self.told(intent, action, finding, reflection, started, {"gain": gain.value, "interval": [gain.low, gain.high], "how": how})
        return gain

    def cost(self, n: int) -> str:
        """What telling the packages apart will take."""
        if n == 1:
            return "one package differs, so there is nothing to tell apart."
        each = statistics.median([found.seconds for found in self.installed.made] or [0.0])
        mixes = 2 + min(n, 2 + math.ceil(math.log2(n)))
        return f"{n} packages differ, about {mixes} mixes tell them apart; installing one took {each:.1f} s."

    def search(self, how: How, gain: Difference) -> None:
        """Tell the packages apart, and hand what was found to the page."""
        laboratory, case = self.problem.laboratory, self.problem.case
        sign = laboratory.scorer.sign
        least = max(2 * SMALLEST_SHARE * gain.value, 2 * float(self.problem.figures.get("training_noise", 0.0)))
        told = Upgrades(by_suspicion(case, self.installed.differing), min(least, gain.value))

        def measure(mix: tuple[str, ...], seed: int) -> float:
            del seed  # Every mix runs with the recipe's own seed: mixes are told apart by their packages alone.
            laboratory.within_budget()
            return sign * laboratory.outcome(self.variant(how, mix), "current").value

        started = time.monotonic()
        try:
            for turn in told.turns(measure):
                self.told_turn(turn, told, sign, started)
                started = time.monotonic()
        except BudgetSpent as error:
            laboratory.reasons["upgrades"] = str(error)
            told.harms, told.told_apart = told.harms or told.packages, False
        proof = Proof(told, how, laboratory.scorer.name, sign)
        findings = tuple(upgraded(case, proof))
        if findings:
            self.entry.record_look(Look(findings, 0.95, covers=("environment",)))

    def told_turn(self, turn: Turn, told: Upgrades, sign: float, started: float) -> None:
        """Write one round of mixes down."""
        fresh = [(mix, value) for mix, value in turn.values if 0 < len(mix) < len(told.packages) and mix not in self.said]
        self.said.update(mix for mix, _ in fresh)
        if not fresh:
            return
        said = []
        for mix, value in fresh:
            words = _mixture(mix, told.packages)
            said.append(f"{words}: {sign * value:.4f}" if value is not None else f"{words}: could not be tested ({told.untested[mix]})")
        likely = f"That makes {' and '.join(turn.harms)} {100 * turn.probability:.0f} % probable." if turn.harms else "That leaves it open."
        intent = "Which package is it?"
        action = f"Ran the same rows in {len(fresh)} {'mixes' if len(fresh) > 1 else 'mix'} of both environments, installed for it."
        evidence = {"mixes": [{"upgraded": list(mix), "value": None if value is None else sign * value} for mix, value in fresh]}
        self.told(intent, action, f"{self.problem.laboratory.scorer.name}: {'; '.join(said)}.", likely, started, evidence)

    def told(self, intent: str, action: str, finding: str, reflection: str, started: float, evidence: dict[str, Any]) -> None:
        """Write a step down."""
        self.step(
            self.entry,
            "intervention",
            intent=intent,
            action=action,
            finding=finding,
            reflection=reflection,
            started=started,
            evidence=evidence,
        )


def _mixture(mix: tuple[str, ...], packages: tuple[str, ...]) -> str:
    """A mix in words, from the side that it is nearer to."""
    back = [p for p in packages if p not in mix]
    if len(mix) <= len(back):
        return f"the reference's with {_listed(list(mix))} put forward"
    return f"the current one with {_listed(back)} put back"


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
