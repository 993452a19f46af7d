"""What a parameter is where nobody sets it."""

from __future__ import annotations

import inspect
from typing import Any

from ruleout.errors import ModelError

__all__ = ["DEFAULT", "default_of"]

DEFAULT = "ruleout: the default"
"""Stands for the default of a parameter in what a refit is asked to set; plain text, so that it passes to another process."""


def default_of(estimator: Any, parameter: str) -> Any:
    """The default that the class of a (nested) estimator gives a parameter: `default_of(pipe, "model__max_samples")` is None.

    Raises
    ------
    ModelError
        The parameter has no default, or its owner is no estimator.
    """
    owner, _, name = parameter.rpartition("__")
    held = estimator.get_params(deep=True).get(owner) if owner else estimator
    try:
        found = inspect.signature(type(held).__init__).parameters[name].default
    except (KeyError, TypeError, ValueError):
        found = inspect.Parameter.empty
    if found is inspect.Parameter.empty:
        raise ModelError(f"{type(held).__name__}: what {name!r} is by default cannot be told, so a run without it cannot be repeated.")
    return found
