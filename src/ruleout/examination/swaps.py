"""Where the change lives: components are swapped between the sides, one at a time and in both directions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ruleout.case.case import Case, Side, SideName
from ruleout.case.difference import same_value
from ruleout.causes.page import Component
from ruleout.errors import BudgetSpent, ModelError, RuleoutError
from ruleout.examination.gain import explained_ratio
from ruleout.models.model import Model
from ruleout.problem.parameters import changed_keys
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference
from ruleout.tables.table import Table

__all__ = ["Swap", "swaps"]

CLEARED, UNREADABLE = -4.0, 3.0
"""Log likelihood ratios of a component that is byte for byte the same, and of rows that the healthy model cannot even score."""


@dataclass(frozen=True)
class Swap:
    """One component taken from the reference into the current side (`back`), and the other way round (`into`).

    `identical` components were not swapped: there is nothing to gain. `ratio` is the log likelihood ratio that the
    component holds part of the change.
    """

    component: Component
    statement: str
    ratio: float
    identical: bool = False
    back: Difference | None = None
    into: Difference | None = None
    seconds: float = 0.0


def swaps(problem: Problem) -> Iterator[Swap]:
    """Yield a swap for every component that both sides hold, the cheapest first; what cannot be refitted is left out."""
    if problem.case.reference is None:
        return
    bench = _Bench(problem, problem.case.reference, problem.case.current)
    steps: list[Callable[[], Swap | None]] = [bench.validation]
    if bench.judged and bench.current.train is not None and problem.laboratory.can_fit("current"):
        steps += [bench.artifact, bench.rows, bench.recipe]
        problem.laboratory.foresee(bench.trainings())
    for step in steps:
        started = time.monotonic()
        try:
            found = step()
        except BudgetSpent:
            raise
        except RuleoutError as error:
            problem.laboratory.reasons["swap"] = str(error)
            continue
        if found is not None:
            yield replace(found, seconds=time.monotonic() - started)


@dataclass(frozen=True)
class _Bench:
    """Both sides of the case, and what one side's recipe fitted on the other's rows gains."""

    problem: Problem
    reference: Side
    current: Side

    @property
    def judged(self) -> tuple[Table, ...]:
        """The labelled validation rows of both sides, the current ones first: were those broken themselves, the others would tell."""
        tables = (self.current.validation, self.reference.validation)
        return tuple(t for t in tables if t is not None and self.problem.case.target in t)

    def trained(self, recipe_of: SideName, rows: Table) -> Model:
        """One side's recipe, fitted on `rows`."""
        return self.problem.laboratory.fit(self._made_of(recipe_of, rows), recipe_of)

    def _made_of(self, recipe_of: SideName, rows: Table) -> Case:
        held = replace(self.problem.case.side(recipe_of) or Side(), train=rows, model=None)
        return self.problem.case.with_side(recipe_of, held)

    def trainings(self) -> Iterator[tuple[Case, SideName, None]]:
        """What the swaps of artifact, rows and recipe will fit."""
        ours, theirs = self.current.train, self.reference.train
        if ours is None:
            return
        moved, differences = theirs is not None and theirs.fingerprint != ours.fingerprint, self.differences()
        if self.current.model is not None or moved or differences:
            yield self._made_of("current", ours), "current", None
        if differences:
            yield self._made_of("reference", ours), "reference", None
        if moved and theirs is not None:
            yield self._made_of("current", theirs), "current", None
            if differences:
                yield self._made_of("reference", theirs), "reference", None

    def gained(self, better: Model, worse: Model) -> Difference:
        """How much better the first model is, on the rows that show it more clearly, with the noise of training added."""
        laboratory, noise = self.problem.laboratory, float(self.problem.figures.get("training_noise", 0.0))
        found: list[Difference] = []
        for table in self.judged:
            try:
                gain = laboratory.evaluate(better, table).minus(laboratory.evaluate(worse, table))
            except BudgetSpent:
                raise
            except RuleoutError:
                continue
            if not math.isfinite(gain.value):
                continue  # No row of it has its label.
            found.append(Difference(laboratory.scorer.sign * gain.value, math.hypot(gain.error, noise)))
        if not found:
            raise ModelError("swap: neither validation table can be scored by the refitted models.")
        return max(found, key=lambda d: d.z())

    def validation(self) -> Swap | None:
        """The reference's model on both validation tables."""
        one, two, laboratory = self.reference.validation, self.current.validation, self.problem.laboratory
        model = laboratory.model("reference")
        if one is None or two is None or (model is None and one.fingerprint != two.fingerprint):
            return None
        if model is None or one.fingerprint == two.fingerprint:
            return Swap("validation", "Both sides were validated on the same rows, byte for byte.", CLEARED, identical=True)
        before = laboratory.evaluate(model, one)
        try:
            after = laboratory.evaluate(model, two)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            return Swap("validation", f"The reference's model cannot score the current validation rows: {error}", UNREADABLE)
        if not before.n or not after.n:
            return None
        statement = (
            f"The reference's model scores {before.value:.4f} on its own validation rows (n = {before.n:,}) "
            f"and {after.value:.4f} on the current ones (n = {after.n:,})."
        )
        found = before.minus(after)
        harm = Difference(laboratory.scorer.sign * found.value, found.error)
        return Swap("validation", statement, explained_ratio(harm, self.problem.harm), back=harm)

    def artifact(self) -> Swap | None:
        """The artifact against a training on the very rows and configuration that it claims to come from."""
        laboratory, rows = self.problem.laboratory, self.current.train
        if self.current.model is None or rows is None:
            return None
        artifact = laboratory.model("current")
        if artifact is None:
            return None
        gain = self.gained(self.trained("current", rows), artifact)
        statement = (
            f"Training again on the current rows and configuration, {laboratory.scorer.name} changes by {gain} against the artifact."
        )
        return Swap("model", statement, explained_ratio(gain, self.problem.harm), back=gain)

    def rows(self) -> Swap | None:
        """The training rows of one side with the recipe of the other."""
        ours, theirs = self.current.train, self.reference.train
        if ours is None or theirs is None:
            return None
        if ours.fingerprint == theirs.fingerprint:
            return Swap("train", "Both sides were trained on the same rows, byte for byte.", CLEARED, identical=True)
        back = self.gained(self.trained("current", theirs), self.trained("current", ours))
        into = self.gained(self.trained("reference", theirs), self.trained("reference", ours)) if self.differences() else None
        return self.weighed("train", "the reference's training rows", back, into)

    def recipe(self) -> Swap | None:
        """The configuration, or whatever else makes the fitted models differ, of one side on the rows of the other."""
        ours, theirs, differences = self.current.train, self.reference.train, self.differences()
        if differences is None or ours is None:
            return None
        if not differences:
            same = "Configuration and estimator parameters are the same on both sides, seeds and names aside."
            return Swap("config", same, CLEARED, identical=True)
        back = self.gained(self.trained("reference", ours), self.trained("current", ours))
        into = None
        if theirs is not None and theirs.fingerprint != ours.fingerprint:
            into = self.gained(self.trained("reference", theirs), self.trained("current", theirs))
        component: Component = "config" if changed_keys(self.reference.config, self.current.config) else "environment"
        return self.weighed(component, f"the reference's recipe ({', '.join(sorted(differences)[:6])})", back, into)

    def weighed(self, component: Component, what: str, back: Difference, into: Difference | None) -> Swap:
        """A swap whose evidence is the stronger of its two directions: a masked fault shows in one of them only."""
        best = back if into is None or back.z() >= into.z() else into
        other = "" if into is None else f" The other way round it costs {into}."
        statement = f"With {what} and all else as it is, {self.problem.laboratory.scorer.name} changes by {back}.{other}"
        return Swap(component, statement, explained_ratio(best, self.problem.harm), back=back, into=into)

    def differences(self) -> dict[str, object] | None:
        """What differs between the recipes: configuration keys, else estimator parameters and steps; None where it cannot be told."""
        changes: dict[str, object] = dict(changed_keys(self.reference.config, self.current.config))
        if changes:
            return changes
        first, second = self.problem.laboratory.model("reference"), self.problem.laboratory.model("current")
        if first is None or second is None:
            return {} if self.reference.config is not None and self.current.config is not None else None
        one, two = first.describe(), second.describe()
        for name in {**one.parameters, **two.parameters}:
            harmless = name.split("__")[-1] in ("random_state", "n_jobs", "verbose")
            if not harmless and not same_value(one.parameters.get(name), two.parameters.get(name)):
                changes[name] = two.parameters.get(name)
        if one.steps != two.steps or one.estimator != two.estimator:
            changes["steps"] = two.steps
        return changes
