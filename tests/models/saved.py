"""Every kind of artifact, made of real rows and saved as its own library saves it; what is not installed is skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NETWORK = """
import torch


class Network(torch.nn.Module):
    def __init__(self, width, hidden=8):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2))

    def forward(self, x):
        return self.layers((x - 300.0) / 300.0)
"""


@dataclass(frozen=True)
class Saved:
    """An artifact on disk: probability of class 1 (malignant) as the library itself gives it, and which columns it takes."""

    path: Path
    chances: np.ndarray
    columns: tuple[str, ...]


def rows() -> pd.DataFrame:
    """Numbers, one text column made of them, and a target of text."""
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :6].copy()
    frame.columns = [c.replace("mean ", "") for c in frame.columns]
    frame["size"] = pd.cut(frame["radius"], [0, 11, 14, 99], labels=["small", "middle", "large"]).astype(str)
    frame["diagnosis"] = np.where(data.target == 1, "benign", "malignant")
    return frame


NUMBERS = tuple(rows().columns[:6])
ALL = (*NUMBERS, "size")


def _codes(frame: pd.DataFrame) -> np.ndarray:
    return (frame["diagnosis"] == "malignant").to_numpy().astype(int)


def _linear(frame: pd.DataFrame, target: Any = None) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[list(NUMBERS)], frame["diagnosis"] if target is None else target)


def joblib_(folder: Path, frame: pd.DataFrame) -> Saved:
    import joblib

    model = _linear(frame)
    joblib.dump(model, folder / "model.joblib")
    return Saved(folder / "model.joblib", model.predict_proba(frame[list(NUMBERS)])[:, 1], NUMBERS)


def pickle_(folder: Path, frame: pd.DataFrame) -> Saved:
    import pickle

    model = _linear(frame)
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return Saved(folder / "model.pkl", model.predict_proba(frame[list(NUMBERS)])[:, 1], NUMBERS)


def skops(folder: Path, frame: pd.DataFrame) -> Saved:
    io = pytest.importorskip("skops.io")
    model = _linear(frame)
    io.dump(model, folder / "model.skops")
    return Saved(folder / "model.skops", model.predict_proba(frame[list(NUMBERS)])[:, 1], NUMBERS)


def onnx(folder: Path, frame: pd.DataFrame) -> Saved:
    pytest.importorskip("onnxruntime")
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    model = _linear(frame)
    array = frame[list(NUMBERS)].to_numpy().astype(np.float32)
    (folder / "model.onnx").write_bytes(to_onnx(_linear(frame), array[:1]).SerializeToString())
    return Saved(folder / "model.onnx", model.predict_proba(frame[list(NUMBERS)])[:, 1], NUMBERS)


def _xgboost(frame: pd.DataFrame) -> tuple[Any, np.ndarray]:
    library = pytest.importorskip("xgboost")
    features = frame[list(ALL)].astype({"size": "category"})
    data = library.DMatrix(features, _codes(frame), enable_categorical=True)
    model = library.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 20)
    return model, model.predict(data)


def xgboost_json(folder: Path, frame: pd.DataFrame) -> Saved:
    model, chances = _xgboost(frame)
    model.save_model(folder / "model.json")
    return Saved(folder / "model.json", chances, ALL)


def xgboost_ubj(folder: Path, frame: pd.DataFrame) -> Saved:
    model, chances = _xgboost(frame)
    model.save_model(folder / "model.ubj")
    return Saved(folder / "model.ubj", chances, ALL)


def lightgbm(folder: Path, frame: pd.DataFrame) -> Saved:
    library = pytest.importorskip("lightgbm")
    features = frame[list(ALL)].astype({"size": "category"})
    settings = {"objective": "binary", "num_leaves": 7, "learning_rate": 0.2, "verbose": -1, "num_threads": 1, "bagging_fraction": 0.8}
    model = library.train(settings, library.Dataset(features, _codes(frame)), 20)
    model.save_model(folder / "model.txt")
    return Saved(folder / "model.txt", model.predict(features), ALL)


def catboost(folder: Path, frame: pd.DataFrame) -> Saved:
    library = pytest.importorskip("catboost")
    options = {"iterations": 20, "depth": 3, "cat_features": ["size"], "thread_count": 1, "verbose": 0, "allow_writing_files": False}
    model = library.CatBoostClassifier(**options).fit(frame[list(ALL)].astype({"size": object}), frame["diagnosis"])
    model.save_model(folder / "model.cbm")
    return Saved(folder / "model.cbm", model.predict_proba(frame[list(ALL)].astype({"size": object}))[:, 1], ALL)


def _network(folder: Path, frame: pd.DataFrame) -> tuple[Any, np.ndarray, Any]:
    torch = pytest.importorskip("torch")
    space: dict[str, Any] = {}
    exec(NETWORK, space)  # the code that lies beside the weights
    torch.manual_seed(0)
    model = space["Network"](len(NUMBERS))
    inputs = torch.tensor(frame[list(NUMBERS)].to_numpy(dtype=np.float32))
    answers, optimizer = torch.tensor(_codes(frame)), torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), answers).backward()
        optimizer.step()
    with torch.no_grad():
        return model.eval(), torch.softmax(model(inputs), 1)[:, 1].numpy(), inputs


def torch_weights(folder: Path, frame: pd.DataFrame) -> Saved:
    torch = pytest.importorskip("torch")
    model, chances, _ = _network(folder, frame)
    (folder / "model.py").write_text(NETWORK)
    torch.save({"state_dict": model.state_dict(), "hyper_parameters": {"width": len(NUMBERS)}}, folder / "model.pt")
    return Saved(folder / "model.pt", chances, NUMBERS)


def torch_exported(folder: Path, frame: pd.DataFrame) -> Saved:
    torch = pytest.importorskip("torch")
    model, chances, inputs = _network(folder, frame)
    program = torch.export.export(model, (inputs[:4],), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(program, folder / "model.pt2")
    return Saved(folder / "model.pt2", chances, NUMBERS)


def torch_fixed_batch(folder: Path, frame: pd.DataFrame) -> Saved:
    torch = pytest.importorskip("torch")
    model, chances, inputs = _network(folder, frame)
    torch.export.save(torch.export.export(model, (inputs[:64],)), folder / "model.pt2")
    return Saved(folder / "model.pt2", chances, NUMBERS)


def mlflow(folder: Path, frame: pd.DataFrame) -> Saved:
    """A folder as MLflow lays it out, of a booster that names no columns: those of the signature count."""
    library = pytest.importorskip("lightgbm")
    root = folder / "model"
    root.mkdir()
    features = frame[list(NUMBERS)].to_numpy()
    model = library.train({"objective": "binary", "verbose": -1, "num_threads": 1}, library.Dataset(features, _codes(frame)), 20)
    model.save_model(root / "model.lgb")
    inputs = json.dumps([{"type": "double", "name": name, "required": True} for name in NUMBERS])
    flavors = (
        "  lightgbm:\n    data: model.lgb\n    model_class: lightgbm.basic.Booster\n  python_function:\n    loader_module: mlflow.lightgbm"
    )
    (root / "MLmodel").write_text(f"artifact_path: model\nflavors:\n{flavors}\nsignature:\n  inputs: '{inputs}'\n")
    return Saved(root, model.predict(features), NUMBERS)


def hugging_face(folder: Path, frame: pd.DataFrame) -> Saved:
    """A repository as skops lays it out, of a model fitted on an array."""
    io = pytest.importorskip("skops.io")
    root = folder / "model"
    root.mkdir()
    model = LogisticRegression(max_iter=5000).fit(frame[list(NUMBERS)].to_numpy(), frame["diagnosis"])
    io.dump(model, root / "model.skops")
    (root / "config.json").write_text(json.dumps({"sklearn": {"columns": list(NUMBERS), "model": {"file": "model.skops"}}}))
    return Saved(root, model.predict_proba(frame[list(NUMBERS)].to_numpy())[:, 1], NUMBERS)


MAKERS: dict[str, Callable[[Path, pd.DataFrame], Saved]] = {
    maker.__name__.rstrip("_"): maker
    for maker in (
        joblib_,
        pickle_,
        skops,
        onnx,
        xgboost_json,
        xgboost_ubj,
        lightgbm,
        catboost,
        torch_weights,
        torch_exported,
        torch_fixed_batch,
        mlflow,
        hugging_face,
    )
}
