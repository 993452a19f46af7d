"""Examine a problem: breadth, then where the change lives, then one hypothesis at a time until it is explained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from ruleout.causes import catalog
from ruleout.causes.by_columns import with_profiles
from ruleout.causes.page import Finding
from ruleout.errors import BudgetSpent
from ruleout.examination.agenda import Agenda, Entry
from ruleout.examination.black_box import FACTOR, examine_factors
from ruleout.examination.consequences import with_consequences
from ruleout.examination.depth import Depth
from ruleout.examination.examination import Confirmed, Event, Examination, Hypothesis, Status, Step
from ruleout.examination.in_full import measured_in_full
from ruleout.examination.priors import priors
from ruleout.examination.swaps import Swap, swaps
from ruleout.examination.upgrades import examine_upgrades
from ruleout.problem.problem import Problem

__all__ = ["examine"]

POWERFUL = 0.9
"""A look rules out only where it would have seen the cause with this probability (docs/decides.md)."""

NEGLIGIBLE = 0.02
"""Below this probability a hypothesis is not worth a test."""

AWRY = -1.5
"""What speaks against a wrong artifact where it is not what training gives, but the code or the packages that made it differ."""

Listener = Callable[[Event], None]


def examine(problem: Problem, *, listen: Listener | None = None) -> Examination:
    """Test one hypothesis at a time, the worthiest per second first, and confirm by putting right.

    Parameters
    ----------
    problem
        The problem as `state_problem` restated it.
    listen
        Called with every event while the walk goes on; nothing is printed here.

    Returns
    -------
    Hypotheses with their beliefs, the steps taken, and what was confirmed. A difference within noise ends it at once.
    """
    if problem.situation == "factors":
        return examine_factors(problem, listen or (lambda _: None))
    return _Walk(problem, listen or (lambda _: None)).walk()


class _Walk:
    def __init__(self, problem: Problem, listen: Listener) -> None:
        self.problem, self.listen = problem, listen
        # A black box is examined by itself; where the evidence can be looked into, its page has nothing to ask.
        pages = with_profiles(tuple(p for p in catalog() if p.id() != FACTOR), problem.profiles)
        missing = {p.id(): tuple(_lacking(name, problem) for name in p.missing(problem.case)) for p in pages}
        self.agenda = Agenda(pages, priors(problem.situation, [p.id() for p in pages]), missing)
        for entry in self.agenda.entries.values():
            if entry.page.situations and problem.situation not in entry.page.situations:
                entry.aside = (
                    f"looked for only where the situation is {' or '.join(entry.page.situations)}; this one is {problem.situation}"
                )
        self.steps: list[Step] = []
        self.stopped = self.note = ""

    def walk(self) -> Examination:
        confirmed: tuple[Confirmed, ...] = ()
        structure: Any = "none"
        unexplained: float | None = None
        if self.problem.kind != "none":
            depth = Depth(self.problem, self.agenda, self.step)
            self.listen(Event("hypotheses", tuple(self.hypothesis(e) for e in sorted(self.agenda.entries.values(), key=self.rank))))
            try:
                self.breadth()
                if self.problem.situation in ("retraining", "silent"):
                    self.localise()
                if self.problem.laboratory.installations is not None:
                    examine_upgrades(self.problem, self.agenda, self.step, self.listen)
                confirmed, structure, unexplained = depth.confirm()
                found = measured_in_full(self.problem, self.agenda, confirmed, unexplained, self.step)
                confirmed, unexplained, self.note = found.confirmed, found.unexplained, found.note
            except BudgetSpent as error:
                self.stopped = str(error)
                confirmed = depth.observed(depth.candidates())
        return Examination(
            problem=self.problem,
            hypotheses=tuple(self.hypothesis(e) for e in sorted(self.agenda.entries.values(), key=self.rank)),
            steps=tuple(self.steps),
            confirmed=with_consequences(confirmed, self.agenda, computable=_computable(self.problem)),
            structure=structure,
            unexplained=unexplained,
            stopped=self.stopped,
            note=self.note,
            figures=self.problem.laboratory.figures(),
        )

    def breadth(self) -> None:
        """Ask every page of all three buckets to look, in the order of prior per second."""
        waiting = self.agenda.order()
        for done, entry in enumerate(waiting):
            self.listen(Event("progress", {"done": done, "total": len(waiting), "what": f"looking for {entry.cause}"}))
            before = self.agenda.probabilities()[entry.cause]
            started = time.monotonic()
            try:
                entry.record_look(entry.page.suspect(self.problem))
            except BudgetSpent:
                raise
            except Exception as error:
                entry.failure = f"the page failed: {type(error).__name__}: {error}"
            after = self.agenda.probabilities()[entry.cause]
            self.step(
                entry,
                "check",
                intent=f"Is it {entry.cause}? {entry.page.claim()}",
                action=f"Looked at {_looked_at(entry)}.",
                finding=_seen(entry),
                reflection=_reflection(entry, before, after),
                started=started,
                evidence=entry.findings[0].figures if entry.findings else {"power": entry.look.power if entry.look else 0.0},
            )
        self.agenda.give_way()
        self.listen(Event("progress", {"done": len(waiting), "total": len(waiting), "what": "looked at every hypothesis"}))

    def localise(self) -> None:
        """Swap components between the sides: where does the change live, before asking what it is."""
        self.listen(
            Event(
                "intent",
                {
                    "cause": "",
                    "intent": "Where does the change live?",
                    "action": "Swap one component at a time between the sides and measure again.",
                },
            )
        )
        for swap in swaps(self.problem):
            maker = self.agenda.maker() if swap.component == "model" and swap.ratio > 0 else None
            if maker is not None:
                # A clone does not pass through the training code or the packages: where these differ, they made the artifact so.
                self.agenda.charge("model", AWRY)
                swap = replace(swap, component=maker)
            self.agenda.charge(swap.component, swap.ratio)
            leading = self.leading(swap)
            if leading is None:
                continue
            self.step(
                leading,
                "intervention" if not swap.identical else "check",
                intent=f"Does the change live in {_component(swap.component)}?",
                action="Compared both sides byte for byte."
                if swap.identical
                else f"Took {_component(swap.component)} from the reference and left everything else as it is.",
                finding=swap.statement,
                reflection=_weighed(swap, self.problem),
                started=time.monotonic() - swap.seconds,
                evidence=_swap_figures(swap),
            )

    def leading(self, swap: Swap) -> Entry | None:
        """The likeliest hypothesis that a swap bears on."""
        probability = self.agenda.probabilities()
        touched = [e for e in self.agenda.entries.values() if f"swap {swap.component}" in e.ratios]
        return max(touched, key=lambda e: (probability[e.cause], e.cause), default=None)

    def step(
        self,
        entry: Entry,
        kind: Literal["check", "intervention"],
        *,
        intent: str,
        action: str,
        finding: str,
        reflection: str,
        started: float,
        evidence: Mapping[str, Any],
    ) -> None:
        """Write one step down and tell the listener."""
        step = Step(
            number=len(self.steps) + 1,
            cause=entry.cause,
            kind=kind,
            intent=intent,
            action=action,
            finding=finding,
            reflection=reflection,
            seconds=time.monotonic() - started,
            evidence=dict(evidence),
            probabilities=self.agenda.probabilities(),
            buckets=self.agenda.buckets(),
        )
        self.steps.append(step)
        self.listen(Event("step", step))

    def hypothesis(self, entry: Entry) -> Hypothesis:
        status, reason = self.status(entry)
        probability = self.agenda.probabilities()[entry.cause]
        return Hypothesis(
            cause=entry.cause,
            bucket=entry.page.bucket(),
            prior=entry.prior,
            probability=0.99 if entry.confirmed else probability,
            status=status,
            where=tuple(f.place for f in entry.findings),
            reason=reason,
            power=entry.look.power if entry.look else 0.0,
            findings=entry.findings,
        )

    def status(self, entry: Entry) -> tuple[Status, str]:
        """How a hypothesis stands in the end, and why."""
        if entry.confirmed:
            return "confirmed", "Putting it right brought the metric back beyond noise."
        if entry.missing:
            return "untestable", f"Not tested: needs {', '.join(entry.missing)}."
        if entry.failure:
            return "untestable", f"Not tested: {entry.failure}."
        if entry.aside:
            return "untestable", f"Not tested: {entry.aside}."
        if entry.excluded:
            return "ruled-out", entry.excluded
        if self.problem.kind == "none":
            return "open", "Not tested: the change is within noise."
        cleared = [name for name, ratio in entry.ratios.items() if name.startswith("swap ") and ratio <= -2.5]
        if cleared:
            return "ruled-out", f"Swapping {cleared[0].removeprefix('swap ')} between the sides changes nothing that matters."
        if entry.look is not None and not entry.look.findings and entry.look.power >= POWERFUL:
            return "ruled-out", entry.look.statement
        if entry.look is None:
            return "open", f"Not tested: {self.stopped or 'the walk ended before its turn'}"
        return "open", entry.findings[
            0
        ].statement if entry.findings else f"Nothing was seen, but the look had power {entry.look.power:.2f} only."

    def rank(self, entry: Entry) -> tuple[int, float, str]:
        status, _ = self.status(entry)
        order = {"confirmed": 0, "open": 1, "ruled-out": 2, "untestable": 3}[status]
        return order, -self.agenda.probabilities()[entry.cause], entry.cause


def _lacking(name: str, problem: Problem) -> str:
    """What a page lacks, said of a table of which the profile was given."""
    return f"the rows of {name} (a stored profile is given)" if name in problem.profiles else name


def _looked_at(entry: Entry) -> str:
    covers = entry.look.covers if entry.look else ()
    return ", ".join(covers) if covers else "what the case holds"


def _seen(entry: Entry) -> str:
    if entry.failure:
        return f"Could not look: {entry.failure}."
    if entry.findings:
        more = f" ({len(entry.findings) - 1} more places.)" if len(entry.findings) > 1 else ""
        return entry.findings[0].statement + more
    return entry.look.statement if entry.look else ""


def _reflection(entry: Entry, before: float, after: float) -> str:
    if entry.failure:
        return "That leaves it untested; the others go on."
    if entry.findings:
        return f"That moves {entry.cause} from {100 * before:.0f} % to {100 * after:.0f} %: worth putting right to see."
    power = entry.look.power if entry.look else 0.0
    if power >= POWERFUL:
        return f"That rules out {entry.cause} (power {power:.2f})."
    return f"Nothing seen, but with power {power:.2f} that is no exclusion."


def _component(name: str) -> str:
    return {
        "train": "the training rows",
        "validation": "the validation rows",
        "config": "the configuration",
        "model": "the artifact",
        "environment": "the environment",
    }.get(name, name)


def _weighed(swap: Swap, problem: Problem) -> str:
    if swap.identical:
        return f"It cannot live in {_component(swap.component)}."
    best = max((d.value for d in (swap.back, swap.into) if d is not None), default=0.0)
    share = best / problem.harm if problem.harm > 0 else 0.0
    if swap.ratio >= 2:
        part = f"{100 * min(max(share, 0), 1):.0f} % of the change"
        return f"{part} comes with {_component(swap.component)}: the cause is looked for there first."
    if swap.ratio <= -2:
        return f"Nothing that matters comes with {_component(swap.component)}."
    return f"That neither charges nor clears {_component(swap.component)}."


def _swap_figures(swap: Swap) -> dict[str, Any]:
    figures: dict[str, Any] = {"component": swap.component, "identical": swap.identical}
    for name, found in (("swap_back", swap.back), ("swap_in", swap.into)):
        if found is not None:
            figures[name] = {"gain": found.value, "interval": [found.low, found.high]}
    return figures


def _computable(problem: Problem) -> bool:
    """Whether the metric of the current side was computed from its own rows and artifact."""
    found = (problem.figures.get("recomputed") or {}).get("current")
    return isinstance(found, int | float) and math.isfinite(found)


def place_of(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """The places of several findings, each once, a column that is at fault in every table without its table."""
    places = list(dict.fromkeys(f.place for f in findings))
    columns = {p.split(".", 1)[1] for p in places if p.split(".")[0] in ("train", "validation", "serving") and "." in p}
    for column in columns:
        tables = [p for p in places if p in (f"train.{column}", f"validation.{column}")]
        if len(tables) == 2:
            places[places.index(tables[0])] = column
            places.remove(tables[1])
    return tuple(places)
