"""Sides that stand alone, honest and leaking: a problem to be stated, with a model that can be fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.tree import DecisionTreeClassifier

from ruleout.case.case import Case, Side
from ruleout.case.code import Code
from ruleout.models.artifact import Artifact
from ruleout.problem.problem import Problem
from ruleout.problem.state import state_problem
from ruleout.tables.table import Table


def people(n: int = 2_000, seed: int = 0) -> pd.DataFrame:
    """Rows with six honest features that say something of `bought`, none of them much."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{k}": rng.normal(0, 1, n) for k in range(5)})
    frame["city"] = rng.choice(["Bern", "Basel", "Chur", "Genf"], n)
    value = frame[["x0", "x1", "x2"]].sum(axis=1) + (frame["city"] == "Bern") + rng.normal(0, 1.5, n)
    frame["bought"] = np.where(value > 0.4, "yes", "no")
    return frame


def problem_of(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    estimator: Any = None,
    without: Sequence[str] = (),
    code: str | None = None,
    **fields: Any,
) -> Problem:
    """The problem of one side alone whose tree has learned from all numeric columns but `bought` and `without`."""
    features = [c for c in train.columns if c not in ("bought", *without) and train[c].dtype.kind in "fiub"]
    model = (estimator or DecisionTreeClassifier(min_samples_leaf=5, random_state=0)).fit(train[features], train["bought"])
    tables = {
        name: Table(pa.Table.from_pandas(frame, preserve_index=False), name=name)
        for name, frame in (("train", train), ("validation", validation))
    }
    side = Side(
        train=tables["train"],
        validation=tables["validation"],
        model=Artifact(estimator=model),
        code=None if code is None else Code({"features.py": code}),
    )
    return state_problem(Case(current=side, target="bought", task="classification", metric="accuracy", **fields))


def halves(frame: pd.DataFrame, part: float = 0.6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first rows and the rest."""
    n = int(len(frame) * part)
    return frame.iloc[:n].reset_index(drop=True), frame.iloc[n:].reset_index(drop=True)
