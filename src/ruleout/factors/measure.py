"""Measure: runs the case's command for one setting of the factors, again where it fails, and never the same run twice."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruleout.case.case import Case
from ruleout.errors import CommandError, TrustRequired
from ruleout.models.command import run_measure
from ruleout.runs import ALONE, Workers
from ruleout.runs.traces import changed_file, traces
from ruleout.store import Store, command_key, key_of

__all__ = ["Bench", "Measurement"]

Run = tuple[tuple[int, ...], int]
"""A setting and a seed."""

Answer = tuple[float, float] | CommandError
"""The metric and the seconds of a run, or what it failed of."""

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
    workers
        Who makes runs that need not wait for each other. Where the user did not say how many, the first run is watched: runs of a
        command that writes to its own folder are made one after the other (`alone` says why).

    Raises
    ------
    TrustRequired
        The user has not said that the case may run code.
    """

    def __init__(self, case: Case, *, store: Store | None = None, workers: Workers = ALONE) -> None:
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
        self.workers, self.alone = workers, ""
        self._unwatched, self._beside = not workers.chosen, set[Run]()

    def values(self, setting: tuple[int, ...]) -> dict[str, str]:
        """Each factor's value in a setting."""
        return {name: pair[bit] for (name, pair), bit in zip(self.factors.items(), setting, strict=True)}

    def _key(self, setting: tuple[int, ...], seed: int) -> str:
        return f"{self._content}-{''.join(map(str, setting))}-{seed}"

    def holds(self, setting: tuple[int, ...], seed: int) -> bool:
        """Whether a run was made before and kept."""
        return self.store.get_json(self._key(setting, seed)) is not None

    def measure(self, runs: Sequence[Run]) -> Iterator[Measurement]:
        """Make runs, each a setting and a seed, or take them from the store; side by side where there are workers for that.

        They come in the order asked. A run that failed is made once more, by itself.
        """
        wanted = [run for run in runs if not self.holds(*run)]
        answers = self._answers(wanted)
        for run in runs:
            found = self._made(run, next(answers)) if run in wanted else self._kept(run)
            self.made.append(found)
            yield found

    def _answers(self, wanted: Sequence[Run]) -> Iterator[Answer]:
        """The first attempt of each run."""
        if self._unwatched and self.workers.n > 1 and wanted:
            self._unwatched = False
            yield from self._watched(wanted[0])
            wanted = wanted[1:]
        if self.workers.n == 1:
            for run in wanted:
                yield from self._attempts([run], self.workers)
        else:
            # All are over before one that failed is made again.
            self._beside.update(wanted)
            yield from list(self._attempts(wanted, self.workers))

    def _watched(self, run: Run) -> Iterator[Answer]:
        """A run that nothing runs beside, to see whether it writes where others would."""
        before = traces(self.folder)
        yield from self._attempts([run], ALONE)
        written = changed_file(before, traces(self.folder))
        if written is None:
            self._one_by_one("the case's folder has too many files to see whether they write to the same ones")
        elif written:
            self._one_by_one(f"the command writes to {written} in the case's folder")

    def _attempts(self, runs: Sequence[Run], workers: Workers) -> Iterator[Answer]:
        live = "[run] measure |" if self.live and not workers.address else ""
        asked = [(self.command, self.folder, self.values(setting), seed, self._limit(), live) for setting, seed in runs]

        def ended(number: int, answer: tuple[float, float]) -> None:
            self.store.put_json(self._key(*runs[number]), {"metric": answer[0], "seconds": round(answer[1], 3)})

        return workers.each(_timed, asked, ended)

    def _made(self, run: Run, first: Answer) -> Measurement:
        if not isinstance(first, CommandError):
            return Measurement(*run, *first)
        failed, started = str(first), time.monotonic()
        for attempt in range(2, ATTEMPTS + 1):
            answer = next(self._attempts([run], self.workers))
            if not isinstance(answer, CommandError):
                if run in self._beside and not self.workers.chosen:
                    self._one_by_one("one failed beside others and went well by itself")
                return Measurement(*run, *answer, attempt, failed)
            failed = str(answer)
        return Measurement(*run, None, time.monotonic() - started, ATTEMPTS, failed)

    def _kept(self, run: Run) -> Measurement:
        held = self.store.get_json(self._key(*run))
        return Measurement(*run, float(held["metric"]), float(held["seconds"]), stored=True)

    def _one_by_one(self, reason: str) -> None:
        self.workers, self.alone = ALONE, reason

    def seconds_of(self, n_runs: int) -> float:
        """What so many runs are estimated to take, made side by side as far as there are workers."""
        return self.seconds * math.ceil(n_runs / self.workers.n)

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


def _timed(command: str, folder: Path, values: Mapping[str, str], seed: int, timeout: float | None, live: str) -> tuple[float, float]:
    """Make one run, wherever this is; return its metric and its seconds."""
    started = time.monotonic()
    metric = run_measure(command, folder=folder, values=values, seed=seed, timeout=timeout, live=live)
    return metric, time.monotonic() - started
