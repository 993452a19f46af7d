"""Measure: runs the case's command for one setting of the factors, again where it fails, and never the same run twice."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from ruleout.case.case import Case
from ruleout.errors import CommandError, TrustRequired
from ruleout.models.command import run_measure
from ruleout.store import Store, command_key, key_of

__all__ = ["Bench", "Measurement"]

ATTEMPTS = 2
"""A run that fails is tried so many times in all."""

FIRST_LIMIT_SECONDS = 3600.0
"""How long the first run may take; the later ones a multiple of what runs have taken."""

PATIENCE = 10.0
"""A run that takes so many times the longest run until now is ended."""

SHORTEST_LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Measurement:
    """One run: the setting, the seed, the metric as it was printed (None where every attempt failed), and what it took.

    `failed` is the sentence of the last attempt that failed, also where a later one succeeded; `stored` says that nothing had to run.
    """

    setting: tuple[int, ...]
    seed: int
    metric: float | None
    seconds: float
    attempts: int = 1
    failed: str = ""
    stored: bool = False


class Bench:
    """Where a case's settings are measured.

    Parameters
    ----------
    case
        With `factors` and `[run] measure`; it must be trusted.
    store
        Where metrics are kept, so that no run is made twice; None keeps none.

    Raises
    ------
    TrustRequired
        The user has not said that the case may run code.
    """

    def __init__(self, case: Case, *, store: Store | None = None) -> None:
        if not case.trusted:
            raise TrustRequired("case.toml [run] measure: nothing of a case runs without trust; give --trust (trust=True in Python).")
        if case.run.measure is None:
            raise CommandError('case.toml [factors]: no command that measures with them; add [run] measure = "python run.py …".')
        self.command: str = case.run.measure
        self.folder = case.folder or Path.cwd()
        self.factors = dict(case.factors)
        self.live, self.longest = case.show_runs, case.run.timeout
        self.store = store or Store(None)
        named = [value for pair in self.factors.values() for value in pair]
        self._content = key_of("measure", self.factors, command_key(self.command, self.folder, named))
        self.made: list[Measurement] = []

    def values(self, setting: tuple[int, ...]) -> dict[str, str]:
        """Each factor's value in a setting."""
        return {name: pair[bit] for (name, pair), bit in zip(self.factors.items(), setting, strict=True)}

    def _key(self, setting: tuple[int, ...], seed: int) -> str:
        return f"{self._content}-{''.join(map(str, setting))}-{seed}"

    def holds(self, setting: tuple[int, ...], seed: int) -> bool:
        """Whether a run was made before and kept."""
        return self.store.get_json(self._key(setting, seed)) is not None

    def measure(self, setting: tuple[int, ...], seed: int) -> Measurement:
        """Run one setting with one seed, or take the run from the store."""
        key = self._key(setting, seed)
        held = self.store.get_json(key)
        if held is not None:
            found = Measurement(setting, seed, float(held["metric"]), float(held["seconds"]), stored=True)
            self.made.append(found)
            return found
        failed = ""
        for attempt in range(1, ATTEMPTS + 1):
            started = time.monotonic()
            try:
                metric = run_measure(
                    self.command,
                    folder=self.folder,
                    values=self.values(setting),
                    seed=seed,
                    timeout=self._limit(),
                    live="[run] measure |" if self.live else "",
                )
            except CommandError as error:
                failed = str(error)
                continue
            seconds = time.monotonic() - started
            self.store.put_json(key, {"metric": metric, "seconds": round(seconds, 3)})
            found = Measurement(setting, seed, metric, seconds, attempt, failed)
            break
        else:
            found = Measurement(setting, seed, None, time.monotonic() - started, ATTEMPTS, failed)
        self.made.append(found)
        return found

    @property
    def seconds(self) -> float:
        """What a run takes, in the middle; 0 where none was made."""
        return statistics.median(taken) if (taken := self._taken()) else 0.0

    @property
    def n_flaky(self) -> int:
        """Runs that failed at first and went well when they were tried again."""
        return sum(1 for m in self.made if m.failed and m.metric is not None)

    @property
    def n_stored(self) -> int:
        """Runs that were taken from the store."""
        return sum(1 for m in self.made if m.stored)

    @property
    def n_attempts(self) -> int:
        """How many times the command was started, now or for a run that the store held."""
        return sum(m.attempts for m in self.made)

    def _taken(self) -> list[float]:
        return [m.seconds for m in self.made if m.metric is not None]

    def _limit(self) -> float:
        taken = self._taken()
        if self.longest is not None:
            return self.longest
        return max(PATIENCE * max(taken), SHORTEST_LIMIT_SECONDS) if taken else FIRST_LIMIT_SECONDS
