"""A fitted object in memory, whatever library made it, as a model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ruleout.models.model import Model
from ruleout.models.scikit_learn import ScikitLearnModel

__all__ = ["is_model", "live_model"]

NATIVE = {
    "xgboost": ("ruleout.models.formats.xgboost", "Booster", "XGBoostModel"),
    "lightgbm": ("ruleout.models.formats.lightgbm", "Booster", "LightGBMModel"),
    "catboost": ("ruleout.models.formats.catboost", "CatBoost", "CatBoostModel"),
    "torch.nn": ("ruleout.models.formats.torch", "Module", "TorchModel"),
}
"""By the module that has the class: where its furniture is, the class, and the furniture's name."""


def is_model(thing: Any) -> bool:
    """Whether an object can be asked for predictions: it has a predict method, or is a network."""
    return (hasattr(thing, "predict") and not isinstance(thing, type)) or _native(thing) is not None


def live_model(estimator: Any, *, fingerprint: str, name: str = "", notes: Sequence[str] = ()) -> Model:
    """The model that asks an object: a library's own booster or network by its own furniture, all else by scikit-learn's interface.

    Parameters
    ----------
    estimator
        Fitted, `is_model`.
    fingerprint
        A hash of what it is.
    name
        What errors call it.
    notes
        Warnings that came up when it was loaded.
    """
    native = _native(estimator)
    if native is None:
        return ScikitLearnModel(estimator, fingerprint=fingerprint, name=name, notes=notes)
    from importlib import import_module

    module, furniture = native
    made: Model = getattr(import_module(module), furniture)(estimator, fingerprint=fingerprint, name=name, notes=notes)
    return made


def _native(thing: Any) -> tuple[str, str] | None:
    """The furniture of a booster or network that has not scikit-learn's interface: its module and name; None for all else."""
    for library, (module, kind, furniture) in NATIVE.items():
        made_by = sys.modules.get(library)
        native = getattr(made_by, kind, None) if made_by is not None else None
        if native is not None and isinstance(thing, native) and not hasattr(thing, "predict_proba") and not _regressor(thing):
            return module, furniture
    return None


def _regressor(thing: Any) -> bool:
    """Whether an object is CatBoost's class with scikit-learn's interface, which is a `CatBoost` too."""
    return type(thing).__name__ in ("CatBoostRegressor", "CatBoostRanker")
