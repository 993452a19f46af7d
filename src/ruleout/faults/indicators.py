"""A model that was fitted on an array of numbers and one column per category, by a team that names no columns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable
from ruleout.faults.service import Service, healthy_log
from ruleout.faults.training import estimator

__all__ = ["Indicators", "as_indicators"]


@dataclass(frozen=True)
class Indicators:
    """What a service asks: it makes the array of a frame and hands it to the artifact.

    Parameters
    ----------
    levels
        For each category the levels that have a column, in the order of their columns.
    """

    artifact: Any
    numeric: Sequence[str]
    levels: Mapping[str, Sequence[str]]

    @property
    def classes_(self) -> Any:
        """The artifact's classes."""
        return self.artifact.classes_

    def array(self, frame: Any) -> np.ndarray:
        """Numbers first, then the indicators, shape (n_rows, n_columns)."""
        told = [(frame[c].astype(object) == level).to_numpy(float) for c, known in self.levels.items() for level in known]
        return np.column_stack([*(frame[c].to_numpy(float) for c in self.numeric), *told])

    def predict(self, frame: Any) -> Any:
        """The artifact's answers for a frame."""
        return self.artifact.predict(self.array(frame))

    def predict_proba(self, frame: Any) -> Any:
        """The artifact's probabilities for a frame."""
        return self.artifact.predict_proba(self.array(frame))


def as_indicators(service: Service, *, without_first: bool) -> Service:
    """The service with its model fitted on such an array, and its worth in validation measured again.

    Raises
    ------
    Inapplicable
        There are no categories, or numbers are missing that the model cannot do without.
    """
    data, half = service.system.dataset, service.fitted.half
    numeric, categorical = half.config["numeric"], half.config["categorical"]
    if not categorical or half.train[numeric].isna().any(axis=None) or service.requests[numeric].isna().any(axis=None):
        raise Inapplicable("no categories, or numbers that are missing")
    levels = {c: sorted(half.train[c].dropna().unique())[int(without_first) :] for c in categorical}
    if max(len(known) for known in levels.values()) > 60:
        raise Inapplicable("a category of too many levels for a column each")
    made = Indicators(_learner(half.config), numeric, levels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a run that has not converged is judged by its metric
        made.artifact.fit(made.array(half.train), half.train[data.target].to_numpy())
    fitted = replace(service.fitted, model=made.artifact)
    service = replace(service, fitted=fitted, asked=made)
    held = replace(service, requests=half.validation.reset_index(drop=True))
    worth = held.worth(healthy_log(held))
    return replace(service, fitted=replace(fitted, metric=worth, reported={**fitted.reported, service.system.metric: round(worth, 5)}))


def _learner(config: Mapping[str, Any]) -> Any:
    learner = estimator(dict(config))
    if config["algorithm"] not in ("logistic", "ridge", "mlp"):
        return learner
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), learner)
