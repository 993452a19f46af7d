"""A model that is asked, and fitted again, inside an installed environment."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ruleout.environments.columns import packed, unpacked
from ruleout.environments.process import Inhabitant
from ruleout.environments.stored import Installation
from ruleout.errors import ModelError
from ruleout.models.artifact import Artifact
from ruleout.models.by_dummies import ByDummies
from ruleout.models.by_position import ByPosition
from ruleout.models.model import Description, Model, Prediction
from ruleout.tables.table import Table

__all__ = ["InstalledModel", "Place", "new_file", "within"]


@dataclass(frozen=True)
class Place:
    """An installed environment with the process that lives in it, and where modules of the case are found.

    `command` asks an artifact by the case's own `[run] predict`, where it has one.
    """

    installation: Installation
    inhabitant: Inhabitant
    search: tuple[str, ...] = ()
    command: Callable[[Installation, Path, Table], Prediction] | None = None


class InstalledModel:
    """An artifact in a file, as an installed environment opens, asks and clones it.

    Parameters
    ----------
    place
        The environment.
    path
        The artifact.
    fingerprint
        A hash of the artifact, without the environment.
    features
        Columns it is asked with, where it does not say itself.
    name
        What errors call it.
    """

    def __init__(
        self,
        place: Place,
        path: Path,
        *,
        fingerprint: str,
        features: Sequence[str] | None = None,
        name: str = "model",
    ) -> None:
        self.place, self.path, self.name = place, path, name
        self.artifact = fingerprint
        self._features = tuple(features) if features is not None else None
        self._description: Description | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the artifact and of the environment."""
        return f"{self.artifact}@{self.place.installation.key}"

    def within(self, place: Place) -> InstalledModel:
        """The same artifact in another environment."""
        return InstalledModel(place, self.path, fingerprint=self.artifact, features=self._features, name=self.name)

    def describe(self) -> Description:
        """What the artifact says about itself: as it opens here, else as far as the environment's own process can tell."""
        if self._description is None:
            try:
                self._description = Artifact(path=self.path, trusted=True).open().describe()
            except ModelError:
                self._description = self._described()
        return self._description

    def _described(self) -> Description:
        said, _ = self._ask("describe", {})
        try:
            features = None if said["features"] is None else tuple(str(f) for f in said["features"])
            return Description(
                engine="scikit-learn",
                estimator=str(said["estimator"]),
                steps=tuple(str(s) for s in said["steps"]),
                parameters=dict(said["parameters"]),
                features=features or self._features,
                classes=None if said["classes"] is None else tuple(said["classes"]),
                width=None if said["width"] is None else int(said["width"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{self.name}: the environment answered with no description ({error}).") from error

    def predict(self, table: Table) -> Prediction:
        """The answers for every row, given inside the environment; raises `ModelError` where it cannot."""
        if self.place.command is not None:
            return self.place.command(self.place.installation, self.path, table)
        known = self.describe().features or self._features
        columns = [c for c in known if c in table] if known is not None else list(table.columns)
        said, payloads = packed(table.select(columns))
        answer, parts = self._ask("predict", {"table": said, "features": columns}, payloads)
        try:
            prediction = unpacked(answer["prediction"], parts)
            score = None if answer["score"] is None else unpacked(answer["score"], parts)
            classes = None if answer["classes"] is None else tuple(unpacked(answer["classes"], parts).tolist())
        except (KeyError, TypeError) as error:
            raise ModelError(f"{self.name}: the environment answered with no prediction ({error}).") from error
        if prediction.shape != (table.n_rows,):
            raise ModelError(f"{self.name}: it gave {len(prediction)} answers for the {table.n_rows} rows of {table.origin}.")
        if classes is None and prediction.dtype.kind in "iu":
            prediction = prediction.astype(np.float64)
        return Prediction(prediction, score, classes)

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> InstalledModel:
        """A clone with some parameters changed, fitted inside the environment; raises `ModelError` where it cannot be."""
        known = self.describe().features or self._features
        columns = [c for c in known if c in table and c != target] if known is not None else [c for c in table.columns if c != target]
        if target not in table:
            raise ModelError(f"{self.name}: {table.origin} has no column {target!r} to learn from.")
        said, payloads = packed(table.select([*columns, target]))
        out = new_file(".pkl")
        request = {
            "table": said,
            "features": columns,
            "target": target,
            "parameters": _as_json(parameters or {}, self.name),
            "seed": seed,
            "out": str(out),
            "named": self.describe().features is not None,
        }
        self._ask("refit", request, payloads)
        settings = json.dumps({str(k): repr(v) for k, v in (parameters or {}).items()}, sort_keys=True)
        text = "\0".join([self.fingerprint, settings, table.fingerprint, target, repr(seed)])
        fingerprint = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return InstalledModel(self.place, out, fingerprint=fingerprint, features=columns, name=self.name)

    def _ask(self, what: str, request: Mapping[str, Any], payloads: Sequence[bytes] = ()) -> tuple[dict[str, Any], list[bytes]]:
        asked = {**request, "do": what, "path": str(self.path.resolve()), "search": list(self.place.search)}
        return self.place.inhabitant.ask(asked, payloads, name=self.name)


def within(model: Model, place: Place) -> Model:
    """A model in another environment than it was opened in; itself where it was opened in none."""
    if isinstance(model, InstalledModel):
        return model.within(place)
    if isinstance(model, ByPosition):
        return ByPosition(within(model.model, place), model.features)
    if isinstance(model, ByDummies):
        return ByDummies(within(model.model, place), model.layout)
    return model


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ruleout-installed-", ignore_cleanup_errors=True)


def new_file(suffix: str) -> Path:
    """Return the path of a new file that lasts as long as this process."""
    return Path(tempfile.mkdtemp(dir=_scratch().name)) / f"model{suffix}"


def _as_json(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    try:
        json.dumps(dict(parameters))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: parameters of an artifact in a file must be numbers, texts or lists: {error}.") from error
    return dict(parameters)
