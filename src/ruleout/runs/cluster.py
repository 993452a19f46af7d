"""A cluster: runs go to the workers of a Dask scheduler that is there already. The runs of a worker that dies are given to another."""

from __future__ import annotations

import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ruleout import errors
from ruleout.errors import CommandError, EngineError, RuleoutError
from ruleout.models.ending import Leash
from ruleout.tables.engines.task import opened, packed

__all__ = ["OnCluster"]

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""How long a cluster may be without any worker until it is given up."""

LOOK_SECONDS = 1.0
"""How often one looks whether workers are still there, and a worker whether its run is still wanted."""


class OnCluster:
    """The workers of a Dask scheduler; how many runs each makes at once is what it was started with (`--nthreads`).

    Parameters
    ----------
    engine
        Whatever holds a client of the scheduler, connected, with its address.
    """

    chosen = True

    def __init__(self, engine: Any) -> None:
        self.address: str = engine.address
        self._client: Any = engine._client
        self._known = self._threads()
        self.lost = 0

    @property
    def n(self) -> int:
        """How many runs the workers that are there make at once."""
        return max(1, sum(self._known.values()))

    def each(
        self, work: Callable[..., T], asked: Sequence[tuple[Any, ...]], ended: Callable[[int, T], None] | None = None
    ) -> Iterator[T | CommandError]:
        """What `work` gives for each tuple of arguments, in their order; a command that failed comes as its error.

        Raises
        ------
        EngineError
            No worker is left, or one cannot do the work at all; the sentence says what it lacks.
        """
        self._known = self._threads()
        futures = [self._client.submit(_made, packed((work, arguments)), pure=False) for arguments in asked]
        waiting, answers = dict(enumerate(futures)), {}
        try:
            for number in range(len(futures)):
                while number in waiting:
                    for done in self._finished(waiting):
                        answers[done] = self._answer(waiting.pop(done))
                        if ended is not None and not isinstance(answers[done], CommandError):
                            ended(done, answers[done])
                yield answers.pop(number)
        finally:
            self._client.cancel(futures, force=True)
            self._look()

    def close(self) -> None:
        """The client is closed with the engine that holds it."""

    def _finished(self, waiting: dict[int, Any]) -> list[int]:
        """The numbers of runs that are over, once there are any."""
        from distributed import TimeoutError as Late
        from distributed import wait

        deserted: float | None = None
        while True:
            try:
                with self._client.as_current():
                    wait(list(waiting.values()), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
            except Late:
                deserted = None if self._look() else deserted or time.monotonic()
                if deserted is not None and time.monotonic() - deserted > PATIENCE_SECONDS:
                    raise EngineError(
                        f"{self.address}: no worker is left, so the runs were given up; start workers, and run again: what was measured "
                        "is kept."
                    ) from None
            else:
                return [number for number, future in waiting.items() if future.done()]

    def _answer(self, future: Any) -> Any:
        from distributed.scheduler import KilledWorker

        try:
            return _taken(future.result(), self.address)
        except KilledWorker as error:
            said = " ".join(str(error).split())[:200].rstrip(".")
            return CommandError(f"{self.address}: every worker that was given this run died of it ({said}).")
        except ModuleNotFoundError as error:
            raise EngineError(
                f"{self.address}: a worker has no {error.name}; install ruleout there with all that the case's commands need."
            ) from error

    def _threads(self) -> dict[str, int]:
        """How many runs each worker that is there makes at once."""
        return {name: held["nthreads"] for name, held in self._client.scheduler_info(n_workers=-1)["workers"].items()}

    def _look(self) -> int:
        """Count the workers that went away since one looked last, and return how many are there."""
        there = self._threads()
        self.lost += len(set(self._known) - set(there))
        self._known = there
        return len(there)


def _made(parcel: bytes) -> bytes:
    """Do a packed piece of work, on a worker; it is ended there where nobody wants it any more. Errors come back as sentences."""
    leash, over = Leash(), threading.Event()
    threading.Thread(target=_watch, args=(leash, over, *_own_task()), daemon=True).start()
    try:
        work, arguments = opened(parcel)
        with leash.taken():
            return pickle.dumps(("", work(*arguments)))
    except RuleoutError as error:
        kind = "CommandError" if isinstance(error, CommandError) else type(error).__name__
        return pickle.dumps((kind, f"{error} (said by a worker on {socket.gethostname()})"))
    finally:
        over.set()


def _taken(answer: bytes, address: str) -> Any:
    """What a worker's answer holds. A command's failure is an answer, anything else that a user can mend is raised."""
    kind, value = pickle.loads(answer)
    if kind == "CommandError":
        return CommandError(value)
    if kind:
        raise getattr(errors, kind, EngineError)(f"{address}: {value}")
    return value


def _own_task() -> tuple[Any, str]:
    """The tasks of the worker that this runs on, and the key of the one at hand."""
    from distributed import get_worker
    from distributed.worker import thread_state

    return get_worker().state.tasks, str(thread_state.key)


def _watch(leash: Leash, over: threading.Event, tasks: Any, key: str) -> None:
    """End a run that the scheduler has taken back."""
    while not over.wait(LOOK_SECONDS):
        held = tasks.get(key)
        if held is None or held.state in ("cancelled", "released", "forgotten"):
            leash.pull()
            return
