"""Who makes runs that need not wait for each other, by what `--workers` says: a number of them here, or a Dask scheduler's address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ruleout.errors import CaseError, CommandError
from ruleout.runs.here import Here, cores

__all__ = ["ALONE", "Workers", "check_workers", "open_workers"]

T = TypeVar("T")

_NUMBER = re.compile(r"\d{1,4}")


class Workers(Protocol):
    """Whoever makes independent runs."""

    @property
    def n(self) -> int:
        """How many are made at once."""
        ...

    @property
    def chosen(self) -> bool:
        """Whether the user said how many."""
        ...

    @property
    def address(self) -> str:
        """Where they are made; "" on this machine."""
        ...

    @property
    def lost(self) -> int:
        """Workers that went away in the middle of the work, whose runs others made."""
        ...

    def each(
        self, work: Callable[..., T], asked: Sequence[tuple[Any, ...]], ended: Callable[[int, T], None] | None = None
    ) -> Iterator[T | CommandError]:
        """What `work` gives for each tuple of arguments, in their order; a command that failed comes as its error.

        `ended` is called in this process with the number and the answer of each as soon as it is there, whatever the order.
        """
        ...

    def close(self) -> None:
        """Leave them."""
        ...


ALONE: Workers = Here(1)
"""One run at a time."""


def check_workers(value: int | str | None) -> int | str | None:
    """A number of workers, the address of a Dask scheduler, or None; what a command line says as a string is read.

    Raises
    ------
    CaseError
        It is none of these.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    address = isinstance(value, str) and (value == "dask" or value.startswith(("tcp://", "tls://")))
    if value is None or address or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise CaseError(
        f"workers: {value!r}, expected how many runs are made at once (1, 2, …), or the address of a Dask scheduler that makes them "
        "(tcp://host:8786, or dask for the one that DASK_SCHEDULER_ADDRESS names)."
    )


def open_workers(value: int | str | None = None) -> Workers:
    """Those who make runs.

    Parameters
    ----------
    value
        How many at once on this machine, or the address of a Dask scheduler: `tcp://host:port`, or `dask` for this process's client,
        else the one that Dask's configuration names. None is as many as there are processors.

    Raises
    ------
    CaseError
        It is neither.
    EngineError
        No scheduler answers there, or it has no worker.
    MissingExtra
        distributed is not installed.
    """
    value = check_workers(value)
    if value is None:
        return Here(cores(), chosen=False)
    if isinstance(value, int):
        return Here(value)
    from ruleout.runs.cluster import OnCluster
    from ruleout.tables.engines import open_engine

    return OnCluster(open_engine(value))
