"""Ahead: runs of `[run] train` that are made before they are asked for, so that those that need not wait for each other run at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruleout.errors import CommandError
from ruleout.models import wire
from ruleout.models.command import ConfigFormat, new_room, run_train
from ruleout.models.kept import artifact_bytes, artifact_from
from ruleout.store import key_of
from ruleout.tables.table import Table

__all__ = ["Ahead", "Training", "brought", "sent", "trained_here", "trained_there"]


@dataclass(frozen=True)
class Training:
    """What one run of `[run] train` is given."""

    table: Table
    config: Mapping[str, Any] | None
    seed: int | None
    suffix: str
    config_format: ConfigFormat

    @property
    def key(self) -> str:
        """A name for it, within one investigation."""
        return key_of(self.table.fingerprint, self.config, self.seed, self.suffix, self.config_format)


@dataclass(frozen=True)
class Ahead:
    """What a run ahead came to: the model that it wrote and how long it took, or what it failed of."""

    path: Path | None = None
    seconds: float = 0.0
    failed: CommandError | None = None

    def taken(self) -> Path:
        """The model's file or folder; raises the error of a run that failed, as the run itself would."""
        if self.path is None:
            raise self.failed or CommandError("[run] train: it was run ahead and left nothing.")
        return self.path


def trained_here(command: str, folder: Path, training: Training, timeout: float | None, live: str) -> Ahead:
    """Train on this machine; errors as those of `run_train`."""
    started = time.monotonic()
    path = run_train(
        command,
        folder=folder,
        table=training.table,
        config=training.config,
        seed=training.seed,
        timeout=timeout,
        suffix=training.suffix,
        config_format=training.config_format,
        live=live,
    )
    return Ahead(path, time.monotonic() - started)


def trained_there(
    command: str, folder: Path, rows: bytes, named: tuple[str, str], given: tuple[Any, ...], timeout: float | None
) -> tuple[bytes | None, float]:
    """Train on a worker of a cluster, whose files are not this machine's; return the artifact's bytes, None where it is too large.

    Parameters
    ----------
    rows, named
        The table as `packed` gives it, its name and its origin.
    given
        Configuration, seed, suffix and format of the configuration.
    """
    table = Table(wire.unpack_table(rows), name=named[0], origin=named[1])
    ahead = trained_here(command, folder, Training(table, *given), timeout, "")
    return artifact_bytes(ahead.taken()), ahead.seconds


def sent(training: Training) -> tuple[bytes, tuple[str, str], tuple[Any, ...]]:
    """What `trained_there` is given of a training."""
    table = training.table
    rest = (None if training.config is None else dict(training.config), training.seed, training.suffix, training.config_format)
    return wire.pack_table(table.arrow), (table.name, table.origin), rest


def brought(answer: tuple[bytes | None, float], training: Training) -> Ahead | None:
    """What came back from `trained_there`, written to a room of its own; None where it was too large to come."""
    path = new_room() / f"model{training.suffix}"
    return Ahead(path, answer[1]) if artifact_from(answer[0], path) else None
