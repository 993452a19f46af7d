"""Threads of this process: the engine where none is named."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from ruleout.errors import TableError
from ruleout.tables.engines.exchange import Finish, Piece, Split, brought_together, cut
from ruleout.tables.engines.task import Answer, Task, unpacked

__all__ = ["THREADS", "Threads"]

_FEW_ROWS = 20_000
"""Below this starting threads costs more than it saves."""


_HEAD = struct.Struct("<qqqq")


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

    def gathered(self, splits: Sequence[Split], finish: Finish) -> Iterator[Answer]:
        """The same for the places of an exchange; their pieces wait in temporary files (`TMPDIR` says where)."""
        from concurrent.futures import ThreadPoolExecutor

        with TemporaryDirectory(prefix="ruleout-exchange-", ignore_cleanup_errors=True) as folder, ThreadPoolExecutor(_cores()) as pool:
            shelf = _Shelf(Path(folder))
            list(pool.map(shelf.filled, splits, range(len(splits))))
            places = shelf.places
            for place, answer in zip(places, pool.map(lambda place: brought_together(finish, shelf.pieces(place)), places), strict=True):
                yield place, *unpacked(answer, "")

    def close(self) -> None:
        """Nothing is held open."""


class _Shelf:
    """Pieces on disk, a file for each place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    @property
    def places(self) -> list[int]:
        """The places that have a piece, in their order."""
        return sorted(int(path.name) for path in self._folder.iterdir())

    def filled(self, split: Split, number: int) -> None:
        """Cut a part, and put every piece where it belongs."""
        for place, (part, at, n_rows, content) in cut(split, number):
            try:
                with self._lock, (self._folder / str(place)).open("ab") as file:
                    file.write(_HEAD.pack(part, at, n_rows, len(content)))
                    file.write(content)
            except OSError as error:
                raise TableError(
                    f"{self._folder}: rows that are held against each other cannot be written here ({error}); name a folder with room for "
                    "them in TMPDIR."
                ) from error

    def pieces(self, place: int) -> list[Piece]:
        """The pieces of one place, whose file goes with them."""
        path, found = self._folder / str(place), []
        with path.open("rb") as file:
            while head := file.read(_HEAD.size):
                part, at, n_rows, size = _HEAD.unpack(head)
                found.append((part, at, n_rows, file.read(size)))
        path.unlink()
        return found


def _cores() -> int:
    """Processors that this process may use. Arrow's own count follows OMP_NUM_THREADS, which is there for the arithmetic libraries."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


THREADS = Threads()
