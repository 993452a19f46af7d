"""A healthy retraining on real data, to be broken by the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ruleout.case import Case, Side

COLUMNS = ["mean radius", "mean texture", "mean smoothness", "mean concavity", "worst symmetry"]


def table(seed: int, n: int) -> pd.DataFrame:
    """Rows of the breast cancer data with a little noise, so that any number of different ones can be drawn."""
    data = load_breast_cancer(as_frame=True).frame
    rng = np.random.default_rng(seed)
    rows = data.iloc[rng.integers(0, len(data), n)].reset_index(drop=True)
    frame = rows[COLUMNS] * np.exp(rng.normal(0, 0.02, (n, len(COLUMNS))))
    frame["benign"] = np.where(rows["target"] == 1, "yes", "no")
    return frame


def fitted(frame: pd.DataFrame, C: float = 1.0) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500)).fit(frame[COLUMNS], frame["benign"])


@pytest.fixture
def retraining() -> Callable[..., Case]:
    """Make a case: functions that break the current training and validation rows, and the current setting of `C`."""

    def make(
        break_train: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        C: float = 1.0,
        break_validation: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        **fields: Any,
    ) -> Case:
        old, new = table(1, 1500), table(2, 1500)
        new = break_train(new) if break_train else new
        judged = table(4, 1000)
        judged = break_validation(judged) if break_validation else judged
        return Case(
            reference=Side(train=old, validation=table(3, 1000), model=fitted(old), config={"C": 1.0}),
            current=Side(train=new, validation=judged, model=fitted(new, C), config={"C": C}),
            target="benign",
            metric="accuracy",
            changed="retraining",
            **fields,
        )

    return make
