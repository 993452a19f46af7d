"""What one worker is asked in one go, and the one check that every answer passes: as many rows came as were sent, each once."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from ruleout import errors
from ruleout.errors import EngineError, RuleoutError

if TYPE_CHECKING:
    from ruleout.tables.engines.exchange import Finish, Split
    from ruleout.tables.source import Source

__all__ = ["Answer", "Engine", "Task", "asked", "opened", "packed", "refused", "unpacked", "worked"]

Answer = tuple[int, int, Any]
"""The task's number, the rows that were read for it, and what they say."""


@dataclass(frozen=True)
class Task:
    """A part of a table and what is to be found out about it.

    Parameters
    ----------
    work
        A function of a module of ruleout; it takes the source and the arguments, and gives the rows that it saw and what they say.
    source
        The rows: in memory, or files that a worker opens itself.
    arguments
        What else the function takes; it travels with the task.
    n_rows
        Rows that the function must have seen, a row once for every column that is looked at by itself.
    wide
        Many columns are decoded at once: this machine does one such task at a time.
    """

    work: Callable[..., tuple[int, Any]]
    source: Source
    arguments: tuple[Any, ...]
    n_rows: int
    wide: bool = False

    def __call__(self) -> tuple[int, Any]:
        """The rows that were seen, and what they say."""
        return self.work(self.source, *self.arguments)


class Engine(Protocol):
    """Whatever carries tasks to workers and answers back. A task may run twice, where a worker died; its answer comes once."""

    @property
    def address(self) -> str:
        """How errors call it."""
        ...

    @property
    def here(self) -> bool:
        """Whether its workers share this process's memory."""
        ...

    @property
    def n_columns(self) -> int:
        """Columns that one task looks at, so that opening a file is not what it mostly does."""
        ...

    def answers(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """The answers in the order of their tasks."""
        ...

    def gathered(self, splits: Sequence[Split], finish: Finish) -> Iterator[Answer]:
        """What was made of the pieces of every place that has some, in the order of the places; all parts are cut before the first."""
        ...

    def close(self) -> None:
        """Leave the workers."""
        ...


def asked(engine: Engine, tasks: Sequence[Task], said: str) -> Iterator[Any]:
    """What each task found, in the order of the tasks; nothing is taken from an answer that lacks a row.

    Parameters
    ----------
    engine
        Who is asked.
    tasks
        The parts of a table, each with the number of its rows.
    said
        How errors call the table.

    Raises
    ------
    EngineError
        A part was answered not at all, twice, or with another number of rows than it has.
    """
    wanted, n_answers = len(tasks), 0
    for number, n_rows, value in engine.answers(tasks):
        if number < n_answers:
            raise _lost(said, engine, f"answered part {number + 1:,} of {wanted:,} twice")
        if number > n_answers:
            break
        if n_rows != tasks[number].n_rows:
            raise _lost(said, engine, f"gave {n_rows:,} rows, expected {tasks[number].n_rows:,}, for part {number + 1:,} of {wanted:,}")
        n_answers += 1
        yield value
    if n_answers != wanted:
        raise _lost(said, engine, f"gave no answer for part {n_answers + 1:,} of {wanted:,}")


def _lost(said: str, engine: Engine, what: str) -> EngineError:
    return EngineError(
        f"{said}: {engine.address} {what}; nothing is said from a part of a table: run again when nothing writes the files, "
        "and see the engine's log where it comes again."
    )


def packed(task: Any) -> bytes:
    """A task, or a part of other work, as a worker in another process takes it, with the version of ruleout that it must have."""
    return pickle.dumps((version("ruleout"), pickle.dumps(task)))


def opened(parcel: bytes) -> Any:
    """What was packed, on a worker.

    Raises
    ------
    EngineError
        The worker has another version of ruleout.
    """
    wanted, inner = pickle.loads(parcel)
    here = version("ruleout")
    if here != wanted:
        raise EngineError(f"{socket.gethostname()} has ruleout {here}, expected {wanted} as here; install the same on every worker.")
    return pickle.loads(inner)


def refused(error: RuleoutError) -> bytes:
    """A sentence for the user, packed as an answer: an exception would only have the engine try again."""
    return pickle.dumps((type(error).__name__, str(error)))


def worked(task: bytes) -> bytes:
    """Do a packed task, on a worker. What the user can mend comes back as a sentence."""
    try:
        n_rows, value = opened(task)()
    except RuleoutError as error:
        return refused(error)
    return pickle.dumps((n_rows, value))


def unpacked(answer: bytes, address: str) -> tuple[int, Any]:
    """The rows and what they say, from a worker's answer; the sentence that came in their place is raised. No address is this process."""
    first, second = pickle.loads(answer)
    if isinstance(first, str):
        kind: type[RuleoutError] = getattr(errors, first, EngineError)
        raise kind(f"{second} (said by a worker of {address})" if address else second)
    return first, second
