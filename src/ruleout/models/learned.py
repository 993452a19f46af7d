"""What a fitted scikit-learn pipeline learned before its last step, read from its attributes, without rows.

The walk follows every column through nested pipelines and column transformers, so that a scaler three levels down is
told by the columns of the table and not by positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["NOT_JSON", "delegate", "json_able", "last_step", "learned", "named_features", "step_names"]

NOT_JSON: Any = object()
"""Stands for a value that JSON cannot hold."""


def json_able(value: Any) -> Any:
    """Return a value as JSON holds it, or `NOT_JSON`.

    Numpy's scalars are Python's, tuples are lists, and NaN is the text "nan", which equals itself.
    """
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return json_able(value.item())
    if isinstance(value, np.ndarray):
        return json_able(value.tolist())
    if isinstance(value, (list, tuple)):
        items = [json_able(v) for v in value]
        return NOT_JSON if any(v is NOT_JSON for v in items) else items
    if isinstance(value, Mapping):
        pairs = {str(k): json_able(v) for k, v in value.items()}
        return NOT_JSON if any(v is NOT_JSON for v in pairs.values()) else pairs
    return NOT_JSON


def ask(thing: Any, name: str, default: Any = None) -> Any:
    """Return a fitted attribute, or `default` where the estimator does not give it."""
    try:
        return getattr(thing, name, default)
    except Exception:  # A property of foreign code may raise anything before it is fitted.
        return default


def delegate(estimator: Any) -> Any:
    """Return the fitted estimator that a wrapper (a search, a calibration, a threshold, a target transform) asks, or None."""
    if ask(estimator, "best_estimator_") is not None:
        return estimator.best_estimator_
    name = type(estimator).__name__
    if name == "TransformedTargetRegressor":
        return ask(estimator, "regressor_")
    if name in {"FixedThresholdClassifier", "TunedThresholdClassifierCV", "SelfTrainingClassifier", "RFE", "RFECV"}:
        return ask(estimator, "estimator_")
    if name == "CalibratedClassifierCV" and ask(estimator, "calibrated_classifiers_"):
        return ask(estimator.calibrated_classifiers_[0], "estimator")
    if name == "FrozenEstimator":
        return ask(estimator, "estimator")
    return None


def _steps(estimator: Any) -> list[Any]:
    steps = ask(estimator, "steps")
    return [step for _, step in steps] if isinstance(steps, list) else []


def step_names(estimator: Any) -> tuple[str, ...]:
    """Return the class of every step, wrappers first, a pipeline's steps in their order."""
    inner = delegate(estimator)
    if inner is not None:
        return (type(estimator).__name__, *step_names(inner))
    steps = _steps(estimator)
    if not steps:
        return (estimator if isinstance(estimator, str) else type(estimator).__name__,)
    return tuple(name for step in steps for name in step_names(step))


def last_step(estimator: Any) -> Any:
    """Return the estimator at the end of wrappers and pipelines: the one that answers."""
    inner = delegate(estimator)
    if inner is not None:
        return last_step(inner)
    steps = _steps(estimator)
    return last_step(steps[-1]) if steps else estimator


def named_features(estimator: Any) -> tuple[str, ...] | None:
    """Return the columns that the estimator was fitted on, in order, looked up in its first step where it does not say itself."""
    names = ask(estimator, "feature_names_in_")
    if names is None or (len(names) and all(str(n) == f"Column_{i}" for i, n in enumerate(names))):
        steps = _steps(estimator)
        inner = delegate(estimator) or (steps[0] if steps else None)
        return None if inner is None or isinstance(inner, str) else named_features(inner)
    return tuple(str(n) for n in names)


def learned(estimator: Any, features: Sequence[str] | None) -> dict[str, Any]:
    """Return scalers, encoder categories, imputer statistics, the columns that reach the last step, and their weights in it.

    Parameters
    ----------
    estimator
        Fitted.
    features
        Columns it was fitted on; without them they are called "x0", "x1", … as scikit-learn does.
    """
    width = ask(estimator, "n_features_in_")
    columns = list(features) if features is not None else [f"x{i}" for i in range(width or 0)]
    walk = _Walk()
    sources = walk.follow(estimator, columns)
    reached = set(sources) | walk.mixed
    return {**walk.found, "used": [c for c in columns if c in reached], "importances": _importances(last_step(estimator), sources)}


def _importances(last: Any, sources: Sequence[str]) -> dict[str, float]:
    """Return the weight of each column in the last step, those of what was made of one column summed; {} where it gives none."""
    weights = ask(last, "feature_importances_")
    if weights is None or np.shape(weights) != (len(sources),):
        return {}
    found: dict[str, float] = dict.fromkeys(sources, 0.0)
    for column, weight in zip(sources, np.asarray(weights, dtype=float).tolist(), strict=True):
        found[column] += weight
    return found


class _Walk:
    """Follows columns from step to step and notes what each step learned about them."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {"scalers": [], "categories": {}, "encodings": {}, "imputers": {}}
        self.mixed: set[str] = set()

    def follow(self, step: Any, columns: list[str]) -> list[str]:
        """Return the source column of every output of `step` where `columns` are its inputs."""
        if step is None or step == "passthrough":
            return columns
        if isinstance(step, str):
            return []
        inner = delegate(step)
        if inner is not None:
            return self.follow(inner, columns)
        for inside in _steps(step):
            columns = self.follow(inside, columns)
        if _steps(step):
            return columns
        branches = ask(step, "transformers_")
        if branches is not None:
            return [c for _, branch, chosen in branches for c in self.follow(branch, _chosen(chosen, columns))]
        union = ask(step, "transformer_list")
        if union is not None:
            return [c for _, branch in union for c in self.follow(branch, columns)]
        members = ask(step, "estimators_")
        if members is not None and type(step).__name__.startswith(("Voting", "Stacking")):
            return [c for member in members for c in self.follow(member, columns)]
        self._note(step, columns)
        return self._outputs(step, columns)

    def _note(self, step: Any, columns: list[str]) -> None:
        from sklearn import impute, preprocessing

        scaler = _scaler(step, preprocessing)
        if scaler is not None:
            self.found["scalers"].append({"kind": type(step).__name__, "columns": columns, **scaler})
        categories = ask(step, "categories_")
        if categories is not None and len(categories) == len(columns):
            for column, values in zip(columns, categories, strict=True):
                self.found["categories"][column] = _values(values)
            encodings = ask(step, "encodings_")
            if encodings is not None and len(encodings) == len(columns):
                self.found["encodings"].update({c: _values(e) for c, e in zip(columns, encodings, strict=True)})
        if isinstance(step, impute.SimpleImputer) and ask(step, "statistics_") is not None and len(step.statistics_) == len(columns):
            self.found["imputers"].update(dict(zip(columns, _values(step.statistics_), strict=True)))

    def _outputs(self, step: Any, columns: list[str]) -> list[str]:
        if not hasattr(step, "transform") or ask(step, "n_features_in_", len(columns)) != len(columns):
            return columns
        inputs = ask(step, "feature_names_in_")
        names = [str(n) for n in inputs] if inputs is not None else [f"c{i}" for i in range(len(columns))]
        outputs = _names_out(step, names)
        if outputs is None:
            self.mixed.update(columns)
            return columns
        by_name = dict(zip(names, columns, strict=True))
        result = []
        for output in outputs:
            bare = output.removeprefix("missingindicator_")
            source = bare if bare in by_name else max((n for n in names if bare.startswith(n + "_")), key=len, default=None)
            if source is None:
                self.mixed.update(columns)
            result.append(output if source is None else by_name[source])
        return result


def _names_out(step: Any, names: list[str]) -> list[str] | None:
    give: Callable[..., Any] | None = ask(step, "get_feature_names_out")
    if give is None:
        return None
    for arguments in ((np.array(names, dtype=object),), ()):
        try:
            return [str(n) for n in give(*arguments)]
        except Exception:  # Foreign code: a transformer that cannot name its outputs mixes its inputs.
            continue
    return None


def _chosen(chosen: Any, columns: list[str]) -> list[str]:
    """Return the names behind a column transformer's selection: names, positions, a mask or a slice."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, slice):
        start, stop = (columns.index(v) if isinstance(v, str) else v for v in (chosen.start, chosen.stop))
        return columns[start : stop + 1 if isinstance(chosen.stop, str) else stop]
    if isinstance(chosen, (int, np.integer)):
        return [columns[int(chosen)]]
    picked = list(chosen)
    if picked and all(isinstance(v, (bool, np.bool_)) for v in picked):
        return [c for c, keep in zip(columns, picked, strict=False) if keep]
    return [v if isinstance(v, str) else columns[int(v)] for v in picked]


def _scaler(step: Any, preprocessing: Any) -> dict[str, Any] | None:
    """Return what a scaler learned; its transform is (x - centre) / scale, column by column."""
    if ask(step, "scale_") is None:
        return None
    if isinstance(step, preprocessing.StandardScaler):
        name, centre, scale, centred = "mean", step.mean_, step.scale_, step.with_mean
    elif isinstance(step, preprocessing.RobustScaler):
        name, centre, scale, centred = "median", step.center_, step.scale_, step.with_centering
    elif isinstance(step, preprocessing.MinMaxScaler):
        low, high = step.feature_range
        name, centre, scale, centred = "min", step.data_min_ - low / step.scale_, 1.0 / step.scale_, True
        return {
            "min": _values(step.data_min_),
            "max": _values(step.data_max_),
            "range": [low, high],
            "centre": _values(centre),
            "scale": _values(scale),
            "samples": _samples(step),
        }
    elif isinstance(step, preprocessing.MaxAbsScaler):
        name, centre, scale, centred = "max", step.max_abs_, step.scale_, False
    else:
        return None
    entry: dict[str, Any] = {name: None if centre is None else _values(centre), "scale": _values(scale), "samples": _samples(step)}
    entry["centre"] = entry[name] if centred else [0.0] * len(entry["scale"])
    return entry


def _samples(step: Any) -> int | None:
    seen = ask(step, "n_samples_seen_")
    return None if seen is None else int(np.max(seen))


def _values(values: Any) -> list[Any]:
    """Return an array as JSON-able values; NaN in text or objects is None, what JSON lacks is its text."""
    array = np.asarray(values)
    out: list[Any] = []
    for value in array.tolist():
        if isinstance(value, float) and math.isnan(value):
            out.append(None)
        else:
            plain = json_able(value)
            out.append(str(value) if plain is NOT_JSON else plain)
    return out
