"""Dask: tasks go to the workers of a scheduler that runs already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ruleout.errors import EngineError, MissingExtra
from ruleout.tables.engines.exchange import Finish, Piece, Split, brought_together, cut
from ruleout.tables.engines.task import Answer, Task, packed, unpacked, worked

__all__ = ["Dask", "open_dask"]

_PATIENCE_SECONDS = 10


class Dask:
    """A client of a scheduler. A task of a worker that dies is given to another one by the scheduler.

    Parameters
    ----------
    address
        How errors call it.
    client
        A `distributed.Client`.
    """

    here = False
    n_columns = 8

    def __init__(self, address: str, client: Any) -> None:
        self.address = address
        self._client = client

    def answers(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """The answers in the order of their tasks, each let go on the cluster once it is here."""
        futures = [self._client.submit(worked, packed(task), pure=False) for task in tasks]
        try:
            for number in range(len(futures)):
                answer = self._result(futures[number])
                futures[number].release()
                yield number, *unpacked(answer, self.address)
        finally:
            self._client.cancel(futures, force=True)

    def gathered(self, splits: Sequence[Split], finish: Finish) -> Iterator[Answer]:
        """The same for the places of an exchange; pieces wait on the workers, which spill them to their disks."""
        cuts = [self._client.submit(_cut, packed(split), number, pure=False) for number, split in enumerate(splits)]
        ends: dict[int, Any] = {}
        try:
            found = [self._client.submit(sorted, pieces, pure=False) for pieces in cuts]
            places = sorted({place for future in found for place in self._result(future)})
            parcel = packed(finish)
            for place in places:
                pieces = [self._client.submit(_placed, held, place, pure=False) for held in cuts]
                ends[place] = self._client.submit(_finished, parcel, pieces, pure=False)
            # What was cut is let go of on the cluster as soon as the last place has its pieces.
            cuts.clear()
            for place in places:
                answer = self._result(ends[place])
                ends[place].release()
                yield place, *unpacked(answer, self.address)
        finally:
            self._client.cancel([*cuts, *ends.values()], force=True)

    def _result(self, future: Any) -> Any:
        try:
            answer = future.result()
        except ModuleNotFoundError as error:
            raise EngineError(
                f"{self.address}: a worker has no {error.name}; install ruleout, numpy and pyarrow there, in the versions of this machine."
            ) from error
        except Exception as error:
            # Whatever befell the cluster comes as an exception of its own: KilledWorker, CommClosedError, CancelledError, …
            first = " ".join(str(error).split())[:300].rstrip(".")
            raise EngineError(
                f"{self.address}: the work was given up ({type(error).__name__}: {first}); see that its scheduler and workers run."
            ) from error
        return answer

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()


def _cut(split: bytes, number: int) -> dict[int, list[Piece]]:
    """The pieces of a part by place."""
    placed: dict[int, list[Piece]] = {}
    for place, piece in cut(split, number):
        placed.setdefault(place, []).append(piece)
    return placed


def _placed(pieces: dict[int, list[Piece]], place: int) -> list[Piece]:
    return pieces.get(place, [])


def _finished(finish: bytes, pieces: list[list[Piece]]) -> bytes:
    return brought_together(finish, [piece for some in pieces for piece in some])


def open_dask(address: str) -> Dask:
    """The scheduler at `tcp://host:port` or, for plain `dask`, the one that this process or Dask's configuration names.

    Raises
    ------
    MissingExtra
        distributed is not installed.
    EngineError
        No scheduler answers there, or it has no worker.
    """
    try:
        import dask
        from distributed import Client, default_client
    except ImportError as error:
        raise MissingExtra(f"engine {address}: needs Dask, which is not installed: pip install 'ruleout[dask]'.") from error
    said = address
    if address == "dask":
        try:
            return Dask(address, default_client())
        except ValueError:
            said = dask.config.get("scheduler-address", "")
        if not said:
            raise EngineError("engine dask: no scheduler is named; give its address, as in tcp://host:8786, or set DASK_SCHEDULER_ADDRESS.")
    try:
        client = Client(said, timeout=_PATIENCE_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"engine {address}: no Dask scheduler answers at {said} within {_PATIENCE_SECONDS} seconds; "
            "see that it runs and is reached from here."
        ) from error
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise EngineError(f"engine {address}: the scheduler has no worker, expected at least one; start some (dask worker {said}).")
    return Dask(said, client)
