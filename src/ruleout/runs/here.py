"""Here: runs are made side by side on this machine.

A run is a process already (a command, or the child that fits a clone), with its own session, limits and sandbox. A thread for each that
waits is all that is needed; another pool of processes around them would have to be guarded in the same way once more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ruleout.errors import CommandError
from ruleout.models.ending import Leash

__all__ = ["Here", "cores"]

T = TypeVar("T")

WAKE_SECONDS = 0.2
"""How long an interrupt may go unheard."""


class Here:
    """So many runs at once on this machine; with one, each begins when the one before it has been taken.

    Parameters
    ----------
    n
        How many at once.
    chosen
        Whether the user said so; else runs that disturb each other are made one after the other after all.
    """

    address = ""
    lost = 0

    def __init__(self, n: int, *, chosen: bool = True) -> None:
        self.n, self.chosen = n, chosen

    def each(
        self, work: Callable[..., T], asked: Sequence[tuple[Any, ...]], ended: Callable[[int, T], None] | None = None
    ) -> Iterator[T | CommandError]:
        """What `work` gives for each tuple of arguments, in their order; a command that failed comes as its error.

        Whatever else is raised, an interrupt first of all, ends every run that is still under way.
        """

        def made(number: int) -> T | CommandError:
            try:
                answer = work(*asked[number])
            except CommandError as error:
                return error
            if ended is not None:
                ended(number, answer)
            return answer

        if min(self.n, len(asked)) < 2:
            yield from (made(number) for number in range(len(asked)))
            return
        from concurrent.futures import Future, ThreadPoolExecutor, wait

        n_at_once = min(self.n, len(asked))
        leash = Leash(max(1, cores() // n_at_once))

        def run(number: int) -> T | CommandError:
            with leash.taken():
                return made(number)

        with ThreadPoolExecutor(n_at_once, thread_name_prefix="ruleout-run") as pool:
            under_way: list[Future[T | CommandError]] = []
            try:
                # An interrupt may come before the last one is begun.
                under_way.extend(pool.submit(run, number) for number in range(len(asked)))
                for future in under_way:
                    # A signal may reach another thread: the one that waits must wake to hear of it.
                    while not wait([future], timeout=WAKE_SECONDS).done:
                        pass
                    yield future.result()
            finally:
                # Nothing is left to do unless the runs were broken off.
                for future in under_way:
                    future.cancel()
                leash.pull()

    def close(self) -> None:
        """Nothing is held open."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
