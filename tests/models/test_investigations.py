"""Each kind of artifact from its file to the conclusion: real rows, one fault at retraining or in production, and the cause proved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import ruleout
from ruleout.conclusion.conclusion import Conclusion
from tests.models.diamonds import CATEGORIES, FEATURES, NUMBERS, Save, case_toml, retrained, served

TRAIN_XGBOOST = """
import argparse, json
import pandas as pd, xgboost as xgb

parser = argparse.ArgumentParser()
for name in ("train", "config", "model", "seed"):
    parser.add_argument("--" + name)
given = parser.parse_args()
rows, config = pd.read_parquet(given.train), json.load(open(given.config))
features = rows.drop(columns="dear").astype({c: "category" for c in ("cut", "color", "clarity")})
data = xgb.DMatrix(features, rows["dear"] == "yes", enable_categorical=True)
settings = {"objective": "binary:logistic", "max_depth": config["max_depth"], "seed": int(given.seed), "nthread": 1}
xgb.train(settings, data, config["rounds"]).save_model(given.model)
"""


def _coded(frame: pd.DataFrame) -> np.ndarray:
    return (frame["dear"] == "yes").to_numpy().astype(int)


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[list(FEATURES)].astype(dict.fromkeys(CATEGORIES, "category"))


def _pipeline(frame: pd.DataFrame) -> Any:
    prepare = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)))
    return make_pipeline(prepare, LogisticRegression(max_iter=500)).fit(frame[list(FEATURES)], frame["dear"])


def save_joblib(frame: pd.DataFrame, folder: Path) -> Path:
    import joblib

    joblib.dump(_pipeline(frame), folder / "model.joblib")
    return folder / "model.joblib"


def save_skops(frame: pd.DataFrame, folder: Path) -> Path:
    pytest.importorskip("skops.io").dump(_pipeline(frame), folder / "model.skops")
    return folder / "model.skops"


def save_hugging_face(frame: pd.DataFrame, folder: Path) -> Path:
    root = folder / "model"
    root.mkdir(exist_ok=True)
    save_skops(frame, root)
    (root / "config.json").write_text(json.dumps({"sklearn": {"columns": list(FEATURES), "model": {"file": "model.skops"}}}))
    return root


def _lightgbm(frame: pd.DataFrame) -> Any:
    library = pytest.importorskip("lightgbm")
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1}
    return library.train(settings, library.Dataset(_categories(frame), _coded(frame)), 40)


def save_lightgbm(frame: pd.DataFrame, folder: Path) -> Path:
    _lightgbm(frame).save_model(folder / "model.txt")
    return folder / "model.txt"


def save_mlflow(frame: pd.DataFrame, folder: Path) -> Path:
    root = folder / "model"
    root.mkdir(exist_ok=True)
    _lightgbm(frame).save_model(root / "model.lgb")
    (root / "MLmodel").write_text("flavors:\n  lightgbm:\n    data: model.lgb\n  python_function:\n    loader_module: mlflow.lightgbm\n")
    return root


def save_catboost(frame: pd.DataFrame, folder: Path) -> Path:
    library = pytest.importorskip("catboost")
    options = {"iterations": 40, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    model = library.CatBoostClassifier(**options, cat_features=list(CATEGORIES))
    model.fit(frame[list(FEATURES)].astype(dict.fromkeys(CATEGORIES, object)), frame["dear"]).save_model(folder / "model.cbm")
    return folder / "model.cbm"


def save_xgboost(frame: pd.DataFrame, folder: Path) -> Path:
    library = pytest.importorskip("xgboost")
    data = library.DMatrix(_categories(frame), _coded(frame), enable_categorical=True)
    model = library.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, data, 30)
    model.save_model(folder / "model.ubj")
    return folder / "model.ubj"


def answer_xgboost(path: Path, log: pd.DataFrame) -> np.ndarray:
    import xgboost

    return np.asarray(xgboost.Booster(model_file=path).predict(xgboost.DMatrix(_categories(log), enable_categorical=True)))


def save_onnx(frame: pd.DataFrame, folder: Path) -> Path:
    pytest.importorskip("onnxruntime")
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    model = RandomForestClassifier(30, min_samples_leaf=5, random_state=0).fit(frame[list(NUMBERS)].to_numpy(), frame["dear"])
    array = frame[list(NUMBERS)].to_numpy().astype(np.float32)
    (folder / "model.onnx").write_bytes(to_onnx(model, array[:1], options={"zipmap": False}).SerializeToString())
    return folder / "model.onnx"


def answer_onnx(path: Path, log: pd.DataFrame) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    answers = session.run(None, {session.get_inputs()[0].name: log.to_numpy().astype(np.float32)})
    return np.asarray(answers[1])[:, 1]


def _network(frame: pd.DataFrame) -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    inputs, answers = torch.tensor(frame[list(NUMBERS)].to_numpy(dtype=np.float32)), torch.tensor(_coded(frame))
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), answers).backward()
        optimizer.step()
    return model.eval()


def save_torch(frame: pd.DataFrame, folder: Path) -> Path:
    torch = pytest.importorskip("torch")
    rows = torch.zeros(4, 3)
    torch.export.save(torch.export.export(_network(frame), (rows,), dynamic_shapes=({0: torch.export.Dim("n")},)), folder / "model.pt2")
    return folder / "model.pt2"


def answer_torch(path: Path, log: pd.DataFrame) -> np.ndarray:
    import torch

    with torch.no_grad():
        logits = torch.export.load(str(path)).module()(torch.tensor(log.to_numpy(dtype=np.float32)))
    return np.asarray(torch.softmax(logits, 1)[:, 1].numpy())


def found(case: Path, **given: Any) -> Conclusion:
    options = {"trust": False, **({} if (case / "case.toml").is_file() else {"target": "dear"}), **given}
    return ruleout.investigate(ruleout.read_case(case, **options))


def assert_unit_change(conclusion: Conclusion, table: str) -> None:
    (cause,) = conclusion.causes
    assert (cause.cause, cause.where) == ("data.unit-change", (f"{table}.carat",)), conclusion.summary
    assert cause.share is not None
    assert cause.share > 0.9


@pytest.mark.parametrize("save", [save_skops, save_lightgbm, save_mlflow, save_catboost], ids=lambda save: save.__name__[5:])
def test_a_retraining_is_done_again_without_trust_where_the_artifact_runs_no_code(save: Save, tmp_path: Path) -> None:
    conclusion = found(retrained(tmp_path, save))
    assert_unit_change(conclusion, "train")
    assert conclusion.examination.figures["n_refits"] > 0
    assert not any("stand in" in sentence for sentence in conclusion.assumptions)


def test_a_retraining_of_a_joblib_pipeline_needs_trust(tmp_path: Path) -> None:
    assert_unit_change(found(retrained(tmp_path, save_joblib), trust=True), "train")


@pytest.mark.slow
def test_a_booster_that_does_not_keep_its_training_is_trained_by_the_command(tmp_path: Path) -> None:
    case = retrained(tmp_path, save_xgboost)
    (case / "train.py").write_text(TRAIN_XGBOOST)
    for side in ("reference", "current"):
        (case / side / "config.json").write_text('{"max_depth": 4, "rounds": 30}')
    case_toml(case, {"train": "python train.py --train {train} --config {config} --model {model} --seed {seed}"})
    conclusion = found(case, trust=True)
    assert_unit_change(conclusion, "train")
    assert conclusion.examination.figures["n_runs"] > 0
    assert any("0 as 'no', 1 as 'yes'" in sentence for sentence in conclusion.assumptions)


def test_where_nothing_can_train_it_again_a_stand_in_does_and_this_is_said(tmp_path: Path) -> None:
    conclusion = found(retrained(tmp_path, save_onnx, columns=NUMBERS))
    assert_unit_change(conclusion, "train")
    assert conclusion.examination.figures["n_refits"] == 0
    assert "measuring again, ruleout's own boosted trees standing in for the model that is trained." in conclusion.summary
    assert any(s.startswith("current.model does not keep how it was trained") and "stand in" in s for s in conclusion.assumptions)


@pytest.mark.parametrize(
    ("save", "answer", "columns", "trust"),
    [
        (save_onnx, answer_onnx, NUMBERS, False),
        (save_xgboost, answer_xgboost, FEATURES, False),
        (save_torch, answer_torch, NUMBERS, True),
        (
            save_hugging_face,
            lambda path, log: pytest.importorskip("skops.io").load(path / "model.skops").predict_proba(log)[:, 1],
            FEATURES,
            False,
        ),
    ],
    ids=["onnx", "xgboost", "torch", "hugging_face"],
)
def test_what_production_asked_is_replayed(save: Save, answer: Any, columns: tuple[str, ...], trust: bool, tmp_path: Path) -> None:
    conclusion = found(served(tmp_path, save, answer, columns=columns), trust=trust)
    assert_unit_change(conclusion, "serving")


def test_a_network_stays_closed_without_trust_and_this_is_said(tmp_path: Path) -> None:
    conclusion = found(retrained(tmp_path, save_torch, columns=NUMBERS))
    assert [m["evidence"] for m in conclusion.missing if "stay closed without --trust" in m["why"]] == ["trust"]


def test_a_missing_extra_is_said_and_the_investigation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ruleout.models.formats import format as format_module

    case = retrained(tmp_path, save_onnx, columns=NUMBERS)
    monkeypatch.setattr(format_module, "find_spec", lambda _: None)
    conclusion = found(case)
    assert_unit_change(conclusion, "train")
    (lacking,) = (m for m in conclusion.missing if "pip install" in m["why"])
    assert lacking["evidence"] == "current.model"
    assert lacking["why"].endswith("which is not installed: pip install 'ruleout[onnx]'.")
