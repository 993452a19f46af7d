"""The laboratory: where models are opened, asked and fitted again, and where every answer is remembered.

The rest of ruleout never opens an artifact itself. Everything here is cached by content, so asking twice costs once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.models.model import Model, Prediction
from ruleout.tables.table import Table

__all__ = ["Laboratory"]


class Laboratory:
    """Opens, asks and refits the models of one case. (Skeleton: bodies follow.)

    Parameters
    ----------
    case
        The case as it was read; counterfactual cases are passed to the methods.
    seed
        Seed of every random choice.
    """

    def __init__(self, case: Case, *, seed: int = 0) -> None:
        self.case = case
        self.seed = seed

    def model(self, side: SideName) -> Model | None:
        """The side's artifact, opened; None where there is none, it is not trusted, or it does not load."""
        raise NotImplementedError

    def healthy_model(self) -> Model | None:
        """The best model of the healthy world: the reference artifact, else one fitted as the current one on the reference's rows,
        else ruleout's own boosted trees (`witness`) on the reference's rows; None without labelled reference rows."""
        raise NotImplementedError

    def witness(self, table: Table) -> Model:
        """ruleout's own boosted trees fitted on a labelled table: a second opinion that needs no artifact and no trust."""
        raise NotImplementedError

    def fit(self, case: Case, side: SideName, *, seed: int | None = None) -> Model:
        """The model that the side's training would give in `case`: by `clone(artifact).fit` or `[run] train`. Raises `ModelError`."""
        raise NotImplementedError

    def predict(self, model: Model, table: Table) -> Prediction:
        """The model's answers for a table, remembered by content."""
        raise NotImplementedError

    def losses(self, model: Model, table: Table) -> np.ndarray:
        """Per-row loss, shape (n_rows,): 0/1 for classes, squared error for numbers; NaN where the target is null."""
        raise NotImplementedError

    def metric(self, model: Model, table: Table) -> float:
        """The case's metric of a model on a labelled table, in the metric's own direction."""
        raise NotImplementedError

    def parameter_keys(self) -> Mapping[str, str]:
        """Which configuration key is which estimator parameter: `{"learning_rate": "model__learning_rate_init"}`, found by value."""
        raise NotImplementedError

    def figures(self) -> dict[str, Any]:
        """What was spent: refits, predictions, seconds."""
        raise NotImplementedError
