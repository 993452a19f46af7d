"""MLflow model folders: `MLmodel` names the flavours; the native one inside is read by its own format, any other by mlflow.pyfunc."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import MissingExtra, ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.native import NativeModel
from ruleout.models.scikit_learn import plain_values
from ruleout.tables.table import Table

__all__ = ["MLflow"]

NATIVE: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sklearn": (("pickled_model",), ("model.skops", "model.pkl")),
    "xgboost": (("data",), ("model.ubj", "model.json", "model.xgb")),
    "lightgbm": (("data",), ("model.lgb", "model.txt", "model.pkl")),
    "catboost": (("data",), ("model.cb", "model.cbm")),
    "onnx": (("data",), ("model.onnx",)),
    "pytorch": (("model_data",), ("data/model.pth", "model.pth", "data/model.pt2")),
}
"""By flavour: the keys that name its file, and how the file is called where none does."""


@dataclass(frozen=True)
class _Folder:
    """What `MLmodel` says, as far as it is used."""

    root: Path
    flavors: Mapping[str, Any]
    signature: Mapping[str, Any]

    @property
    def file(self) -> Path | None:
        """The file of the first native flavour that is there; None where only Python's own is."""
        for flavour, (keys, names) in NATIVE.items():
            said = self.flavors.get(flavour)
            if not isinstance(said, Mapping):
                continue
            named = [str(said[key]) for key in keys if said.get(key)]
            for name in (*named, *(f"{n}/model.pth" for n in named), *(f"{n}/model.pt2" for n in named), *names):
                if (self.root / name).is_file() and (self.root / name).resolve().is_relative_to(self.root.resolve()):
                    return self.root / name
        return None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of the signature, in order; None where it names none."""
        try:
            entries = json.loads(self.signature.get("inputs") or "null")
        except (TypeError, ValueError):
            return None
        names = [e.get("name") for e in entries or () if isinstance(e, Mapping)]
        return tuple(str(n) for n in names) if names and all(isinstance(n, str) for n in names) else None


class MLflow(Format):
    """A model folder of MLflow, of any flavour; it takes trust where the file of its flavour does."""

    name: ClassVar[str] = "an MLflow model folder"
    extra: ClassVar[str] = "mlflow"
    trust: ClassVar[str] = "sometimes"
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the file MLmodel in it."""
        return path.is_dir() and (path / "MLmodel").is_file()

    def code_in(self, path: Path) -> str:
        """As the file of the native flavour; always where there is none, and where the folder brings code along."""
        held = self._inside(path)
        if held is None:
            return "opening an MLflow model folder without a native flavour runs the code that is in it"
        kind, file = held
        return kind.code_in(file)

    def check_installed(self, path: Path) -> None:
        """As the file of the native flavour; mlflow itself where there is none."""
        held = self._inside(path)
        if held is not None:
            held[0].check_installed(held[1])
        elif not _installed():
            install = "pip install 'ruleout[mlflow]'"
            raise MissingExtra(f"{path}: the artifact is {self.name} without a native flavour; reading it needs mlflow: {install}.")

    def open(self, path: Path, opening: Opening) -> Model:
        """The model of the native flavour, with the columns of the signature where it names none itself; else mlflow.pyfunc."""
        held, folder = self._inside(path), _read(path)
        if opening.trusted:
            _find_code(path, folder)
        if held is None:
            import mlflow.pyfunc

            loaded, notes = loaded_quietly(lambda: mlflow.pyfunc.load_model(str(path.resolve())), opening.name)
            return _PyFuncModel(loaded, fingerprint=opening.fingerprint, name=opening.name, notes=notes, columns=folder.columns)
        model = held[0].open(held[1], opening)
        described = model.describe()
        if described.features is None and folder.columns is not None and described.width in (None, len(folder.columns)):
            from ruleout.models.by_position import ByPosition

            return ByPosition(model, folder.columns)
        return model

    def save(self, model: Model, folder: Path) -> Path:
        """Save what the folder held, as its own format does."""
        from ruleout.models.formats import format_named

        inside = getattr(model, "model", model)
        engine = inside.describe().engine
        kind = format_named({"scikit-learn": "joblib or pickle"}.get(engine, engine))
        path = kind.save(inside, folder)
        inputs = json.dumps([{"name": c} for c in getattr(model, "features", ())])
        content = {"flavors": {"sklearn": {"pickled_model": path.name}}, "signature": {"inputs": inputs}}
        (folder / "MLmodel").write_text(json.dumps(content), encoding="utf-8")
        return folder

    def _inside(self, path: Path) -> tuple[Format, Path] | None:
        from ruleout.models.formats import format_of

        file = _read(path).file
        kind = format_of(file) if file is not None else None
        return None if kind is None or file is None else (kind, file)


def _read(path: Path) -> _Folder:
    import yaml

    try:
        content = yaml.safe_load((path / "MLmodel").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path}/MLmodel: it is no YAML ({type(error).__name__}); save the model again.") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("flavors"), Mapping) or not content["flavors"]:
        raise ModelError(f"{path}/MLmodel: names no flavours, expected them as MLflow writes them; save the model again.")
    signature = content.get("signature")
    return _Folder(path, content["flavors"], signature if isinstance(signature, Mapping) else {})


def _find_code(path: Path, folder: _Folder) -> None:
    """Let the modules that were logged with the model be imported."""
    import sys

    for flavour in folder.flavors.values():
        code = flavour.get("code") if isinstance(flavour, Mapping) else None
        if code and (path / str(code)).is_dir():
            sys.path.insert(0, str((path / str(code)).resolve()))
            return


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("mlflow") is not None


class _PyFuncModel(NativeModel):
    """A model that mlflow.pyfunc asks.

    Parameters
    ----------
    estimator, fingerprint, name, notes
        As in `NativeModel`.
    columns
        The columns of its signature.
    """

    engine = "MLflow"

    def __init__(
        self, estimator: Any, *, fingerprint: str, name: str = "", notes: Sequence[str] = (), columns: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(estimator, fingerprint=fingerprint, name=name, notes=notes)
        self._signed = columns

    def _describe(self) -> Description:
        found = Description(
            engine=self.engine,
            estimator="pyfunc",
            steps=("pyfunc",),
            features=self._signed,
            fitted={"scalers": [], "categories": {}, "used": list(self._signed or ())},
            refits=False,
            outputs="raw",
        )
        return replace(found, fitted={**found.fitted, "warnings": list(self._notes)}) if self._notes else found

    def _outputs(self, table: Table) -> Any:
        answers = self.estimator.predict(frame_of(table))
        if hasattr(answers, "columns"):
            named = [c for c in ("prediction", "predictions") if c in answers.columns]
            answers = answers[named[0]] if named else answers
        values = plain_values(np.asarray(answers))
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.dtype.kind in "iubO" and values.shape == (table.n_rows,):
            # Classes by their names: nothing is left to be told.
            return Prediction(values, None, tuple(sorted(set(values.tolist()), key=str)))
        return values
