"""Dask: tasks go to the workers of a scheduler that runs already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ruleout.errors import EngineError, MissingExtra
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

    def _result(self, future: Any) -> bytes:
        try:
            answer: bytes = future.result()
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
