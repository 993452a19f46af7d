"""Files that lie elsewhere: object stores and whatever else fsspec reaches (`s3://`, `gs://`, `az://`, `https://`, `memory://`, …)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from ruleout.errors import MissingExtra, TableError
from ruleout.tables.addresses import shown_address

__all__ = ["RemoteFile", "find_remote"]


_ARROW = ("s3", "gs", "gcs")
"""Stores that Arrow reaches by itself, with the credentials that their own tools use."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a file system that fsspec knows.

    Parameters
    ----------
    filesystem
        Where it lies; it can be opened from several threads.
    path
        Its path there.
    said
        How findings and errors call it.
    """

    filesystem: Any
    path: str
    said: str

    def __str__(self) -> str:
        return self.said

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.path).suffix

    @property
    def size(self) -> int | None:
        """Its bytes; None where the store does not say."""
        with _reached(self.said):
            size: int | None = self.filesystem.size(self.path)
        return size

    def open(self) -> Any:
        """The file's bytes, fetched as they are asked for."""
        return self.filesystem.open(self.path, "rb")

    @contextmanager
    def streamed(self) -> Iterator[_Read]:
        """The file's bytes from its beginning, fetched as they are read; a store that fails in the middle is a sentence, too."""
        with _reached(self.said):
            held = self.open()
        stream = _Read(held, self.said)
        try:
            yield stream
        finally:
            stream.close()
            held.close()

    @contextmanager
    def fetched(self) -> Iterator[Path]:
        """A copy on this machine under the same name, for readers that need the whole file; it goes afterwards."""
        with tempfile.TemporaryDirectory(prefix="ruleout-fetched-", ignore_cleanup_errors=True) as folder:
            copy = Path(folder) / self.name
            with _reached(self.said):
                self.filesystem.get_file(self.path, str(copy))
            try:
                yield copy
            except TableError as error:
                raise type(error)(str(error).replace(str(copy), self.said)) from error


class _Read:
    """An open file that is read forward, whose errors say where it lies. Once it is closed nothing is read of it any more.

    Arrow's readers read ahead on threads of their own, which may go on after the reader was closed. Some file systems hand the same object
    out at the next opening, whose place in the file such a thread would move.
    """

    def __init__(self, held: Any, said: str) -> None:
        self._held = held
        self._said = said
        self._lock = Lock()
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        with self._lock, _reached(self._said):
            return b"" if self.closed else bytes(self._held.read(size))

    def close(self) -> None:
        """Read no more."""
        with self._lock:
            self.closed = True


def find_remote(address: str) -> tuple[list[RemoteFile], int]:
    """The file at an address, the files that its pattern matches or, of a folder, all in it, in alphabetical order.

    Returns
    -------
    The files, and from which character of their paths on folders may say partition values.

    Raises
    ------
    TableError
        There is none, or the store cannot be reached.
    MissingExtra
        fsspec, or what it needs for this scheme, is not installed.
    """
    said = shown_address(address)
    scheme = address.split("://", 1)[0]
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra(f"{said}: reading {scheme}:// needs fsspec, which is not installed: pip install 'ruleout[remote]'.") from error
    with _reached(said):
        try:
            filesystem, path = _by_arrow(address) if scheme in _ARROW else fsspec.core.url_to_fs(address)
        except ImportError as error:
            raise MissingExtra(f"{said}: reading {scheme}:// needs more than is installed ({str(error).rstrip('.')}).") from error
        path, start = str(path).rstrip("/"), len(str(path).rstrip("/"))
        if any(sign in path for sign in "*?["):
            paths = [found for found in filesystem.glob(path) if not filesystem.isdir(found)]
            fixed = path[: min(path.index(sign) for sign in "*?[" if sign in path)]
            start = fixed.rfind("/") + 1
        elif filesystem.isfile(path):
            paths = [path]
        else:
            paths = [found for found in filesystem.find(path) if not PurePosixPath(found).name.startswith(("_", "."))]
    if not paths:
        raise TableError(f"{said}: there is no file, expected at least one; check the address and the spelling.")
    return [RemoteFile(filesystem, str(found), f"{scheme}://{str(found).lstrip('/')}") for found in sorted(map(str, paths))], start


def _by_arrow(address: str) -> tuple[Any, str]:
    """A store that Arrow reaches by itself, as fsspec shows file systems, and the path in it."""
    import pyarrow.fs
    from fsspec.implementations.arrow import ArrowFSWrapper

    parts = urlsplit(address)
    # The path may be a pattern, which no address can hold: Arrow is asked for the bucket alone.
    options = f"?{parts.query}" if parts.query else ""
    store, bucket = pyarrow.fs.FileSystem.from_uri(f"{parts.scheme}://{parts.netloc}{options}")
    return ArrowFSWrapper(store), bucket + parts.path


@contextmanager
def _reached(said: str) -> Iterator[None]:
    """Turn what a store says into one sentence."""
    try:
        yield
    except (TableError, MissingExtra):
        raise
    except Exception as error:
        # Every store raises errors of its own, from libraries that are not loaded here.
        first = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
        raise TableError(f"{said}: cannot be read ({first[:300]}); check the address, the network and your rights.") from error
