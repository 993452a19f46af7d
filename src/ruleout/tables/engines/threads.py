"""Threads of this process: the engine where none is named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ruleout.tables.engines.task import Answer, Task

__all__ = ["THREADS", "Threads"]

_FEW_ROWS = 20_000
"""Below this starting threads costs more than it saves."""


class Threads:
    """A pool of as many threads as there are cores; files are opened once, and nothing is copied."""

    address = "threads"
    here = True
    n_columns = 1

    def answers(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """The answers in the order of their tasks."""
        n_threads = min(len(tasks), _cores())
        if n_threads < 2 or any(task.wide for task in tasks) or max(task.n_rows for task in tasks) <= _FEW_ROWS:
            for number, task in enumerate(tasks):
                yield number, *task()
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(n_threads) as pool:
            for number, answer in enumerate(pool.map(Task.__call__, tasks)):
                yield number, *answer

    def close(self) -> None:
        """Nothing is held open."""


def _cores() -> int:
    """Processors that this process may use. Arrow's own count follows OMP_NUM_THREADS, which is there for the arithmetic libraries."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


THREADS = Threads()
