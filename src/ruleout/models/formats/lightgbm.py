"""LightGBM's own format: text that holds the trees, and every parameter that they were trained with, so that it can be fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.learned import NOT_JSON, json_able
from ruleout.models.model import Description, Model
from ruleout.models.native import NativeModel, Outputs
from ruleout.models.native_fit import Rows, changed_settings, rows_for
from ruleout.models.scikit_learn import first_line, quietly, refit_fingerprint
from ruleout.tables.table import Table

__all__ = ["LightGBM", "LightGBMModel"]

OF_THE_MACHINE = ("num_threads", "num_gpu", "device_type", "verbosity", "machines", "num_machines", "local_listen_port", "time_out")
"""What is recorded and says nothing of the model."""


class LightGBM(Format):
    """A booster as `save_model` wrote it."""

    name: ClassVar[str] = "LightGBM"
    extra: ClassVar[str] = "lightgbm"
    modules: ClassVar[tuple[str, ...]] = ("lightgbm",)
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".lgb")
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By its first line."""
        return start.startswith((b"tree\n", b"tree\r\n"))

    def open(self, path: Path, opening: Opening) -> Model:
        """The booster."""
        import lightgbm

        booster, notes = loaded_quietly(lambda: lightgbm.Booster(model_file=str(path)), opening.name)
        return LightGBMModel(booster, fingerprint=opening.fingerprint, name=opening.name, notes=notes)

    def save(self, model: Model, folder: Path) -> Path:
        """Save the booster."""
        path = folder / "model.txt"
        model.estimator.save_model(str(path))  # type: ignore[attr-defined]  # every live model has the object that it asks
        return path


class LightGBMModel(NativeModel):
    """A booster of LightGBM: asked by the names of its columns, fitted again with the parameters that it recorded."""

    engine = "LightGBM"

    @property
    def _settings(self) -> dict[str, Any]:
        return {k: v for k, v in self.estimator.params.items() if k not in OF_THE_MACHINE}

    @property
    def _objective(self) -> str:
        written = str(self.estimator.params.get("objective") or "")
        if written:
            return written
        text = self.estimator.model_to_string(num_iteration=1)
        return next((line[10:].split(" ")[0] for line in text.splitlines()[:12] if line.startswith("objective=")), "")

    def _kind(self) -> Outputs:
        if self._objective in ("binary", "multiclass", "multiclassova", "softmax", "ova", "ovr"):
            return "classes"
        return "number" if self._objective not in ("", "none", "custom", "None") else "raw"

    def _names(self) -> tuple[str, ...] | None:
        names = tuple(str(n) for n in self.estimator.feature_name())
        return None if all(n == f"Column_{i}" for i, n in enumerate(names)) else names

    def _describe(self) -> Description:
        booster, names, kind = self.estimator, self._names(), self._kind()
        settings = {k: plain for k, v in self._settings.items() if (plain := json_able(v)) is not NOT_JSON}
        n_classes = max(booster.num_model_per_iteration(), 2)
        weights = dict(zip(booster.feature_name(), booster.feature_importance("gain").tolist(), strict=True)) if names else {}
        dump = booster.model_to_string()
        return Description(
            engine=self.engine,
            estimator="Booster",
            steps=("Booster",),
            parameters=settings,
            features=names,
            classes=(self._classes or tuple(range(n_classes))) if kind == "classes" else None,
            fitted={
                "scalers": [],
                "categories": self._categories(),
                "used": list(names or ()),
                "importances": weights,
                **({"warnings": list(self._notes)} if self._notes else {}),
            },
            finite="leaf_value=nan" not in dump and " nan" not in dump and "leaf_value=inf" not in dump,
            empty="" if booster.num_trees() else "Booster has no tree",
            width=booster.num_feature(),
            refits=True,
            outputs="codes" if kind == "classes" and self._classes is None else "raw" if kind == "raw" else "",
        )

    def _coded(self) -> list[str]:
        """The columns that are split category by category, in their order."""
        names, listed = self.estimator.feature_name(), self.estimator.params.get("categorical_feature") or []
        return [names[c] if isinstance(c, int) else str(c) for c in listed if not isinstance(c, int) or c < len(names)]

    def _categories(self) -> dict[str, list[Any]]:
        known = self.estimator.pandas_categorical or []
        return dict(zip(self._coded(), known, strict=False)) if len(known) == len(self._coded()) else {}

    def _frame(self, table: Table) -> Any:
        import pandas

        frame, known = frame_of(table), self._categories()
        for column in frame.columns:
            if column in known:
                frame[column] = pandas.Categorical(frame[column], categories=known[column])
            elif frame[column].dtype.kind not in "biuf":
                raise ModelError(
                    f"{self._name}: {table.origin} holds text in {column!r} where LightGBM was given numbers; encode it first."
                )
        return frame

    def _outputs(self, table: Table) -> Any:
        return np.asarray(self.estimator.predict(self._frame(table), num_threads=1), dtype=float)

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """A booster trained with the recorded parameters, some of them changed, for as many rounds as this one has.

        Raises
        ------
        ModelError
            No such parameter or column, an objective that was a function, or the training fails.
        """
        import lightgbm

        if self._kind() == "raw":
            raise ModelError(f"{self._name}: its objective was a function that the file does not hold; give [run] train in case.toml.")
        rows = rows_for(table, target, self._names(), self._name)
        rounds = self.estimator.num_trees() // max(self.estimator.num_model_per_iteration(), 1)
        settings = changed_settings(self._settings, parameters, self._name)
        if "num_iterations" in (parameters or {}):
            rounds = int(settings["num_iterations"])
        settings = {k: v for k, v in settings.items() if k not in ("num_iterations", "early_stopping_round", "categorical_feature")}
        if seed is not None:
            settings["seed"] = seed
            settings = {k: v for k, v in settings.items() if not k.endswith("_seed")}
        settings |= {"num_threads": 1, "verbosity": -1, "objective": self._objective}
        try:
            with quietly() as notes:
                data = lightgbm.Dataset(
                    self._learning_frame(rows), rows.codes if self._kind() == "classes" else rows.target.astype(float), free_raw_data=False
                )
                booster = lightgbm.train(settings, data, num_boost_round=rounds)
                # As from a file: what is asked later is what would have been saved.
                booster = lightgbm.Booster(model_str=booster.model_to_string())
        except Exception as error:  # Foreign code; whatever it raises is the reason.
            raise ModelError(f"{self._name}: fitting it again on {table.origin} failed: {first_line(error)}.") from error
        fingerprint = refit_fingerprint(self._fingerprint, table, target, parameters, seed)
        classes = rows.classes if self._kind() == "classes" else None
        return LightGBMModel(booster, fingerprint=fingerprint, name=self._name, notes=notes, classes=classes)

    def _learning_frame(self, rows: Rows) -> Any:
        """The rows with every column of text as categories of their own, in sorted order, as the training code had them."""
        frame = frame_of(rows.features)
        coded = set(self._categories()) | {c for c in frame.columns if frame[c].dtype.kind not in "biuf"}
        return frame.astype({c: "category" for c in frame.columns if c in coded})
