"""XGBoost's own format: trees and objective as JSON or universal binary JSON, without any code and without how they were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.model import Description, Model
from ruleout.models.native import NativeModel, Outputs
from ruleout.tables.table import Table

__all__ = ["XGBoost", "XGBoostModel"]


class XGBoost(Format):
    """A booster as `save_model` wrote it, of `xgboost.train` or of an `XGBClassifier`."""

    name: ClassVar[str] = "XGBoost"
    extra: ClassVar[str] = "xgboost"
    modules: ClassVar[tuple[str, ...]] = ("xgboost",)
    suffixes: ClassVar[tuple[str, ...]] = (".ubj", ".json", ".xgb")
    importances: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the object "learner" that both kinds of JSON begin with, or by the name."""
        return (start.lstrip()[:1] == b"{" and b"learner" in start) or (path.suffix.lower() in (".ubj", ".xgb") and start != b"")

    def open(self, path: Path, opening: Opening) -> Model:
        """The booster."""
        import xgboost

        booster, notes = loaded_quietly(lambda: xgboost.Booster(model_file=str(path)), opening.name)
        return XGBoostModel(booster, fingerprint=opening.fingerprint, name=opening.name, notes=notes)

    def save(self, model: Model, folder: Path) -> Path:
        """Save the booster."""
        path = folder / "model.ubj"
        model.estimator.save_model(path)  # type: ignore[attr-defined]  # every live model has the object that it asks
        return path


class XGBoostModel(NativeModel):
    """A booster of XGBoost: asked by the names of its columns, its categories as it recorded them."""

    engine = "XGBoost"

    @cached_property
    def _model(self) -> Mapping[str, Any]:
        """What the booster says of itself as JSON, its trees included."""
        model: Mapping[str, Any] = json.loads(self.estimator.save_raw("json"))["learner"]
        return model

    @property
    def _objective(self) -> str:
        return str(self._model["objective"]["name"])

    def _kind(self) -> Outputs:
        if self._objective.startswith(("binary:logi", "multi:", "reg:logistic")):
            return "classes" if not self._objective.startswith("reg:") else "number"
        return "number" if self._objective.startswith(("reg:", "count:", "survival:", "rank:")) else "raw"

    def _describe(self) -> Description:
        booster, head = self.estimator, self._model["learner_model_param"]
        names, kind, n_classes = booster.feature_names, self._kind(), int(head["num_class"])
        weights = booster.get_score(importance_type="gain") if names else {}
        trees, base = booster.num_boosted_rounds(), str(head["base_score"])
        return Description(
            engine=self.engine,
            estimator="Booster",
            steps=("Booster",),
            parameters={"objective": self._objective, "num_boost_round": trees},
            features=tuple(names) if names else None,
            classes=(self._classes or tuple(range(max(n_classes, 2)))) if kind == "classes" else None,
            fitted={
                "scalers": [],
                "categories": self._categories,
                "used": list(names or ()),
                "importances": {c: float(weights.get(c, 0.0)) for c in names or ()},
                **({"warnings": list(self._notes)} if self._notes else {}),
            },
            finite=self._finite() and all(np.isfinite(float(v)) for v in base.strip("[]").split(",") if v.strip()),
            empty="" if trees else "Booster has no tree",
            width=int(head["num_feature"]),
            refits=False,
            outputs="codes" if kind == "classes" and self._classes is None else "raw" if kind == "raw" else "",
        )

    def _finite(self) -> bool:
        held = self._model["gradient_booster"]
        trees = held.get("model", {}).get("trees", held.get("gbtree", {}).get("model", {}).get("trees", []))
        leaves = [np.asarray(t.get("base_weights", []), dtype=float) for t in trees]
        weights = np.asarray(held.get("model", {}).get("weights", []), dtype=float)
        return all(np.isfinite(leaf).all() for leaf in leaves) and bool(np.isfinite(weights).all())

    @cached_property
    def _categories(self) -> dict[str, list[Any]]:
        """The categories of each column, in the order of their codes; XGBoost records them from 3.1 on."""
        booster = self.estimator
        if not booster.feature_names or not hasattr(booster, "get_categories") or "c" not in (booster.feature_types or ()):
            return {}
        found = booster.get_categories(export_to_arrow=True)
        held = found.to_arrow() if hasattr(found, "to_arrow") else found
        return {str(name): values.to_pylist() for name, values in held or () if values is not None}

    def _outputs(self, table: Table) -> Any:
        import pandas
        import xgboost

        frame, known = frame_of(table), self._categories
        kinds = dict(zip(table.columns, self.estimator.feature_types or (), strict=False))
        for column in frame.columns:
            if column in known:
                # A category that training did not know is no number that a tree could ask for: it goes the way of a missing value.
                frame[column] = pandas.Categorical(_alike(frame[column], known[column]), categories=known[column])
            elif table.kind(column) not in ("numeric", "time") and frame[column].dtype.kind not in "biuf":
                said = (
                    "its categories are not in the file (XGBoost records them from 3.1 on)"
                    if kinds.get(column) == "c"
                    else "a number is due"
                )
                raise ModelError(f"{self._name}: {table.origin} holds text in {column!r} and {said}; encode it, or give [run] predict.")
        coded = [c for c in frame.columns if kinds.get(c) == "c" and c not in known]
        data = xgboost.DMatrix(
            frame if not coded else frame.to_numpy(dtype=float),
            feature_names=None if not coded else list(frame.columns),
            feature_types=None if not coded else list(kinds.values()),
            enable_categorical=True,
            nthread=1,
        )
        if self.estimator.feature_names is None:
            data.feature_names = None
        best = self.estimator.attr("best_iteration")
        rounds = (0, int(best) + 1) if best is not None else (0, 0)
        margin = np.asarray(self.estimator.predict(data, iteration_range=rounds))
        if self._objective == "binary:logitraw":
            return 1.0 / (1.0 + np.exp(-margin.astype(float)))
        if self._objective == "multi:softmax" and margin.ndim == 1:
            raised = np.asarray(self.estimator.predict(data, iteration_range=rounds, output_margin=True), dtype=float)
            spread = np.exp(raised - raised.max(axis=1, keepdims=True))
            return spread / spread.sum(axis=1, keepdims=True)
        return margin


def _alike(values: Any, categories: list[Any]) -> Any:
    """Return a column's values as the kind that its categories are."""
    return values.astype("str").where(values.notna()) if categories and isinstance(categories[0], str) else values
