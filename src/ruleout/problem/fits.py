"""Fits: what was trained again in one investigation, what it took, what was kept from before, and whether more may be."""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruleout.case.budget import Budget
from ruleout.errors import BudgetSpent
from ruleout.models.model import Model
from ruleout.problem.plan import Plan
from ruleout.runs import ALONE, Workers
from ruleout.store import Store

__all__ = ["SAMPLE_ROWS", "TYPICAL_FITS", "Fits", "Key"]

Key = tuple[Any, ...]

SAMPLE_ROWS = 20_000
"""Refits and replays take at most this many rows: the paired SE at 10 % disagreement is then 0.0022 (docs/decides.md)."""

TYPICAL_FITS = 9
"""Trainings that an investigation with something to find makes, in the middle (docs/cost.md)."""


def _silent(_: Plan) -> None:
    return None


@dataclass
class Fits:
    """The trainings of one investigation; every laboratory of it shares them.

    Parameters
    ----------
    budget
        What they may take.
    store
        Where results are kept from one investigation to the next.
    tell
        Called with each plan that is worth telling, before it begins.
    seed
        The investigation's: where a training has no seed of its own, what another seed gave is not taken for it.
    workers
        Who makes runs that need not wait for each other.
    most_rows
        A training on more rows takes a sample of so many.
    """

    budget: Budget = field(default_factory=Budget)
    store: Store = field(default_factory=lambda: Store(None))
    tell: Callable[[Plan], None] = _silent
    seed: int = 0
    workers: Workers = ALONE
    most_rows: int = field(default_factory=lambda: SAMPLE_ROWS)
    made: dict[Key, Model] = field(default_factory=dict)
    made_like: dict[str, str] = field(default_factory=dict)
    barren: set[str] = field(default_factory=set)
    n: int = 0
    n_kept: int = 0
    seconds: float = 0.0
    plans: list[Plan] = field(default_factory=list)
    _taken: list[tuple[float, int]] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    # Before and after a training ---------------------------------------------------------------------------------------

    def starting(self, n_rows: int, kind: str = "") -> None:
        """Make sure that a training may begin, and say what is planned where an earlier investigation knows what one takes.

        Parameters
        ----------
        n_rows
            Rows that it takes.
        kind
            Key under which the store knows what trainings of this kind took; "" where it does not.

        Raises
        ------
        BudgetSpent
            The budget is spent, or will not last for it.
        """
        known = self.store.get_json(f"pace-{kind}") if kind and not self._taken else None
        if known is not None:
            self._taken.append((float(known["seconds"]), int(known["rows"])))
        if self._taken and self.n == 0 and not self.plans:
            self.plan(Plan(PURPOSE, max(TYPICAL_FITS - self.n_kept, 1), self.seconds_of(n_rows), told_by="as trainings took before"))
        self.within_budget(self.seconds_of(n_rows))

    def learned(self, seconds: float, n_rows: int) -> None:
        """Take in what a training took that is counted later, and say what is planned where nothing was known of it before."""
        if not self._taken:
            self._taken.append((seconds, n_rows))
            self.plan(Plan(PURPOSE, max(TYPICAL_FITS - 1 - self.n_kept, 1), seconds, told_by="as the first one took"))

    def ended(self, started: float, n_rows: int, kind: str = "") -> float:
        """Count a training that began at `started` (by `time.monotonic`), and say what is planned once it is known what one takes."""
        seconds = time.monotonic() - started
        first = self.n == 0
        self.n += 1
        self.seconds += seconds
        self._taken.append((seconds, n_rows))
        if first and kind:
            self.store.put_json(f"pace-{kind}", {"seconds": round(seconds, 3), "rows": n_rows})
        if first and not self.plans:
            self.plan(Plan(PURPOSE, max(TYPICAL_FITS - 1 - self.n_kept, 1), self.seconds_of(n_rows), told_by="as the first one took"))
        return seconds

    def kept(self, seconds: float, n_rows: int) -> None:
        """Count a training that did not have to be made, and what it once took."""
        self.n_kept += 1
        self._taken.append((seconds, n_rows))

    def broke(self, fingerprint: str) -> None:
        """Note that a model broke when it was asked: no other is made like it."""
        self.barren.add(self.made_like.get(fingerprint, ""))

    @contextlib.contextmanager
    def in_full(self) -> Iterator[None]:
        """Trainings that begin in here take all rows."""
        most, self.most_rows = self.most_rows, sys.maxsize
        try:
            yield
        finally:
            self.most_rows = most

    # The budget --------------------------------------------------------------------------------------------------------

    def plan(self, plan: Plan) -> None:
        """Tell a plan, where it is long; of several trainings that are not, none is told."""
        if plan.long:
            self.plans.append(plan)
            self.tell(plan)

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; infinity without limit."""
        return float("inf") if self.budget.seconds is None else self._started + self.budget.seconds - time.monotonic()

    @property
    def runs_left(self) -> float:
        """Runs of the budget that are left; infinity without limit."""
        return float("inf") if self.budget.runs is None else self.budget.runs - self.n

    def seconds_of(self, n_rows: int) -> float:
        """What a training on so many rows is estimated to take: as those until now, in proportion to the rows where these are more."""
        if not self._taken:
            return 0.0
        seconds = statistics.median(taken for taken, _ in self._taken)
        rows = statistics.median(rows for _, rows in self._taken)
        return seconds * max(1.0, n_rows / max(rows, 1.0))

    def within_budget(self, needed: float = 0.0) -> None:
        """Raise `BudgetSpent` where the budget is spent, or will not last for what needs so many seconds."""
        if self.runs_left <= 0:
            raise BudgetSpent(f"the budget of {self.budget} is spent: nothing more is fitted again; grant more with --budget.")
        if self.left < needed or self.left < 0:
            spent = "is spent" if self.left < 0 else f"does not last for another training of about {needed:.0f} seconds"
            raise BudgetSpent(f"the budget {spent}: nothing more is fitted again; grant more with --budget.")


PURPOSE = "learn how much trainings scatter, where the change lives and which repair brings it back"
