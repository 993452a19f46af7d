"""CatBoost's own format: trees, classes and the parameters that were given, so that it can be fitted again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.learned import NOT_JSON, json_able
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.native import NativeModel, Outputs, answer_of
from ruleout.models.native_fit import changed_settings, rows_for
from ruleout.models.scikit_learn import first_line, plain_values, quietly, refit_fingerprint
from ruleout.tables.table import Table

__all__ = ["CatBoost", "CatBoostModel"]

CLASSES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
OF_THE_MACHINE = ("verbose", "allow_writing_files", "thread_count", "task_type", "devices", "logging_level", "train_dir", "silent")
"""What is recorded and says nothing of the model."""

CHOSEN = (
    "learning_rate",
    "depth",
    "l2_leaf_reg",
    "random_seed",
    "border_count",
    "subsample",
    "rsm",
    "random_strength",
    "bootstrap_type",
    "grow_policy",
    "min_data_in_leaf",
    "max_leaves",
    "leaf_estimation_iterations",
    "auto_class_weights",
    "class_weights",
)
"""What CatBoost chooses where nobody does, told beside what was given."""


class CatBoost(Format):
    """A model as `save_model` wrote it in CatBoost's binary format."""

    name: ClassVar[str] = "CatBoost"
    extra: ClassVar[str] = "catboost"
    modules: ClassVar[tuple[str, ...]] = ("catboost",)
    suffixes: ClassVar[tuple[str, ...]] = (".cbm", ".cb")
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By its first bytes."""
        return start.startswith(b"CBM1") or (path.suffix.lower() in (".cbm", ".cb") and start != b"")

    def open(self, path: Path, opening: Opening) -> Model:
        """The model."""
        import catboost

        model, notes = loaded_quietly(lambda: catboost.CatBoost().load_model(str(path)), opening.name)
        return CatBoostModel(model, fingerprint=opening.fingerprint, name=opening.name, notes=notes)

    def save(self, model: Model, folder: Path) -> Path:
        """Save the model."""
        path = folder / "model.cbm"
        model.estimator.save_model(str(path))  # type: ignore[attr-defined]  # every live model has the object that it asks
        return path


class CatBoostModel(NativeModel):
    """A model of CatBoost: asked by the names of its columns, fitted again with the parameters that were given."""

    engine = "CatBoost"

    @property
    def _all(self) -> dict[str, Any]:
        """Every parameter, those that CatBoost chose among them; {} where nothing was fitted."""
        return dict(self.estimator.get_all_params()) if self.estimator.is_fitted() else {}

    @property
    def _settings(self) -> dict[str, Any]:
        given = {k: v for k, v in self.estimator.get_params().items() if k not in OF_THE_MACHINE}
        # CatBoost keeps what it chose in single precision.
        chosen = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in self._all.items() if k in CHOSEN}
        return {**chosen, **given}

    @property
    def _loss(self) -> str:
        return str(self._all.get("loss_function", "")).split(":")[0]

    def _kind(self) -> Outputs:
        return "classes" if self._loss in CLASSES else "number"

    def _coded(self) -> list[str]:
        names = self.estimator.feature_names_
        return [names[i] for i in self.estimator.get_cat_feature_indices()]

    def _named(self) -> tuple[str, ...] | None:
        names = tuple(str(n) for n in self.estimator.feature_names_ or ())
        return None if not names or all(n == str(i) for i, n in enumerate(names)) else names

    def _describe(self) -> Description:
        model, fitted = self.estimator, self.estimator.is_fitted()
        names, trees = (self._named(), int(model.tree_count_)) if fitted else (None, 0)
        settings = {k: plain for k, v in self._settings.items() if (plain := json_able(v)) is not NOT_JSON}
        leaves = np.asarray(model.get_leaf_values()) if trees else np.zeros(0)
        weights = dict(zip(names, model.get_feature_importance().tolist(), strict=True)) if names and trees and self._importances() else {}
        return Description(
            engine=self.engine,
            estimator=type(model).__name__,
            steps=(type(model).__name__,),
            parameters=settings,
            features=names,
            classes=self._class_names() if fitted and self._kind() == "classes" else None,
            fitted={
                "scalers": [],
                "categories": {},
                "used": list(names or ()),
                "importances": weights,
                **({"warnings": list(self._notes)} if self._notes else {}),
            },
            finite=bool(np.isfinite(leaves).all()),
            empty="" if trees else f"{type(model).__name__} has no tree",
            width=len(model.feature_names_ or ()) or None if fitted else None,
        )

    def _importances(self) -> bool:
        """Whether the importances need no rows."""
        return self._loss not in ("YetiRank", "PairLogit", "PairLogitPairwise", "YetiRankPairwise")

    def _class_names(self) -> tuple[Any, ...]:
        found = plain_values(self.estimator.classes_).tolist()
        return tuple(found) if found else (0, 1)

    def _frame(self, table: Table) -> Any:
        """The rows with categories as text: whole numbers without a decimal point, as they are written."""
        import pandas

        frame, coded = frame_of(table), set(self._coded()) if self.estimator.is_fitted() else set()
        for column in frame.columns:
            values = frame[column]
            if column in coded or values.dtype.kind not in "biuf":
                frame[column] = pandas.Series([_written(v) for v in values], index=frame.index, dtype=object)
        return frame

    def _outputs(self, table: Table) -> Any:
        frame = self._frame(table)
        if self._kind() == "number":
            return np.asarray(self.estimator.predict(frame, thread_count=1), dtype=float)
        chances = np.asarray(self.estimator.predict(frame, prediction_type="Probability", thread_count=1), dtype=float)
        answer: Prediction = answer_of(chances, "classes", self._class_names())
        return answer

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """A model trained with the parameters that were given, some of them changed.

        Raises
        ------
        ModelError
            No such parameter or column, or the training fails.
        """
        import catboost

        rows = rows_for(table, target, self._named(), self._name)
        given = {k: v for k, v in self.estimator.get_params().items() if k not in OF_THE_MACHINE}
        wanted = changed_settings(self._settings, parameters, self._name)
        settings = {k: v for k, v in wanted.items() if k in given or k in (parameters or {})}
        if seed is not None:
            settings = {k: v for k, v in settings.items() if k not in ("random_state", "random_seed")} | {"random_seed": seed}
        kind = catboost.CatBoostClassifier if self._kind() == "classes" else catboost.CatBoostRegressor
        coded = [c for c in self._coded() if c in rows.features]
        settings.pop("cat_features", None)
        try:
            with quietly() as notes:
                model = kind(**settings, verbose=0, allow_writing_files=False, thread_count=1, cat_features=coded)
                model.fit(self._frame(rows.features), rows.target)
        except Exception as error:  # Foreign code; whatever it raises is the reason.
            raise ModelError(f"{self._name}: fitting it again on {table.origin} failed: {first_line(error)}.") from error
        fingerprint = refit_fingerprint(self._fingerprint, table, target, parameters, seed)
        return CatBoostModel(model, fingerprint=fingerprint, name=self._name, notes=notes)


def _written(value: Any) -> Any:
    """A category as CatBoost wants it, text; what is missing stays as it is, so that CatBoost says what it thinks of it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
