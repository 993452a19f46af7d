"""Artifacts on disk are opened in a child process, which may die, hang or talk nonsense without harm to its parent.

One child serves all models of an investigation. It is started when it is first needed, or beforehand by
`prepare_worker`; when it has died the next question starts another, which is given again what it needs to know.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import tempfile
import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.errors import ModelBroken, ModelError, RuleoutError, TrustRequired
from ruleout.models import wire
from ruleout.models.model import Description, Prediction
from ruleout.models.sandbox import scratch_environment
from ruleout.models.scikit_learn import refit_fingerprint
from ruleout.models.started import Started
from ruleout.tables.table import Table

__all__ = [
    "ChildModel",
    "Limits",
    "Worker",
    "call_metric",
    "close_workers",
    "open_in_child",
    "prepare_worker",
    "reloaded_in_child",
    "shared_worker",
]

DOING = {
    "open": "opening",
    "predict": "prediction",
    "refit": "fitting",
    "describe": "description",
    "reload": "saving and loading",
}
"""What a request does, in words."""


@dataclass(frozen=True)
class Limits:
    """What a child process may use.

    Parameters
    ----------
    seconds
        Longest time for one question; the child is ended after it.
    memory
        Bytes of address space; None is three quarters of the machine's memory.
    tables
        Bytes of tables that the child keeps, so that each is sent once.
    """

    seconds: float = 600.0
    memory: int | None = None
    tables: int = 2 << 30

    def bytes_of_memory(self) -> int:
        """The limit on memory in bytes, 0 where the machine does not say how much it has."""
        if self.memory is not None:
            return self.memory
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
        except (AttributeError, ValueError, OSError):
            return 0


class Worker:
    """A child process that holds models and tables; several threads may ask it, one is answered at a time.

    Parameters
    ----------
    limits
        What it may use.
    search
        Folders whose modules its artifacts may import.
    """

    def __init__(self, limits: Limits, search: Sequence[Path] = ()) -> None:
        self.limits = limits
        self.search = tuple(search)
        self._lock = threading.RLock()
        self._process: Started | None = None
        self._held: OrderedDict[str, int] = OrderedDict()
        self._live: set[str] = set()
        self._dropped: list[str] = []

    def start(self) -> None:
        """Start the process if none is running; it gets ready by itself."""
        with self._lock:
            if self._process is not None and self._process.alive:
                return
            self.close()
            command = [sys.executable, "-P", str(Path(__file__).with_name("sandbox.py"))]
            if limit := self.limits.bytes_of_memory():
                command.append(str(limit))
            self._process = Started(command, self._surroundings, prefix="ruleout-")

    def _surroundings(self, scratch: Path) -> dict[str, str]:
        package = Path(__file__).resolve().parents[2]
        paths = [str(package), *(str(p.resolve()) for p in self.search), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            **scratch_environment(scratch),
            "PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for part in paths for p in part.split(os.pathsep) if p),
            "PYTHONWARNINGS": "ignore",
        }

    def close(self) -> None:
        """End the process and forget what it held."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                process.close()
            self._held.clear()
            self._live.clear()
            self._dropped.clear()

    def ask(self, model: ChildModel, request: Mapping[str, Any], table: Table | None = None) -> tuple[dict[str, Any], list[bytes]]:
        """Put a question about a model, opening or fitting it first where the process does not hold it (any more)."""
        with self._lock:
            self.start()
            self.hold(model)
            return self.exchange({**request, "handle": model.handle}, table=table, name=model.name)

    def hold(self, model: ChildModel) -> None:
        """Make the process hold a model: nothing to do where it does, else the model is opened or fitted as it once was."""
        with self._lock:
            self.start()
            if model.handle in self._live:
                return
            request, table = dict(model.recipe), model.table
            if model.template is not None:
                self.hold(model.template)
                request["of"] = model.template.handle
            self.exchange({**request, "handle": model.handle}, table=table, name=model.name)
            self._live.add(model.handle)

    def release(self, handle: str) -> None:
        """Note that nobody holds a model any more; the process is told with the next question."""
        self._dropped.append(handle)

    def exchange(
        self, request: Mapping[str, Any], payloads: Sequence[bytes] = (), *, table: Table | None = None, name: str = "model"
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send one request and return its answer.

        Raises
        ------
        ModelError
            The process says what is wrong, dies, takes too long, or answers in something else than the protocol.
        """
        with self._lock:
            self.start()
            message = {**request, "name": name}
            parts = list(payloads)
            if self._dropped:
                message["drop"] = [self._dropped.pop() for _ in range(len(self._dropped))]
                self._live.difference_update(message["drop"])
            if table is not None:
                message["table"] = table.fingerprint
                if table.fingerprint in self._held:
                    self._held.move_to_end(table.fingerprint)
                else:
                    parts.insert(0, wire.pack_table(table.arrow))
                    message["send"] = {"fingerprint": table.fingerprint, "name": table.name, "origin": table.origin}
                    message["forget"] = self._make_room(table)
            try:
                header, answer = self._talk(message, parts, name)
            except BaseException:
                # Interrupted half-way the pipes are out of step: only a new process can answer again.
                self.close()
                raise
            if header.get("lost"):
                self.close()
            if "error" in header:
                raise _said(header)
            return header, answer

    def _talk(self, message: Mapping[str, Any], parts: Sequence[bytes], name: str) -> tuple[dict[str, Any], list[bytes]]:
        process = self._process
        if process is None:
            raise ModelError(f"{name}: the child process could not be started.")
        said = process.said
        with process.within(self.limits.seconds) as late:
            try:
                wire.send(process.to, message, parts)
                return wire.receive(process.by)
            except (EOFError, BrokenPipeError, wire.BrokenFrameError) as error:
                what = DOING.get(str(message["do"]), "evaluation")
                if late.is_set():
                    reason = f"its {what} took longer than {self.limits.seconds:g} seconds and was ended"
                elif isinstance(error, wire.BrokenFrameError):
                    process.end()
                    reason = f"its {what} answered with what is no answer ({str(error)[:80]!r})"
                else:
                    code = process.wait()
                    reason = f"its {what} ended the child process ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
                raise ModelBroken(f"{name}: {reason}{process.last_words(said)}.") from error

    def _make_room(self, table: Table) -> list[str]:
        """Return the tables to be forgotten, the longest unused first, so that this one fits."""
        size, forget = table.arrow.nbytes, []
        while self._held and sum(self._held.values()) + size > self.limits.tables:
            forget.append(self._held.popitem(last=False)[0])
        self._held[table.fingerprint] = size
        return forget


def _said(header: Mapping[str, Any]) -> RuleoutError:
    message = str(header["error"])
    if header.get("trust"):
        return TrustRequired(message)
    if header.get("broken"):
        return ModelBroken(message)
    return wire.MissingModuleError(message, str(header["module"])) if "module" in header else ModelError(message)


class ChildModel:
    """A model that lives in a child process.

    Parameters
    ----------
    worker
        The process.
    recipe
        The request that makes it: opening a file, or fitting `template` again on `table`.
    fingerprint
        A hash of what it is.
    name
        What errors call it.
    template, table
        For a refit: the model it is a clone of, and its training rows.
    """

    def __init__(
        self,
        worker: Worker,
        recipe: Mapping[str, Any],
        *,
        fingerprint: str,
        name: str,
        template: ChildModel | None = None,
        table: Table | None = None,
    ) -> None:
        self.worker = worker
        self.recipe = recipe
        self.name = name
        self.template = template
        self.table = table
        self.handle = uuid.uuid4().hex
        self._fingerprint = fingerprint
        self._description: Description | None = None
        self._broken: ModelBroken | None = None
        weakref.finalize(self, worker.release, self.handle).atexit = False

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self._fingerprint

    def describe(self) -> Description:
        """What the artifact says about itself; raises `ModelError` where it does not load or cannot say."""
        if self._description is None:
            header, _ = self.worker.ask(self, {"do": "describe"})
            try:
                self._description = wire.description_from_dict(header["description"])
            except (wire.BrokenFrameError, KeyError) as error:
                raise ModelError(f"{self.name}: it answered with no description ({error}).") from error
        return self._description

    def predict(self, table: Table) -> Prediction:
        """The answers for every row; raises `ModelError` where the model cannot take the table or its child process dies."""
        if self._broken is not None:
            # What hangs or ends its process once is not waited for again.
            raise self._broken
        try:
            return self._answer(table)
        except ModelBroken as error:
            self._broken = error
            raise

    def _answer(self, table: Table) -> Prediction:
        header, payloads = self.worker.ask(self, {"do": "predict"}, table)
        try:
            answer = wire.unpack_prediction(header, payloads)
        except wire.BrokenFrameError as error:
            raise ModelBroken(f"{self.name}: it answered with what is no prediction ({error}).") from error
        if answer.prediction.shape != (table.n_rows,) or (answer.score is not None and len(answer.score) != table.n_rows):
            raise ModelBroken(f"{self.name}: it gave {len(answer.prediction)} answers for the {table.n_rows} rows of {table.origin}.")
        return answer

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> ChildModel:
        """A clone with some parameters changed, fitted in the same process; raises `ModelError` where it cannot be."""
        settings = dict(parameters or {})
        try:
            json.dumps(settings)
        except (TypeError, ValueError) as error:
            raise ModelError(f"{self.name}: parameters of an artifact in a file must be numbers, texts or lists: {error}.") from error
        recipe = {"do": "refit", "target": target, "parameters": settings, "seed": seed}
        fingerprint = refit_fingerprint(self.fingerprint, table, target, settings, seed)
        model = ChildModel(self.worker, recipe, fingerprint=fingerprint, name=self.name, template=self, table=table)
        self.worker.hold(model)
        return model

    def reloaded(self) -> ChildModel:
        """The model saved and loaded again in the same process; raises `ModelError` where it does not survive that."""
        model = ChildModel(self.worker, {"do": "reload"}, fingerprint=f"{self.fingerprint}-reloaded", name=self.name, template=self)
        self.worker.hold(model)
        return model


_workers: dict[tuple[int, Limits, tuple[Path, ...]], Worker] = {}
_workers_lock = threading.Lock()


def shared_worker(limits: Limits | None = None, search: Sequence[Path] = ()) -> Worker:
    """Return the child process that all artifacts with these limits and these folders share; a forked process has its own."""
    key = (os.getpid(), limits or Limits(), tuple(search))
    with _workers_lock:
        if not _workers:
            atexit.register(close_workers)
        if key not in _workers:
            _workers[key] = Worker(key[1], key[2])
        return _workers[key]


def prepare_worker(limits: Limits | None = None) -> None:
    """Start the child process without waiting for it, so that it is ready when the first artifact is opened."""
    shared_worker(limits).start()


def close_workers() -> None:
    """End every child process that this process started."""
    with _workers_lock:
        mine = [_workers.pop(key) for key in list(_workers) if key[0] == os.getpid()]
    for worker in mine:
        worker.close()


def open_in_child(path: Path, *, format_name: str, fingerprint: str, trusted: bool, limits: Limits | None = None) -> ChildModel:
    """Open an artifact in the shared child process.

    A module that lies beside the artifact or one folder above is found where the artifact is trusted: then it has a child of its
    own, for the module of that name may say something else on the other side of the case.

    Raises
    ------
    TrustRequired
        On a closer look it would run code, and the caller has not allowed that.
    ModelError
        It does not load.
    """
    recipe = {"do": "open", "path": str(path.resolve()), "format": format_name, "fingerprint": fingerprint, "trusted": trusted}
    worker = shared_worker(limits)
    model = ChildModel(worker, recipe, fingerprint=fingerprint, name=str(path))
    try:
        worker.hold(model)
    except wire.MissingModuleError as error:
        first = error.module.split(".")[0]
        folders = [
            f for f in (path.resolve().parent, path.resolve().parent.parent) if (f / f"{first}.py").is_file() or (f / first).is_dir()
        ]
        if not first or not folders or not trusted:
            raise
        own = shared_worker(limits, folders[:1])
        model = ChildModel(own, recipe, fingerprint=fingerprint, name=str(path))
        own.hold(model)
    return model


def reloaded_in_child(estimator: Any, *, fingerprint: str, name: str) -> ChildModel:
    """Dump an object with joblib and open the file in the shared child process; the file is kept as long as this process.

    Raises
    ------
    ModelError
        It cannot be dumped, or does not load there.
    """
    import joblib

    from ruleout.models.scikit_learn import first_line

    path = Path(_dumps().name) / f"{uuid.uuid4().hex}.joblib"
    try:
        joblib.dump(estimator, path)
    except Exception as error:  # A stranger's class may refuse to be saved in any way.
        raise ModelError(f"{name}: saving it with joblib failed: {first_line(error)}.") from error
    recipe = {"do": "open", "path": str(path), "format": "joblib or pickle", "fingerprint": fingerprint, "trusted": True}
    worker = shared_worker()
    model = ChildModel(worker, recipe, fingerprint=f"{fingerprint}-reloaded", name=name)
    worker.hold(model)
    return model


@cache
def _dumps() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ruleout-saved-", ignore_cleanup_errors=True)


def call_metric(
    spec: str,
    y: np.ndarray,
    prediction: np.ndarray,
    score: np.ndarray | None = None,
    *,
    folder: Path | None = None,
    trusted: bool = False,
    limits: Limits | None = None,
) -> float:
    """Evaluate a metric of the case's own, "module:function", in a child process.

    Parameters
    ----------
    spec
        As in `case.toml`.
    y, prediction
        Shape (n_rows,).
    score
        Shape (n_rows,) or (n_rows, n_classes), given where the function has a third argument or one called `score`.
    folder
        Where the module lies.
    trusted
        The caller lets the case run code.

    Raises
    ------
    TrustRequired
        The caller does not.
    ModelError
        It cannot be imported, fails, or does not return a number.
    """
    if not trusted:
        raise TrustRequired(
            f"case.toml [case] metric = {spec!r} runs code of the case; pass --trust (trust=True in Python) if you trust it."
        )
    worker = shared_worker(limits, (folder.resolve(),) if folder is not None else ())
    try:
        payloads = [wire.pack_values(y), wire.pack_values(prediction)]
    except pa.ArrowException as error:
        raise ModelError(f"case.toml [case] metric = {spec!r}: truth and prediction must be numbers or text, not both: {error}.") from error
    if score is not None:
        payloads.append(np.ascontiguousarray(score, dtype=np.float64).tobytes())
    request = {"do": "metric", "spec": spec, "score": None if score is None else list(score.shape)}
    header, _ = worker.exchange(request, payloads, name=f"metric {spec!r}")
    value = header.get("value")
    if not isinstance(value, (int, float)):
        raise ModelError(f"case.toml [case] metric = {spec!r}: it answered {value!r}, expected a number.")
    return float(value)
