from __future__ import annotations

import pickle
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from ruleout.errors import ModelError, TrustRequired
from ruleout.models.artifact import Artifact
from ruleout.tables.table import Table


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.joblib", b"", r"the artifact is empty \(0 bytes\)"),
        ("model.joblib", b"accuracy = 0.88\n", "this is a text file"),
        ("model.pkl", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("model.zip", b"PK\x03\x04rest", "a zip archive.*docs/models.md"),
        ("model.bin", b"\x00\x01\x02\x03\xff", "a file of unknown kind"),
    ],
)
def test_what_is_no_artifact_is_said_before_trust_is_asked(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Artifact(path=path).open()


def test_a_missing_file_a_folder_and_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        Artifact(path=tmp_path / "model.joblib").open()
    with pytest.raises(ModelError, match="a folder was given"):
        Artifact(path=tmp_path).open()
    with pytest.raises(ModelError, match="needs a path or an estimator"):
        Artifact().open()
    with pytest.raises(ModelError, match="a str was given, expected a fitted estimator"):
        Artifact(estimator="model").open()


def test_an_untrusted_artifact_is_not_opened(artifact: Artifact) -> None:
    with pytest.raises(TrustRequired, match=r"runs code that is in it; pass --trust"):
        Artifact(path=artifact.path).open()


def test_a_truncated_artifact_is_said_to_be(artifact: Artifact, tmp_path: Path) -> None:
    assert artifact.path is not None
    for name, content in [("compressed", artifact.path.read_bytes()), ("plain", pickle.dumps(joblib.load(artifact.path)))]:
        path = tmp_path / f"{name}.joblib"
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError, match=rf"{name}\.joblib: the artifact does not load, it is truncated or damaged"):
            Artifact(path=path, trusted=True).open()


def test_an_artifact_whose_package_is_missing_names_it(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04\x8c\x0cno_such_pack\x8c\x05Model\x93.")
    with pytest.raises(ModelError, match="needs the package 'no_such_pack', which is not installed here"):
        Artifact(path=path, trusted=True).open()


def test_an_artifact_of_a_script_or_of_another_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04\x8c\x08__main__\x8c\x0cMyClassifier\x93.")
    with pytest.raises(ModelError, match="saved from a script and needs a class or function of that script"):
        Artifact(path=path, trusted=True).open()
    path.write_bytes(b"\x80\x04\x8c\x14sklearn.linear_model\x8c\x0cNoSuchLinear\x93.")
    with pytest.raises(ModelError, match="saved with other versions of its packages"):
        Artifact(path=path, trusted=True).open()


@pytest.mark.parametrize(
    ("content", "message"), [(None, "is empty: it holds None"), ({}, "is empty: it holds dict"), ([1, 2], "holds a list")]
)
def test_an_artifact_that_holds_no_model(tmp_path: Path, content: object, message: str) -> None:
    joblib.dump(content, tmp_path / "model.joblib")
    with pytest.raises(ModelError, match=message):
        Artifact(path=tmp_path / "model.joblib", trusted=True).open()


def test_a_model_in_a_dictionary_is_found(pipeline: object, cancer: Table, tmp_path: Path) -> None:
    joblib.dump({"model": pipeline, "version": 3}, tmp_path / "bundle.pkl")
    model = Artifact(path=tmp_path / "bundle.pkl", trusted=True).open()
    assert model.predict(cancer).prediction.shape == (569,)


def test_a_model_of_another_version_of_scikit_learn_tells_the_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    monkeypatch.setattr("sklearn.base.__version__", "1.2.3")
    joblib.dump(model, tmp_path / "model.joblib")
    (note,) = Artifact(path=tmp_path / "model.joblib", trusted=True).open().describe().fitted["warnings"]
    assert note.startswith("InconsistentVersionWarning (1x)")
    assert "1.2.3" in note
