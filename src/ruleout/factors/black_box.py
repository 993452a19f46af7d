"""The black box: a case's factors, the search over them and the bench that measures, held together for one investigation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from ruleout.case.budget import Budget
from ruleout.case.case import Case
from ruleout.errors import CommandError
from ruleout.factors.answer import Answer
from ruleout.factors.measure import Bench, Measurement
from ruleout.factors.search import Plan, Search, planned
from ruleout.runs import ALONE, Workers
from ruleout.store import Store

__all__ = ["BlackBox", "Turn"]


@dataclass(frozen=True)
class Turn:
    """One round of runs and what it was for."""

    purpose: str
    made: tuple[Measurement, ...]
    seconds: float


class BlackBox:
    """Measures round by round until the search is done; what was measured stays, so that asking again costs nothing.

    Parameters
    ----------
    case
        Trusted, with `factors` and `[run] measure`.
    seed
        Of the search's draws.
    budget
        What runs may take; those that were kept from before take nothing.
    store
        Where metrics are kept; None keeps none.
    workers
        Who makes the runs of a round. Rounds are the same whoever makes them, so the search comes to the same end.
    """

    def __init__(
        self, case: Case, *, seed: int = 0, budget: Budget | None = None, store: Store | None = None, workers: Workers = ALONE
    ) -> None:
        self.case = case
        self.names = tuple(case.factors)
        self.sign = -1.0 if case.direction == "lower" else 1.0
        self.bench = Bench(case, store=store, workers=workers)
        self.search = Search(len(self.names), min_effect=case.min_effect, seed=seed)
        self.stopped = ""
        self._budget, self._spent = budget or Budget(), 0.0

    def turn(self) -> Turn | None:
        """Make the next round of runs; None where nothing more is to be run.

        Raises
        ------
        CommandError
            A side as it is cannot be measured.
        """
        wanted = self.search.next()
        if wanted is None:
            return None
        if not self._affords(sum(1 for setting, seed in wanted.runs if not self.bench.holds(setting, seed))):
            self.stopped = f"the budget of {self._budget} is spent after {len(self.search.runs)} runs"
            return None
        started = time.monotonic()
        made = []
        for found in self.bench.measure(wanted.runs):
            setting, seed = found.setting, found.seed
            made.append(found)
            if found.metric is not None:
                self.search.tell(setting, seed, self.sign * found.metric)
            elif len(set(setting)) == 1:
                side = "current" if setting[0] else "reference"
                raise CommandError(
                    f"{found.failed} That was the {side} side as it is, tried {found.attempts} times: mend the command first."
                )
            else:
                self.search.bar(setting)
        seconds = time.monotonic() - started
        self._spent += seconds
        return Turn(wanted.purpose, tuple(made), seconds)

    def _affords(self, runs: int) -> bool:
        """Whether the budget lasts for so many more runs."""
        seconds, most = self._budget.seconds, self._budget.runs
        made = len(self.bench.made) - self.bench.n_stored
        return (seconds is None or self._spent + self.bench.seconds_of(runs) <= seconds) and (most is None or made + runs <= most)

    def finish(self) -> None:
        """Make every run that is still needed."""
        while self.turn() is not None:
            pass

    # What came out, in the metric's own direction ----------------------------------------------------------------------

    @property
    def answer(self) -> Answer:
        """The likeliest answer."""
        return self.search.answer

    def places(self, factors: tuple[int, ...]) -> tuple[str, ...]:
        """Factors as the contract names them."""
        return tuple(f"factor.{self.names[at]}" for at in factors)

    def side_means(self) -> tuple[float, float]:
        """The mean metric of the reference and of the current side."""
        before, after = self.search.sides()
        return self.sign * float(before.mean()), self.sign * float(after.mean())

    def mean_at(self, current: tuple[int, ...]) -> tuple[float, int] | None:
        """The mean metric with some factors at their current value and all else as in the reference, and n; None where it was not run."""
        setting = tuple(int(at in current) for at in range(len(self.names)))
        values = self.search.at(setting)
        return (self.sign * float(values.mean()), len(values)) if len(values) else None

    def change(self) -> tuple[float, tuple[float, float]]:
        """Current less reference, with its 95 % interval: Student's, the noise pooled over all settings that were repeated.

        Runs with the same seed are held against each other where that tells more.
        """
        from scipy.stats import t

        before, after = self.search.sides()
        value = self.sign * float(after.mean() - before.mean())
        noise, freedom = self.search.noise
        errors = [(noise * math.sqrt(1 / len(before) + 1 / len(after)), freedom)]
        n = min(len(before), len(after))
        if n >= 3:
            # Both sides were run with the same seeds in the same order.
            errors.append((float(np.std(after[:n] - before[:n], ddof=1)) / math.sqrt(n), n - 1))
        half = min(float(t.ppf(0.975, max(df, 1))) * error for error, df in errors)
        return value, (value - half, value + half)

    def shares(self) -> dict[int, tuple[float, tuple[float, float]]]:
        """Each factor's part of the change with its interval; empty where the sides do not differ beyond noise."""
        value, (low, high) = self.change()
        if low <= 0 <= high or abs(value) < self.search.least() / 2:
            return {}
        parts = self.search.parts()
        whole = sum(middle for middle, _, _ in parts.values())
        if not whole:
            return {}
        return {at: (m / whole, (min(a / whole, b / whole), max(a / whole, b / whole))) for at, (m, a, b) in parts.items()}

    def plan(self) -> Plan:
        """What the search will cost, or costs from here: from the noise where it is known."""
        noise, freedom = self.search.noise if self.search.runs else (0.0, 0)
        if not freedom:
            return planned(len(self.names))
        return planned(len(self.names), noise, self.change()[0], self.search.least())

    def told(self, setting: tuple[int, ...]) -> str:
        """A setting in words, from the side that it is nearer to."""
        on, off = ([n for n, bit in zip(self.names, setting, strict=True) if bit == side] for side in (1, 0))
        if not on:
            return "the reference as it is"
        if not off:
            return "the current run as it is"
        if len(on) <= len(off):
            return f"the reference with {_listed(on)} as in the current run"
        return f"the current run with {_listed(off)} put right"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
