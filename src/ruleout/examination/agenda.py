"""The agenda: which hypothesis next, by worth per cost, and what is believed of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ruleout.causes.page import Cause, Component, Finding, Look
from ruleout.statistics.beliefs import marginals

__all__ = ["Agenda", "Entry"]

SEEN = 0.97
"""Specificity of a look: how often it is rightly silent on health (docs/decides.md)."""

CLEAR = 2.0
"""Log likelihood ratio from which a finding counts as clearly seen."""

UNSEEN = 1.0
"""The most that charging a component speaks for a hypothesis of which nothing was seen there."""

BOUND = 3.9
"""Statistics move a hypothesis by a factor of 50 at most; only an intervention settles it."""


MAKERS: tuple[Component, ...] = ("code", "environment")
"""What an artifact is made by, besides rows and configuration."""


@dataclass
class Entry:
    """One hypothesis on the agenda: its page, its prior, and the log likelihood ratios collected so far."""

    page: Cause
    prior: float
    missing: tuple[str, ...] = ()
    look: Look | None = None
    failure: str = ""
    ratios: dict[str, float] = field(default_factory=dict)
    confirmed: bool = False
    excluded: str = ""
    aside: str = ""
    gave_way: bool = False

    @property
    def cause(self) -> str:
        """The hypothesis's cause id."""
        return self.page.id()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the page saw, the strongest first."""
        return self.look.findings if self.look else ()

    def record_look(self, look: Look) -> None:
        """Take what the page saw as evidence: its strongest finding, or its silence weighed by its power."""
        self.look = look
        if look.findings:
            self.ratios["look"] = max(-BOUND, min(BOUND, max(f.evidence for f in look.findings)))
        else:
            self.ratios["look"] = max(-BOUND, math.log((1 - min(look.power, 0.999)) / SEEN))


class Agenda:
    """The hypotheses, and the beliefs that their evidence gives."""

    def __init__(self, pages: tuple[Cause, ...], priors: Mapping[str, float], missing: Mapping[str, tuple[str, ...]]) -> None:
        self.entries = {page.id(): Entry(page, priors[page.id()], missing.get(page.id(), ())) for page in pages}

    def order(self) -> list[Entry]:
        """The hypotheses not looked at yet, by prior per second: p / c is optimal for one fault (Heckerman et al., 1995)."""
        waiting = [e for e in self.entries.values() if e.look is None and not e.missing and not e.failure and not e.aside]
        return sorted(waiting, key=lambda e: (-e.prior / max(e.page.cost, 0.01), e.cause))

    def charge(self, component: Component, ratio: float) -> None:
        """A swap charged or cleared a component: every hypothesis whose findings all lie there moves with it."""
        for entry in self.entries.values():
            places = {f.component for f in entry.findings} or set(entry.look.covers if entry.look else ())
            if (places and places <= {component}) or (component in places and ratio > 0):
                # A page that looked and saw nothing is not made a suspect by the company of others: it gains little.
                entry.ratios[f"swap {component}"] = ratio if entry.findings else min(ratio, UNSEEN)

    def give_way(self) -> None:
        """A cause of which a clearly seen one explains the signs, and more, steps back: it is not put to the test."""
        for entry in self.entries.values():
            others = [self.entries[cause] for cause in entry.page.gives_way_to if cause in self.entries]
            if any(max((f.evidence for f in other.findings), default=0.0) >= CLEAR for other in others):
                entry.gave_way = True
                entry.ratios["gives way"] = -BOUND

    def maker(self) -> Component | None:
        """The component that makes artifacts and was seen to differ: code before environment, None where neither did."""
        for component in MAKERS:
            if any(f.component == component and f.evidence > 0 for e in self.entries.values() for f in e.findings):
                return component
        return None

    def explain_away(self) -> None:
        """The confirmed causes explain the change: what charged a component is theirs, the others lose nine tenths of their odds."""
        for entry in self.entries.values():
            if not entry.confirmed:
                charges = [name for name, ratio in entry.ratios.items() if name.startswith("swap ") and ratio > 0]
                for name in charges:
                    del entry.ratios[name]
                entry.ratios["explained away"] = math.log(0.1)

    def probabilities(self) -> dict[str, float]:
        """The probability of each cause on all the evidence so far."""
        return marginals({c: e.prior for c, e in self.entries.items()}, {c: sum(e.ratios.values()) for c, e in self.entries.items()})

    def buckets(self) -> dict[str, float]:
        """The mean weight of each bucket: its share of all probability."""
        probability = self.probabilities()
        total = sum(probability.values()) or 1.0
        return {b: sum(p for c, p in probability.items() if c.startswith(f"{b}.")) / total for b in ("data", "model", "pipeline")}
