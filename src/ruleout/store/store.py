"""A local store of results by key: safe against kills, against other writers, against strangers, and bounded in size."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "Store", "default_place"]

MOST_BYTES = 2 * 2**30
"""Beyond this, results that were not asked for the longest time go."""

LARGEST_PART = 0.25
"""A result that would take a larger part of the store is not kept."""

KEPT_PART = 0.9
"""So much of the bound stays when it is passed, so that not every result makes another one go."""

PATIENCE_SECONDS = 5.0
"""How long another writer is waited for."""

STALE_SECONDS = 60.0
"""A result that was asked for is noted as such again after this long."""

FORMAT = 1
"""Kept results of another format are another store's."""


def default_place() -> Path | None:
    """Where results are kept: `$RULEOUT_CACHE` ("off": nowhere), else `$XDG_CACHE_HOME/ruleout/results`, by default below `~/.cache`."""
    said = os.environ.get("RULEOUT_CACHE")
    if said:
        return None if said.lower() == "off" else Path(said)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ruleout" / "results"


class Store:
    """Bytes by key in one SQLite file (write-ahead log: what was kept before a kill is whole, and several may write).

    A place that cannot be written to keeps nothing, and one whose files another user could have written is not read: `closed` says why.
    Nothing in here is ever unpickled.

    Parameters
    ----------
    place
        The folder; made when the first result is kept. None keeps nothing.
    most_bytes
        Bound on the size of all results.
    """

    def __init__(self, place: Path | None, *, most_bytes: int = MOST_BYTES) -> None:
        self.path = None if place is None else place / f"results-{FORMAT}.sqlite"
        self.most_bytes = most_bytes
        self.closed = ""
        self._lock = threading.RLock()
        self._base: sqlite3.Connection | None = None

    def get(self, key: str) -> bytes | None:
        """What is kept under a key; None where nothing is."""
        with self._lock, self._tried():
            base = self._opened(make=False)
            if base is None:
                return None
            row = base.execute("SELECT value, used FROM kept WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if time.time() - row[1] > STALE_SECONDS:
                with self._tried():
                    base.execute("UPDATE kept SET used = ? WHERE key = ?", (time.time(), key))
            return bytes(row[0])
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value under a key, in the place of what was there."""
        if self.path is None or len(value) > LARGEST_PART * self.most_bytes:
            return
        with self._lock, self._tried():
            base = self._opened(make=True)
            if base is not None:
                base.execute(
                    "INSERT OR REPLACE INTO kept (key, size, used, value) VALUES (?, ?, ?, ?)", (key, len(value), time.time(), value)
                )
                self._keep_within(base)

    def get_json(self, key: str) -> Any:
        """What `put_json` kept; None where nothing is, or it is none."""
        held = self.get(key)
        try:
            return None if held is None else json.loads(held)
        except ValueError:
            return None

    def put_json(self, key: str, value: Any) -> None:
        """Keep what JSON can say."""
        self.put(key, json.dumps(value).encode())

    def forget(self, prefix: str) -> None:
        """Let go of everything whose key begins so."""
        with self._lock, self._tried():
            base = self._opened(make=False)
            if base is not None:
                base.execute("DELETE FROM kept WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock, self._tried():
            base, self._base = self._base, None
            if base is not None:
                base.close()

    # Private ----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _tried(self) -> Any:
        """A store that fails is no store: what it would have held is worked out again."""
        try:
            yield
        except sqlite3.OperationalError as error:
            # Locked for too long, a full disk, a folder that is not ours to write: only this one thing is not kept.
            self.closed = self.closed or f"{self.path}: {error}"
        except (sqlite3.DatabaseError, OSError) as error:
            self.closed, self.path, self._base = f"{self.path}: {error}", None, None

    def _opened(self, *, make: bool) -> sqlite3.Connection | None:
        if self._base is not None or self.path is None:
            return self._base
        if not self.path.exists() and not make:
            return None
        if make:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _own(self.path)
        try:
            self._base = _connected(self.path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            # Damaged beyond reading: a store of results can always begin anew.
            for file in _files(self.path):
                file.unlink(missing_ok=True)
            self._base = _connected(self.path)
        return self._base

    def _keep_within(self, base: sqlite3.Connection) -> None:
        (total,) = base.execute("SELECT coalesce(sum(size), 0) FROM kept").fetchone()
        if total <= self.most_bytes:
            return
        gone = []
        for key, size in base.execute("SELECT key, size FROM kept ORDER BY used, rowid"):
            if total <= KEPT_PART * self.most_bytes:
                break
            gone.append((key,))
            total -= size
        base.executemany("DELETE FROM kept WHERE key = ?", gone)


def _connected(path: Path) -> sqlite3.Connection:
    old = os.umask(0o077)
    try:
        base = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    finally:
        os.umask(old)
    try:
        _write_ahead(base)
        base.execute("PRAGMA synchronous = NORMAL")
        base.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, size INTEGER, used REAL, value BLOB)")
        base.execute("CREATE INDEX IF NOT EXISTS kept_used ON kept (used, size, key)")
    except BaseException:
        base.close()
        raise
    return base


def _write_ahead(base: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; SQLite itself does not wait for another that is turning it on just now."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            base.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _files(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + ending) for ending in ("", "-wal", "-shm"))


def _own(path: Path) -> None:
    """Raise `PermissionError` where another user could have written what lies there: artifacts among it are opened again."""
    if not hasattr(os, "getuid"):
        return
    for file in _files(path):
        with contextlib.suppress(FileNotFoundError):
            found = file.lstat()
            if found.st_uid != os.getuid() or found.st_mode & 0o022:
                raise PermissionError(f"{file} can be written by others, so nothing is taken from it; delete it or `chmod go-w` it")
