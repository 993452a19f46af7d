from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ruleout.models.artifact import Artifact
from ruleout.models.child import ChildModel, Limits, close_workers
from ruleout.models.engines import open_artifact
from ruleout.tables.table import Table

ODD = '''
import os
import sys
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Odd(ClassifierMixin, BaseEstimator):
    """A classifier that misbehaves in the way that it is told."""

    def __init__(self, way="none"):
        self.way = way

    def fit(self, X, y):
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.way == "exit":
            print("the last words of a model", file=sys.stderr)
            sys.stderr.flush()
            os._exit(3)
        if self.way == "sys.exit":
            sys.exit(4)
        if self.way == "hang":
            time.sleep(600)
        if self.way == "shape":
            return np.zeros(len(X) - 1)
        if self.way == "print":
            print("RULEOUT1 this is no answer " * 100)
            os.write(1, b"nor is this")
        if self.way == "junk":
            for fd in range(3, 20):
                try:
                    os.write(fd, b"junk on every pipe there is")
                except OSError:
                    pass
        if self.way == "eat":
            np.ones((1 << 40,))
        return np.repeat(self.classes_[:1], len(X))


class Killer:
    """Ends whoever loads it."""

    def __reduce__(self):
        return (os._exit, (5,))
'''


@pytest.fixture(scope="session", autouse=True)
def _workers() -> Iterator[None]:
    yield
    close_workers()


@pytest.fixture(scope="session")
def cancer() -> Table:
    """Real rows with numbers, two text columns made of them, nulls in one number, and a text target."""
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :6].copy()
    frame.columns = [c.replace("mean ", "") for c in frame.columns]
    frame["size"] = pd.cut(frame["radius"], [0, 11, 14, 99], labels=["small", "middle", "large"]).astype(str)
    frame["surface"] = np.where(frame["texture"] > 19, "rough", "even")
    frame.loc[::17, "area"] = np.nan
    frame["diagnosis"] = np.where(data.target == 1, "benign", "malignant")
    return Table(pa.Table.from_pandas(frame, preserve_index=False), name="train", origin="reference/train.parquet")


@pytest.fixture(scope="session")
def diabetes() -> Table:
    frame = load_diabetes(as_frame=True, scaled=False).frame
    return Table(pa.Table.from_pandas(frame, preserve_index=False), name="train", origin="reference/train.parquet")


@pytest.fixture(scope="session")
def pipeline(cancer: Table) -> Pipeline:
    frame = cancer.to_pandas()
    numeric = ["radius", "texture", "area", "smoothness"]
    prepare = ColumnTransformer(
        [
            ("numbers", Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())]), numeric),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["size", "surface"]),
        ]
    )
    model = Pipeline([("prepare", prepare), ("model", LogisticRegression(max_iter=400, random_state=0))])
    return model.fit(frame.drop(columns="diagnosis"), frame["diagnosis"])


@pytest.fixture(scope="session")
def artifact(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    path = tmp_path_factory.mktemp("artifact") / "model.joblib"
    joblib.dump(pipeline, path, compress=3)
    return Artifact(path=path, trusted=True)


@pytest.fixture(scope="session")
def odd(cancer: Table, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ChildModel]:
    """Open an artifact that misbehaves in one way; its class lies in a module beside it."""
    folder: Path = tmp_path_factory.mktemp("odd")
    (folder / "odd_models.py").write_text(ODD)
    sys.path.insert(0, str(folder))
    module: Any = importlib.import_module("odd_models")
    sys.path.remove(str(folder))
    frame = cancer.to_pandas()

    def open_odd(way: str, **limits: Any) -> ChildModel:
        path = folder / f"{way}.joblib"
        if way == "load":
            joblib.dump(module.Killer(), path)
        else:
            joblib.dump(module.Odd(way).fit(frame.drop(columns="diagnosis"), frame["diagnosis"]), path)
        model = open_artifact(Artifact(path=path, trusted=True), limits=Limits(**limits) if limits else None)
        assert isinstance(model, ChildModel)
        return model

    return open_odd
