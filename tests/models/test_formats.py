from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pytest

from ruleout.errors import MissingExtra, ModelError, TrustRequired
from ruleout.models import formats
from ruleout.models.artifact import Artifact
from ruleout.models.by_labels import ByLabels
from ruleout.models.formats import format as format_module
from ruleout.models.formats import format_of
from ruleout.models.model import UNSAVED, Model, reloaded
from ruleout.tables.table import Table
from tests.models.saved import ALL, MAKERS, NUMBERS, Saved, rows

NO_TRUST = {"skops", "onnx", "xgboost_json", "xgboost_ubj", "lightgbm", "catboost", "mlflow", "hugging_face"}
REFITTED = {"joblib", "pickle", "skops", "lightgbm", "catboost", "mlflow", "hugging_face"}
ONLY_READ = {"onnx"}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Saved]:
    known: dict[str, Saved] = {}

    def make(kind: str) -> Saved:
        if kind not in known:
            known[kind] = MAKERS[kind](tmp_path_factory.mktemp(kind), rows())
        return known[kind]

    return make


def table(columns: tuple[str, ...]) -> Table:
    frame = rows()[[*columns, "diagnosis"]]
    return Table(pa.Table.from_pandas(frame, preserve_index=False), name="train", origin="train.parquet")


def opened(saved: Saved, *, trusted: bool = True) -> Model:
    """The artifact asked by the names of its columns and classes, as the laboratory asks it."""
    from ruleout.models.by_position import ByPosition

    model = Artifact(path=saved.path, trusted=trusted).open()
    told = model.describe()
    if told.features is None:
        assert told.width == len(saved.columns)
        model = ByPosition(model, saved.columns)
    return ByLabels(model, "classification", ("benign", "malignant")) if told.outputs else model


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_answers_as_its_own_library_does(kind: str, made: Callable[[str], Saved]) -> None:
    saved = made(kind)
    answer = opened(saved).predict(table(saved.columns))
    assert answer.classes == ("benign", "malignant")
    assert answer.score is not None
    np.testing.assert_allclose(answer.score[:, 1], saved.chances, atol=2e-5)
    expected = np.where(saved.chances > 0.5, "malignant", "benign")
    assert np.mean(answer.prediction == expected) == 1.0
    assert np.mean(answer.prediction == rows()["diagnosis"]) > 0.85


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_is_told_by_exactly_one_format(kind: str, made: Callable[[str], Saved]) -> None:
    path = made(kind).path
    start = b"" if path.is_dir() else path.read_bytes()[: formats.LOOK]
    assert len([f for f in formats.formats() if f.recognises(path, start)]) == 1


@pytest.mark.parametrize("kind", MAKERS)
def test_what_can_run_code_needs_trust_and_what_cannot_does_not(kind: str, made: Callable[[str], Saved]) -> None:
    saved = made(kind)
    artifact = Artifact(path=saved.path)
    if kind in NO_TRUST:
        assert artifact.locked == ""
        assert opened(saved, trusted=False).predict(table(saved.columns)).prediction.shape == (len(rows()),)
    else:
        assert artifact.locked
        with pytest.raises(TrustRequired, match="--trust"):
            artifact.open()


@pytest.mark.parametrize("kind", MAKERS)
def test_a_missing_library_is_named_with_its_extra(kind: str, made: Callable[[str], Saved], monkeypatch: pytest.MonkeyPatch) -> None:
    saved = made(kind)
    monkeypatch.setattr(format_module, "find_spec", lambda _: None)
    artifact = Artifact(path=saved.path, trusted=True)
    if kind in ("joblib", "pickle"):
        assert artifact.lacking == ""
        return
    with pytest.raises(MissingExtra, match=r"which is not installed: pip install 'ruleout\[\w+\]'\."):
        artifact.open()
    assert artifact.lacking.startswith(str(saved.path))


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_survives_being_saved_and_loaded_again(kind: str, made: Callable[[str], Saved]) -> None:
    saved, rows_ = made(kind), table(made(kind).columns)
    model = opened(saved)
    if kind in ONLY_READ:
        with pytest.raises(ModelError, match=UNSAVED):
            reloaded(model)
        return
    np.testing.assert_array_equal(reloaded(model).predict(rows_).score, model.predict(rows_).score)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_refit_gives_the_same_model_or_says_what_is_needed(kind: str, made: Callable[[str], Saved]) -> None:
    saved, rows_ = made(kind), table(made(kind).columns)
    model = opened(saved)
    assert model.describe().refits == (kind in REFITTED)
    if kind not in REFITTED:
        with pytest.raises(ModelError, match=r"give \[run\] train"):
            model.refit(rows_, "diagnosis")
        return
    again = model.refit(rows_, "diagnosis")
    assert again.describe().classes == ("benign", "malignant")
    assert again.fingerprint != model.fingerprint
    np.testing.assert_allclose(again.predict(rows_).score, model.predict(rows_).score, atol=1e-9)
    fewer = model.refit(rows_.take(np.arange(0, 500)), "diagnosis", seed=1)
    assert not np.allclose(fewer.predict(rows_).score, model.predict(rows_).score, atol=1e-9)


@pytest.mark.parametrize("kind", MAKERS)
def test_half_a_file_is_an_error_and_nothing_worse(kind: str, made: Callable[[str], Saved], tmp_path: Path) -> None:
    saved = made(kind)
    if saved.path.is_dir():
        pytest.skip("a folder is cut off file by file")
    half = tmp_path / saved.path.name
    half.write_bytes(saved.path.read_bytes()[: saved.path.stat().st_size // 2])
    with pytest.raises(ModelError, match=re.escape(str(half))):
        Artifact(path=half, trusted=True).open()


def test_boosters_are_asked_with_their_own_categories(made: Callable[[str], Saved]) -> None:
    for kind in ("xgboost_json", "lightgbm", "catboost"):
        try:
            saved = made(kind)
        except pytest.skip.Exception:
            continue
        model, rows_ = opened(saved), table(ALL)
        few = rows_.filter(rows()["size"].to_numpy() == "large")
        expected = model.predict(rows_).score[rows()["size"].to_numpy() == "large"]  # type: ignore[index]  # a classifier
        np.testing.assert_allclose(model.predict(few).score, expected, err_msg=f"{kind}: codes depend on what the table holds")
        strange = rows_.with_column("size", pa.array(["never seen"] * rows_.n_rows))
        assert model.predict(strange).prediction.shape == (rows_.n_rows,)


def test_importances_and_parameters_are_told(made: Callable[[str], Saved]) -> None:
    for kind, setting in (("lightgbm", ("learning_rate", 0.2)), ("catboost", ("depth", 3)), ("xgboost_json", ("num_boost_round", 20))):
        try:
            told = opened(made(kind)).describe()
        except pytest.skip.Exception:
            continue
        assert told.parameters[setting[0]] == setting[1]
        assert set(told.fitted["importances"]) == set(ALL)
        assert max(told.fitted["importances"].values()) > 0
        assert told.finite
        assert told.empty == ""


def test_a_refit_with_another_parameter_is_another_model(made: Callable[[str], Saved]) -> None:
    for kind, changes in (("lightgbm", {"num_iterations": 2}), ("catboost", {"iterations": 2})):
        try:
            model = opened(made(kind))
        except pytest.skip.Exception:
            continue
        weak = model.refit(table(ALL), "diagnosis", parameters=changes)
        assert np.ptp(weak.predict(table(ALL)).score[:, 1]) < np.ptp(model.predict(table(ALL)).score[:, 1])  # type: ignore[index]  # as above
        with pytest.raises(ModelError, match="no parameter 'iteration'"):
            model.refit(table(ALL), "diagnosis", parameters={"iteration": 2})


def test_a_pickled_booster_is_asked_as_one(tmp_path: Path) -> None:
    library = pytest.importorskip("xgboost")
    frame = rows()
    data = library.DMatrix(frame[list(NUMBERS)], frame["diagnosis"] == "malignant")
    booster = library.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    joblib.dump({"model": booster, "version": 2}, tmp_path / "model.joblib")
    model = Artifact(path=tmp_path / "model.joblib", trusted=True).open()
    assert model.describe().engine == "XGBoost"
    np.testing.assert_allclose(model.predict(table(NUMBERS)).score[:, 1], booster.predict(data))  # type: ignore[index]  # as above
    assert Artifact(estimator=booster).open().describe() == model.describe()


def test_a_booster_without_a_tree_is_empty(tmp_path: Path) -> None:
    library = pytest.importorskip("xgboost")
    frame = rows()
    data = library.DMatrix(frame[list(NUMBERS)], frame["diagnosis"] == "malignant")
    library.train({"objective": "binary:logistic"}, data, 0).save_model(tmp_path / "model.json")
    assert Artifact(path=tmp_path / "model.json").open().describe().empty == "Booster has no tree"


def test_an_onnx_graph_that_takes_a_column_at_a_time(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = rows()
    prepare = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), ["size"]))
    model = make_pipeline(prepare, LogisticRegression()).fit(frame[list(ALL)], frame["diagnosis"])
    types = [*((c, FloatTensorType([None, 1])) for c in NUMBERS), ("size", StringTensorType([None, 1]))]
    (tmp_path / "model.onnx").write_bytes(convert.convert_sklearn(model, initial_types=types).SerializeToString())
    graph = Artifact(path=tmp_path / "model.onnx").open()
    assert graph.describe().features == ALL
    np.testing.assert_allclose(graph.predict(table(ALL)).score, model.predict_proba(frame[list(ALL)]), atol=1e-5)


def test_a_type_that_skops_does_not_know_needs_trust(tmp_path: Path) -> None:
    io = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    model = make_pipeline(FunctionTransformer(Path.exists), LogisticRegression())
    io.dump(model, tmp_path / "model.skops")
    artifact = Artifact(path=tmp_path / "model.skops")
    assert artifact.locked == ""
    with pytest.raises(TrustRequired, match=r"holds pathlib\.\S+, which skops does not know to be harmless; pass --trust"):
        artifact.open()


def test_weights_without_code_say_what_to_do(made: Callable[[str], Saved], tmp_path: Path) -> None:
    saved = made("torch_weights")
    alone = tmp_path / "alone" / "model.pt"
    alone.parent.mkdir()
    alone.write_bytes(saved.path.read_bytes())
    with pytest.raises(ModelError, match=r"put the code that builds it beside it as model\.py"):
        Artifact(path=alone, trusted=True).open()
    (alone.parent / "model.py").write_text(
        "import torch\n\nclass Other(torch.nn.Linear):\n    def __init__(self): super().__init__(2, 2)\n"
    )
    with pytest.raises(ModelError, match=r"the weights do not fit model\.py: Other: RuntimeError"):
        Artifact(path=alone, trusted=True).open()


def test_a_folder_of_mlflow_that_only_python_can_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: nowhere\n")
    with pytest.raises(TrustRequired, match="without a native flavour runs the code that is in it"):
        Artifact(path=tmp_path).open()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(ModelError, match="names no flavours"):
        Artifact(path=tmp_path).open()


def test_a_model_that_mlflow_alone_can_ask(tmp_path: Path) -> None:
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    (tmp_path / "code.py").write_text(
        "import mlflow\n"
        "class Rule(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return ['malignant' if a > 700 else 'benign' for a in model_input['area']]\n"
        "mlflow.models.set_model(Rule())\n"
    )
    pyfunc.save_model(tmp_path / "model", python_model=str(tmp_path / "code.py"), pip_requirements=["pandas"])
    with pytest.raises(TrustRequired):
        Artifact(path=tmp_path / "model").open()
    answer = Artifact(path=tmp_path / "model", trusted=True).open().predict(table(NUMBERS))
    assert (answer.prediction == np.where(rows()["area"] > 700, "malignant", "benign")).all()


def test_a_folder_cannot_name_a_file_outside_of_it(tmp_path: Path) -> None:
    root = tmp_path / "model"
    root.mkdir()
    (tmp_path / "other.lgb").write_text("tree\n")
    (root / "MLmodel").write_text("flavors:\n  lightgbm:\n    data: ../other.lgb\n")
    with pytest.raises(TrustRequired):
        Artifact(path=root).open()


def test_every_format_is_documented_with_its_extra_and_its_trust() -> None:
    for kind in formats.formats():
        line = next(
            (row for row in DOCUMENT.splitlines() if row.startswith("|") and kind.name.removeprefix("an ").removeprefix("a ") in row), ""
        )
        assert line, f"docs/models.md has no row for {kind.name}"
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert (f"`{kind.extra}`" in cells[2]) == bool(kind.extra), line
        assert cells[3].startswith({"never": "no", "always": "yes", "sometimes": "only"}[kind.trust]), line
        assert cells[4] == "yes"
        assert [c.startswith("yes") for c in cells[5:8]] == [kind.scores, kind.importances, kind.refits], line


def test_format_of_a_file_that_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x00\x01\x02")
    assert format_of(tmp_path / "model.bin") is None
