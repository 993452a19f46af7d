"""Keeping: a refit whose answers were kept is only promised, and made when it is asked something new."""

from __future__ import annotations

import contextlib
import inspect
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ruleout.environments.model import InstalledModel
from ruleout.errors import RuleoutError
from ruleout.models import wire
from ruleout.models.kept import prediction_bytes, prediction_from
from ruleout.models.model import Description, Model, Prediction, reloaded
from ruleout.problem.fits import Fits, Key
from ruleout.store import key_of, surroundings
from ruleout.store.content import code_key
from ruleout.tables.table import Table

__all__ = ["KEPT_FROM_SECONDS", "keeping"]

KEPT_FROM_SECONDS = 0.1
"""What is fitted in less time is fitted again rather than kept."""

PROBED_ROWS = 50
"""Training rows for which a model's answers are kept beside it, to see whether training it again gives the same model."""


def keeping(fits: Fits, template: Model, key: Key, table: Table, refit: Callable[[], Model], *, said: Callable[[str], None]) -> Model:
    """A refit that keeps its answers in the store, or one that takes them from there.

    Parameters
    ----------
    fits
        Where it is counted, with the store.
    template
        The model that is cloned.
    key
        What the refit is made from: template, parameters, rows, seed, target.
    table
        Its training rows.
    refit
        Fits it, and counts that.
    said
        Is told where training again gave another model than the one whose answers were kept.
    """
    if fits.store.path is None:
        return refit()
    # Without a seed of its own, a training under another seed of the investigation is another draw.
    draw = fits.seed if key[3] is None else None
    found = template.describe()
    whole = key_of("refit", surroundings(), _code_of(template), key, draw, found.features, repr(found.classes), found.outputs)
    probe = table.take(np.arange(min(PROBED_ROWS, table.n_rows)))
    held = prediction_from(fits.store.get(whole), probe.n_rows)
    if held is not None:

        def anew() -> Model:
            fits.n_kept -= 1
            return refit()

        fits.kept(float(held[1]["seconds"]), table.n_rows)
        return _Kept(fits, whole, str(held[1]["fingerprint"]), anew, probe, held[0], said)
    started = time.monotonic()
    model = refit()
    seconds = time.monotonic() - started
    if seconds < KEPT_FROM_SECONDS:
        return model
    try:
        told = model.predict(probe)
    except RuleoutError:
        return model
    fits.store.put(whole, prediction_bytes(told, {"seconds": round(seconds, 3), "fingerprint": model.fingerprint}))
    return _Kept(fits, whole, model.fingerprint, refit, probe, told, said, model)


class _Kept:
    """A refit whose answers come from the store where they are there, and go there where they are not."""

    def __init__(
        self,
        fits: Fits,
        key: str,
        fingerprint: str,
        refit: Callable[[], Model],
        probe: Table,
        told: Prediction,
        said: Callable[[str], None],
        model: Model | None = None,
    ) -> None:
        self._fits, self._key, self._fingerprint, self._refit = fits, key, fingerprint, refit
        self._probe, self._told, self._said = probe, told, said
        self._model = model
        self._fickle = False

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self._fingerprint

    def describe(self) -> Description:
        """What the model says about itself, kept or said now."""
        key = f"{self._key}-described"
        held = self._fits.store.get_json(key)
        if held is not None:
            with contextlib.suppress(wire.BrokenFrameError):
                return wire.description_from_dict(held)
        found = self._made().describe()
        with contextlib.suppress(TypeError, ValueError):
            self._fits.store.put_json(key, wire.description_to_dict(found))
        return found

    def predict(self, table: Table) -> Prediction:
        """The answers for every row: those that were kept, where the model is not made; a model that is there is asked."""
        key = f"{self._key}-{table.fingerprint}"
        held = prediction_from(self._fits.store.get(key), table.n_rows)
        if held is not None and self._model is None:
            return held[0]
        answer = self._made().predict(table)
        if held is not None and not _alike(held[0], answer):
            # It answers otherwise each time it is asked: nothing of it can stand for it another time.
            self._fits.store.forget(self._key)
            self._fickle = True
        if not self._fickle:
            self._fits.store.put(key, prediction_bytes(answer))
        return answer

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """A clone of it; parameters and errors as of every model."""
        return self._made().refit(table, target, parameters=parameters, seed=seed)

    def reloaded(self) -> Model:
        """The model saved and loaded again, kept as it is itself; raises `ModelError` where it does not survive that."""
        key = f"{self._key}-reloaded"
        held = prediction_from(self._fits.store.get(key), self._probe.n_rows)
        if held is not None and self._model is None:
            said = str(held[1]["fingerprint"])
            return _Kept(self._fits, key, said, lambda: reloaded(self._made()), self._probe, held[0], self._said)
        again = reloaded(self._made())
        if self._fickle:
            return again
        try:
            told = again.predict(self._probe)
        except RuleoutError:
            return again
        self._fits.store.put(key, prediction_bytes(told, {"fingerprint": again.fingerprint}))
        return _Kept(self._fits, key, again.fingerprint, lambda: again, self._probe, told, self._said, again)

    def _made(self) -> Model:
        if self._model is None:
            model = self._refit()
            if not _alike(model.predict(self._probe), self._told):
                # Learning by the clock, or by chance that no seed governs: what was kept is another model's.
                self._fits.store.forget(self._key)
                self._said(
                    "Trained again on the same rows with the same seed, a model answered otherwise than the one whose answers were kept "
                    "from an earlier investigation; they are forgotten, and figures of both may stand beside each other. "
                    "--no-cache measures everything anew."
                )
            self._model = model
        return self._model


def _alike(one: Prediction, two: Prediction) -> bool:
    """Whether two models give the same answers and scores, but for the last digits."""
    if one.score is not None and two.score is not None:
        return one.score.shape == two.score.shape and bool(np.allclose(one.score, two.score, rtol=1e-5, atol=1e-7, equal_nan=True))
    if one.prediction.dtype.kind == "f" and two.prediction.dtype.kind == "f":
        return bool(np.allclose(one.prediction, two.prediction, rtol=1e-5, equal_nan=True))
    return bool(one.prediction.tolist() == two.prediction.tolist())


def _code_of(template: Model) -> str:
    """The hash of the case's code that a template needs, "" where it needs none but what is installed."""
    model: Any = template
    while hasattr(model, "model"):
        model = model.model
    if isinstance(model, InstalledModel):
        return code_key(Path(folder) for folder in model.place.search)
    worker = getattr(model, "worker", None)
    if worker is not None:
        return code_key(worker.search)
    estimator = getattr(model, "estimator", None)
    return "" if estimator is None else code_key((), _own_files(estimator))


def _own_files(estimator: Any) -> list[Path]:
    """The files of the classes in an estimator that no installed package brought."""
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += [part for part in estimator.get_params(deep=True).values() if hasattr(part, "get_params") or callable(part)]
    installed = {Path(folder).resolve() for name, folder in sysconfig.get_paths().items() if "lib" in name}
    found = set()
    for part in parts:
        kind = part if inspect.isroutine(part) or inspect.isclass(part) else type(part)
        file = getattr(sys.modules.get(str(getattr(kind, "__module__", ""))), "__file__", None)
        if file and not any(folder in Path(file).resolve().parents for folder in installed):
            found.add(Path(file).resolve())
    return sorted(found)
