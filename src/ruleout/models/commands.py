"""A case's commands as a careful engineer runs them: with patience, again where they fail, and with a note of every run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ruleout.errors import CommandError
from ruleout.models.ahead import Ahead, Training
from ruleout.models.artifact import Artifact
from ruleout.models.command import ConfigFormat, new_room, placeholders, run_predict, run_train, table_suffix
from ruleout.models.kept import artifact_bytes, artifact_from, prediction_bytes, prediction_from
from ruleout.models.model import Prediction
from ruleout.models.running import TookTooLong
from ruleout.store import Store, command_key, key_of, surroundings
from ruleout.tables.table import Table

__all__ = ["PATIENCE_SECONDS", "RETRIES", "Commands", "Ran"]

PATIENCE_SECONDS = 3600.0
"""How long one run of a command may take where the case does not say."""

RETRIES = 1
"""How many times a run that fails is tried again where the case does not say."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ran:
    """One run of a command.

    Parameters
    ----------
    field
        `train` or `predict`.
    seconds
        What it took, all attempts together.
    attempts
        How many times it was started.
    failed
        What the last attempt that failed said; "" where none did.
    succeeded
        Whether the last attempt went well.
    """

    field: str
    seconds: float
    attempts: int = 1
    failed: str = ""
    succeeded: bool = True

    @property
    def flaky(self) -> bool:
        """Whether it failed and went well when it was tried again."""
        return self.succeeded and bool(self.failed)


class Commands:
    """Runs `[run] train` and `predict`; the caller has made sure that the case is trusted.

    Parameters
    ----------
    train, predict
        Command lines, as in `case.toml`; None where there is none.
    folder
        Where they run.
    timeout
        Seconds that one run may take; None is an hour.
    retries
        How many times a run that fails is tried again. One that took too long is not, and a command that has failed every time
        so far is started once only.
    live
        Show what they print while they run.
    store
        Where what they wrote is kept from one investigation to the next; None keeps nothing.
    draw
        The investigation's seed: what a program that no seed reaches gave under another one is not taken for it.
    """

    def __init__(
        self,
        *,
        train: str | None = None,
        predict: str | None = None,
        folder: Path,
        timeout: float | None = None,
        retries: int = RETRIES,
        live: bool = False,
        store: Store | None = None,
        draw: int = 0,
    ) -> None:
        self.lines: Mapping[str, str | None] = {"train": train, "predict": predict}
        self.folder = folder
        self.timeout = PATIENCE_SECONDS if timeout is None else timeout
        self.retries = retries
        self.live = live
        self.store = store or Store(None)
        self.draw = draw
        self.made: list[Ran] = []
        self.kept: list[Ran] = []
        self._content: dict[str, str] = {}
        self.ahead: dict[str, Ahead] = {}
        self.watched, self.alone = False, ""

    def train(
        self,
        table: Table,
        config: Mapping[str, Any] | None,
        *,
        seed: int | None = None,
        suffix: str = ".joblib",
        config_format: ConfigFormat = "json",
        starting: Callable[[], None] | None = None,
        limit: float = math.inf,
    ) -> Path:
        """The model file or folder that `[run] train` writes, or wrote for the same rows, settings, seed and code before.

        Parameters and errors as `run_train`; `starting` is called before it is run, and not where what it wrote was kept. It is ended
        after `limit` seconds where that is less than its time-out.
        """
        command = self._line("train")
        training = Training(table, config, seed, suffix, config_format)
        key, ahead = self._training_key(training), self.ahead.pop(training.key, None)
        room = new_room()
        if ahead is None and artifact_from(self.store.get(key), room / f"model{suffix}"):
            self._from_store("train", key)
            return room / f"model{suffix}"
        if starting is not None:
            starting()

        def once(live: str) -> Path:
            nonlocal ahead
            if ahead is not None:
                made, ahead = ahead, None
                return made.taken()
            return run_train(
                command,
                folder=self.folder,
                table=table,
                config=config,
                seed=seed,
                timeout=min(self.timeout, limit),
                suffix=suffix,
                config_format=config_format,
                live=live,
            )

        spent = ahead.seconds if ahead is not None else 0.0
        path = self._patiently("train", once)
        self.made[-1] = replace(self.made[-1], seconds=self.made[-1].seconds + spent)
        written = artifact_bytes(path)
        if written is not None:
            self._keep(key, written)
        return path

    def predict(self, model: Path, table: Table, config: Mapping[str, Any] | None = None, *, seed: int | None = None) -> Prediction:
        """The answers that `[run] predict` writes, or wrote for the same model and rows before; parameters and errors as `run_predict`."""
        command = self._line("predict")
        key = self._key("predict", self._artifact(model), table_suffix(table), table.fingerprint, config, seed)
        held = prediction_from(self.store.get(key), table.n_rows)
        if held is not None:
            self._from_store("predict", key)
            return held[0]

        def once(live: str) -> Prediction:
            return run_predict(
                command, folder=self.folder, model=model, table=table, config=config, seed=seed, timeout=self.timeout, live=live
            )

        answer = self._patiently("predict", once)
        self._keep(key, prediction_bytes(answer))
        return answer

    # What was trained before it is asked for -------------------------------------------------------------------------

    def holds(self, training: Training) -> bool:
        """Whether what a training would write was kept."""
        return self.store.get(self._training_key(training)) is not None

    def hand(self, training: Training, ahead: Ahead | None) -> None:
        """Take what a training that was made ahead came to; `train` finds it when it is asked for it. It is kept at once."""
        if ahead is None:
            return
        self.ahead[training.key] = ahead
        written = artifact_bytes(ahead.path) if ahead.path is not None and self.store.path is not None else None
        if written is not None:
            key = self._training_key(training)
            self.store.put_json(f"{key}-said", {"seconds": round(ahead.seconds, 3), "attempts": 1, "failed": ""})
            self.store.put(key, written)

    def hopeless(self, field: str) -> bool:
        """Whether a command has failed every time so far."""
        earlier = [run for run in self.made if run.field == field]
        return bool(earlier) and not any(run.succeeded for run in earlier)

    def _training_key(self, training: Training) -> str:
        # Where no seed reaches the program, each of the investigation's own is another draw.
        draw = None if "seed" in placeholders(self._line("train")) else self.draw
        table = training.table
        return self._key(
            "train", table_suffix(table), table.fingerprint, training.config, training.seed, draw, training.suffix, training.config_format
        )

    @property
    def n_flaky(self) -> int:
        """Runs that failed at first and went well when they were tried again, now or when what they wrote was kept."""
        return sum(1 for run in (*self.made, *self.kept) if run.flaky)

    def told(self) -> str:
        """A sentence on the commands that are flaky; "" where none is."""
        sentences = []
        for field in self.lines:
            runs = [run for run in (*self.kept, *self.made) if run.field == field]
            flaky = [run for run in runs if run.flaky]
            if flaky:
                said = flaky[-1].failed.split(": ", 1)[-1].rstrip(".")
                counted = f"{len(flaky):,} of its {len(runs):,} runs failed at first and went well when tried again"
                sentences.append(f"[run] {field} is flaky: {counted} ({said}).")
        return " ".join(sentences)

    def _line(self, field: str) -> str:
        line = self.lines[field]
        if line is None:
            raise CommandError(f'case.toml [run]: no {field} command; add {field} = "…".')
        return line

    def _key(self, field: str, *parts: Any) -> str:
        """What a run is made from: the command, the code and files that it may read, what runs here, and what is filled in."""
        if self.store.path is None:
            return ""
        if field not in self._content:
            self._content[field] = key_of(surroundings(), command_key(self._line(field), self.folder))
        return key_of(field, self._content[field], *parts)

    def _artifact(self, path: Path) -> str:
        """The hash of an artifact's bytes, worked out once."""
        if self.store.path is None:
            return ""
        if str(path) not in self._content:
            self._content[str(path)] = Artifact(path=path).fingerprint
        return self._content[str(path)]

    def _keep(self, key: str, value: bytes) -> None:
        """Keep what a run wrote, and what is to be said of the run."""
        ran = self.made[-1]
        self.store.put_json(f"{key}-said", {"seconds": round(ran.seconds, 3), "attempts": ran.attempts, "failed": ran.failed})
        self.store.put(key, value)

    def _from_store(self, field: str, key: str) -> None:
        said = self.store.get_json(f"{key}-said") or {}
        ran = Ran(field, float(said.get("seconds", 0.0)), int(said.get("attempts", 1)), str(said.get("failed", "")))
        self.kept.append(ran)

    def _patiently(self, field: str, once: Callable[[str], T]) -> T:
        tries, started, failed = (1 if self.hopeless(field) else 1 + self.retries), time.monotonic(), ""
        for attempt in range(1, tries + 1):
            try:
                found = once(f"[run] {field} |" if self.live else "")
            except CommandError as error:
                failed = str(error)
                if attempt < tries and not isinstance(error, TookTooLong):
                    continue
                self.made.append(Ran(field, time.monotonic() - started, attempt, failed, succeeded=False))
                if attempt > 1:
                    raise CommandError(f"{failed.rstrip('.')}; it was tried {attempt} times.") from error
                raise
            self.made.append(Ran(field, time.monotonic() - started, attempt, failed))
            return found
        raise AssertionError("the last attempt returns or raises")
