"""The furniture for anything with scikit-learn's interface: pipelines, searches, LightGBM's and XGBoost's estimators."""

from __future__ import annotations

import copy
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import ModelBroken, ModelError, nearest
from ruleout.models.defaults import DEFAULT, default_of
from ruleout.models.frame import frame_of
from ruleout.models.learned import NOT_JSON, ask, delegate, json_able, last_step, learned, named_features, step_names
from ruleout.models.model import Description, Model, Prediction
from ruleout.tables.table import Table

__all__ = ["ScikitLearnModel", "first_line", "plain_values", "quietly", "refit_fingerprint", "told_warnings", "with_target"]

WEIGHTS = ("coef_", "intercept_", "coefs_", "intercepts_", "dual_coef_", "theta_", "var_", "means_", "feature_log_prob_")
SEEDS = ("random_state", "random_seed")
LIKELIEST = ("RandomForestClassifier", "ExtraTreesClassifier", "HistGradientBoostingClassifier", "LGBMClassifier")
"""Estimators that answer the likeliest class by definition: asking for probabilities alone halves the work."""


def first_line(error: BaseException, limit: int = 300) -> str:
    """Return an exception as one short line: its class and the first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return (text if len(text) <= limit else text[: limit - 1] + "…").rstrip(".")


def refit_fingerprint(template: str, table: Table, target: str, parameters: Mapping[str, Any] | None, seed: int | None) -> str:
    """Return the hash of what a refit is: its template's fingerprint, the parameters, the rows, the target and the seed."""
    settings = json.dumps({str(k): repr(v) for k, v in (parameters or {}).items()}, sort_keys=True)
    return hashlib.blake2b("\0".join([template, settings, table.fingerprint, target, repr(seed)]).encode(), digest_size=16).hexdigest()


def plain_values(values: Any) -> np.ndarray:
    """Return answers as plain numpy: numbers and booleans as such, everything else as objects, text as `str`."""
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    out = np.empty(array.shape, dtype=object)
    out[...] = array.astype(object)
    return out


class ScikitLearnModel:
    """A live scikit-learn compatible estimator as a model: it is asked and cloned, never changed.

    Parameters
    ----------
    estimator
        Fitted, or found out to be unfitted by `describe`.
    fingerprint
        A hash of what it is.
    name
        What errors call it: its file, or its class.
    notes
        Warnings that came up when it was loaded or fitted.
    features
        Columns it is asked with where the estimator itself does not say.
    told
        Parameters to be told otherwise than they are set: `n_jobs` of a refit is 1 whatever the original had.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        fingerprint: str,
        name: str = "",
        notes: Sequence[str] = (),
        features: Sequence[str] | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self._estimator = estimator
        self._fingerprint = fingerprint
        self._name = name or f"model ({type(estimator).__name__})"
        self._notes = tuple(notes)
        self._features = named_features(estimator) or (tuple(features) if features is not None else None)
        self._told = dict(told or {})
        self._description: Description | None = None
        self._as_categories = False

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self._fingerprint

    @property
    def estimator(self) -> Any:
        """The live object that is asked."""
        return self._estimator

    def describe(self) -> Description:
        """What the estimator says about itself: steps, parameters, columns, what was fitted, whether it is empty."""
        if self._description is None:
            with quietly():
                self._description = self._describe()
        return self._description

    def _describe(self) -> Description:
        estimator = self._estimator
        parameters = {}
        for key, value in {**_parameters(estimator), **self._told}.items():
            plain = json_able(value)
            if plain is not NOT_JSON:
                parameters[key] = plain
        steps = step_names(estimator)
        empty = _emptiness(estimator)
        fitted: dict[str, Any] = {"scalers": [], "categories": {}, "encodings": {}, "imputers": {}, "used": [], "importances": {}}
        if not empty.startswith("it was never fitted"):
            try:
                fitted = learned(estimator, self._features)
            except Exception as error:  # Foreign transformers may break any assumption; the rest of the description stands.
                fitted["unread"] = first_line(error)
        if self._notes:
            fitted["warnings"] = list(self._notes)
        classes, width = self._classes(), ask(estimator, "n_features_in_")
        return Description(
            engine="scikit-learn",
            estimator=steps[-1],
            steps=steps,
            parameters=parameters,
            features=self._features,
            classes=classes,
            fitted=fitted,
            finite=_finite(last_step(estimator)),
            empty=empty,
            width=len(self._features) if self._features is not None else int(width) if width is not None else None,
            refits=hasattr(estimator, "fit"),
        )

    def _classes(self) -> tuple[Any, ...] | None:
        classes = ask(self._estimator, "classes_")
        if classes is None:
            return None
        return tuple(plain_values(classes).tolist()) if np.ndim(classes) == 1 else None

    def predict(self, table: Table) -> Prediction:
        """The answers for every row, with class probabilities or decision values where the estimator gives them.

        Raises
        ------
        ModelError
            A column that the estimator expects is missing, it fails, or it answers in a shape that fits no row.
        """
        if table.n_rows == 0:
            raise ModelError(f"{self._name}: {table.origin} has no rows to predict.")
        try:
            with quietly():
                return self._ask(self._inputs(table), table)
        except ModelError:
            raise
        except Exception as error:  # The estimator is foreign code; whatever it raises is its answer.
            raise ModelError(f"{self._name}: predicting {table.origin} failed: {first_line(error)}.") from error

    def _ask(self, inputs: Any, table: Table) -> Prediction:
        try:
            return self._answers(inputs, table)
        except (ValueError, TypeError):
            categories = _texts_as_categories(inputs)
            if categories is None or self._as_categories:
                raise
            answer = self._answers(categories, table)
            self._as_categories = True
            return answer

    def _answers(self, inputs: Any, table: Table) -> Prediction:
        if self._as_categories:
            inputs = inputs if (categories := _texts_as_categories(inputs)) is None else categories
        estimator, inputs = _past_transforms(self._estimator, inputs)
        classes = self._classes()
        if classes is not None and type(estimator).__name__ in LIKELIEST and not callable(ask(estimator, "objective")):
            chances = np.asarray(estimator.predict_proba(inputs), dtype=np.float64)
            self._check(chances.shape, ((table.n_rows, len(classes)),), "predict_proba", table)
            return Prediction(plain_values(estimator.classes_)[np.argmax(chances, axis=1)], chances, classes)
        prediction = plain_values(estimator.predict(inputs))
        self._check(prediction.shape, ((table.n_rows,), (table.n_rows, 1)), "predict", table)
        prediction = prediction.reshape(table.n_rows)
        if classes is None and prediction.dtype.kind in "iu":
            prediction = prediction.astype(np.float64)
        score: np.ndarray | None = None
        if hasattr(estimator, "predict_proba"):
            score = np.asarray(estimator.predict_proba(inputs), dtype=np.float64)
            width = len(classes) if classes is not None else score.shape[-1]
            self._check(score.shape, ((table.n_rows, width),), "predict_proba", table)
        elif classes is not None and hasattr(estimator, "decision_function"):
            score = np.asarray(estimator.decision_function(inputs), dtype=np.float64)
            pairs = len(classes) * (len(classes) - 1) // 2
            self._check(score.shape, ((table.n_rows,), (table.n_rows, len(classes)), (table.n_rows, pairs)), "decision_function", table)
            pairwise = len(classes) > 2 and ask(last_step(estimator), "decision_function_shape") == "ovo"
            if pairwise or (score.ndim == 2 and score.shape[1] != len(classes)):
                # One value for each pair of classes says nothing of a single class.
                score = None
        return Prediction(prediction, score, classes)

    def _check(self, shape: tuple[int, ...], expected: Sequence[tuple[int, ...]], method: str, table: Table) -> None:
        if shape not in expected:
            allowed = " or ".join(map(str, dict.fromkeys(expected)))
            raise ModelBroken(f"{self._name}: {method} of {table.origin} answered in shape {shape}, expected {allowed}.")

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> ScikitLearnModel:
        """A clone with some parameters changed, fitted on the rows of `table` whose target is not null.

        Raises
        ------
        ModelError
            No such parameter or column, or the fit fails; its message is given.
        """
        fresh, told = self._clone(parameters or {}, seed)
        rows = with_target(table, target, self._name)
        expected = self._features
        features = [c for c in rows.columns if c != target] if expected is None else [c for c in expected if c in rows and c != target]
        if not features:
            raise ModelError(f"{self._name}: {table.origin} holds none of the {len(expected or ())} columns it was fitted on.")
        fingerprint = refit_fingerprint(self._fingerprint, table, target, parameters, seed)
        frame = frame_of(rows.select([*features, target]))
        try:
            with quietly() as notes:
                named = named_features(self._estimator) is not None
                fitted, categories = self._fit(fresh, frame[features] if named else frame[features].to_numpy(), frame[target])
        except Exception as error:  # The estimator is foreign code; whatever it raises is the reason why it cannot be fitted.
            raise ModelError(
                f"{self._name}: fitting it again on {table.origin} ({len(frame):,} rows) failed: {first_line(error)}."
            ) from error
        model = ScikitLearnModel(fitted, fingerprint=fingerprint, name=self._name, notes=notes, features=features, told=told)
        model._as_categories = categories
        return model

    def reloaded(self) -> Model:
        """The estimator dumped with joblib and loaded in another process, as whoever deploys it will.

        Raises
        ------
        ModelError
            It cannot be dumped, or does not load where the classes of this program are not.
        """
        from ruleout.models.child import reloaded_in_child

        return reloaded_in_child(self._estimator, fingerprint=self._fingerprint, name=self._name)

    def _clone(self, parameters: Mapping[str, Any], seed: int | None) -> tuple[Any, dict[str, Any]]:
        from sklearn.base import clone

        if not hasattr(self._estimator, "fit"):
            raise ModelError(f"{self._name}: {type(self._estimator).__name__} has no fit method, so it cannot be fitted again.")
        try:
            fresh = clone(self._estimator)
        except Exception:  # Prefit wrappers and foreign classes that cannot be cloned are copied and fitted over.
            try:
                fresh = copy.deepcopy(self._estimator)
            except Exception as error:  # A stranger's class may refuse to be copied in any way.
                raise ModelError(f"{self._name}: it can be neither cloned nor copied: {first_line(error)}.") from error
        known = _parameters(fresh)
        wanted: dict[str, Any] = {}
        for key, value in parameters.items():
            if key not in known:
                raise ModelError(
                    f"{self._name}: {step_names(fresh)[-1]} has no parameter {key!r} ({len(known)} parameters).{nearest(key, known)}"
                )
            if isinstance(value, str) and value == DEFAULT:
                wanted[key] = default_of(fresh, key)
                continue
            wanted[key] = tuple(value) if isinstance(known[key], tuple) and isinstance(value, list) else value
        told = {}
        for key, value in known.items():
            last = key.rsplit("__", 1)[-1]
            if last in SEEDS and seed is not None:
                wanted.setdefault(key, seed)
            if last == "n_jobs" and value not in (None, 1) and key not in wanted:
                wanted[key] = 1
                told[key] = value
        if wanted:
            try:
                fresh.set_params(**wanted)
            except Exception as error:  # Setters of foreign classes may raise anything.
                raise ModelError(f"{self._name}: setting {', '.join(sorted(wanted))} failed: {first_line(error)}.") from error
        return fresh, told

    def _fit(self, fresh: Any, inputs: Any, target: Any) -> tuple[Any, bool]:
        if self._as_categories:
            return fresh.fit(_texts_as_categories(inputs), target), True
        try:
            return fresh.fit(inputs, target), False
        except (ValueError, TypeError):
            # LightGBM and histogram boosting take text only as the dtype that the training code made of it.
            categories = None if hasattr(last_step(fresh), "transformers") else _texts_as_categories(inputs)
            if categories is None or step_names(fresh)[:-1]:
                raise
            return fresh.fit(categories, target), True

    def _inputs(self, table: Table) -> Any:
        """Return the estimator's columns, by name and in its order, as the data frame (or array) it was fitted with."""
        features = self._features
        if features is None:
            width = ask(self._estimator, "n_features_in_")
            if width is not None and width != len(table.columns):
                raise ModelError(
                    f"{self._name}: it was fitted on {width} columns without names and {table.origin} has {len(table.columns)}; "
                    "select its features, in order, before it is asked."
                )
            return frame_of(table).to_numpy()
        lacking = [c for c in features if c not in table]
        if lacking:
            some = ", ".join(repr(c) for c in lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            raise ModelError(
                f"{self._name}: {table.origin} lacks {len(lacking)} of the {len(features)} columns it was fitted on: "
                f"{some}.{nearest(lacking[0], [c for c in table.columns if c not in features])}"
            )
        frame = frame_of(table.select(features), self._categories())
        return frame if named_features(self._estimator) is not None else frame.to_numpy()

    def _categories(self) -> Mapping[str, Sequence[Any]]:
        found: Mapping[str, Sequence[Any]] = self.describe().fitted.get("categories", {})
        return found


def _parameters(estimator: Any) -> dict[str, Any]:
    give: Callable[..., dict[str, Any]] | None = ask(estimator, "get_params")
    if give is None:
        return {}
    try:
        return dict(give(deep=True))
    except Exception:  # A foreign class may break scikit-learn's rules for parameters; then it has none to tell.
        return {}


def _past_transforms(estimator: Any, inputs: Any) -> tuple[Any, Any]:
    """Return the last step of a pipeline and its inputs, so that answers and scores share one transformation."""
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline or len(estimator.steps) < 2 or not hasattr(estimator.steps[-1][1], "predict"):
        return estimator, inputs
    return estimator.steps[-1][1], estimator[:-1].transform(inputs)


def with_target(table: Table, target: str, name: str) -> Table:
    """Return the rows whose target is not null; raises `ModelError` where there is no such column or no such row."""
    if target not in table:
        raise ModelError(f"{name}: {table.origin} has no column {target!r} to learn from.{nearest(target, table.columns)}")
    column = table.arrow.column(target)
    missing = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
    mask = ~np.asarray(missing.to_numpy(zero_copy_only=False), dtype=bool)
    if mask.all() and len(mask):
        return table
    if not mask.any():
        raise ModelError(f"{name}: {table.origin} has no row with a {target!r} to learn from ({table.n_rows:,} rows).")
    return table.filter(mask)


def _texts_as_categories(inputs: Any) -> Any:
    """Return a data frame with its text columns as categories, or None where there is no text."""
    if not hasattr(inputs, "select_dtypes"):
        return None
    texts = [c for c in inputs.columns if inputs[c].dtype.kind in "OUT" or str(inputs[c].dtype) in ("str", "string")]
    return inputs.astype(dict.fromkeys(texts, "category")) if texts else None


@contextmanager
def quietly() -> Iterator[list[str]]:
    """Run foreign code on one thread with its warnings kept, counted by kind, and not shown."""
    import joblib
    from threadpoolctl import threadpool_limits

    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1), joblib.parallel_config(backend="sequential"):
        warnings.simplefilter("always")
        try:
            yield notes
        finally:
            notes.extend(told_warnings(caught))


def told_warnings(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return one line for each kind of warning: its class, how often it came, and what it said first."""
    counts = Counter(w.category.__name__ for w in caught)
    said: dict[str, str] = {}
    for warning in caught:
        said.setdefault(warning.category.__name__, " ".join(str(warning.message).split())[:300])
    return [f"{kind} ({count}x): {said[kind]}" for kind, count in counts.items()]


def _emptiness(estimator: Any) -> str:
    """Return why an estimator holds nothing, or ""."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return f"it was never fitted: {type(estimator).__name__} holds its settings only"
    except Exception:  # Not scikit-learn's own class: what it holds is asked below.
        pass
    last = last_step(estimator)
    name = type(last).__name__
    coefficients = ask(last, "coef_")
    if coefficients is not None and not _sparse_or_list(coefficients) and np.size(coefficients) == 0:
        return f"{name} has no coefficient"
    trees = _n_trees(last)
    if trees == 0:
        return f"{name} has no tree"
    if ask(last, "n_samples_fit_") == 0:
        return f"{name} holds no training row"
    return ""


def _n_trees(last: Any) -> int | None:
    for name in ("estimators_", "_predictors"):
        members = ask(last, name)
        if members is not None and hasattr(members, "__len__"):
            return len(members)
    booster = ask(last, "booster_")
    try:
        if booster is not None and hasattr(booster, "num_trees"):
            return int(booster.num_trees())
        if hasattr(last, "get_booster"):
            return int(last.get_booster().num_boosted_rounds())
    except Exception:  # A booster that cannot count its trees says nothing about being empty.
        return None
    return None


def _sparse_or_list(values: Any) -> bool:
    return isinstance(values, list) or hasattr(values, "tocsr")


def _finite(last: Any) -> bool:
    for holder in (last, *(ask(last, "estimators_", ()) if type(last).__name__.startswith(("OneVs", "Voting", "Bagging")) else ())):
        holder = holder if delegate(holder) is None else delegate(holder)
        for name in WEIGHTS:
            weights = ask(holder, name)
            if weights is None:
                continue
            for block in weights if isinstance(weights, list) else [weights]:
                numbers = block.data if hasattr(block, "tocsr") else np.asarray(block)
                if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                    return False
    return True
