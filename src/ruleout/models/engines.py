"""Which furniture reads an artifact is decided by its bytes first and its name second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruleout.errors import ModelError, TrustRequired
from ruleout.models.model import Model

if TYPE_CHECKING:
    from ruleout.models.artifact import Artifact
    from ruleout.models.child import Limits

__all__ = ["open_artifact"]

COMPRESSED = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"]\x00\x00", b"\x04\x22\x4d\x18")
"""How zlib, gzip, bzip2, xz, lzma and lz4 begin: joblib writes and finds out all of them."""

LOOK = 512

OTHERS = {
    ".skops": ("skops", "skops"),
    ".onnx": ("ONNX", "onnx"),
    ".pt": ("PyTorch", "torch"),
    ".pth": ("PyTorch", "torch"),
    ".safetensors": ("safetensors", "torch"),
    ".keras": ("Keras", "keras"),
    ".h5": ("Keras", "keras"),
    ".ubj": ("XGBoost", "xgboost"),
    ".cbm": ("CatBoost", "catboost"),
}


def open_artifact(artifact: Artifact, *, limits: Limits | None = None) -> Model:
    """Open an artifact: an estimator in memory as it is, a file in a child process and only when trusted.

    Parameters
    ----------
    artifact
        The path or the estimator.
    limits
        What the child process may use.

    Raises
    ------
    TrustRequired
        It lies in a file that runs code on loading, and the caller has not allowed that.
    ModelError
        It is not there, empty, damaged, or of a kind that this version does not read.
    """
    if artifact.path is None:
        from ruleout.models.scikit_learn import ScikitLearnModel

        if not hasattr(artifact.estimator, "predict"):
            raise ModelError(f"model: a {type(artifact.estimator).__name__} was given, expected a fitted estimator with a predict method.")
        return ScikitLearnModel(artifact.estimator, fingerprint=artifact.fingerprint)
    _look(artifact.path)
    if not artifact.trusted:
        raise TrustRequired(
            f"{artifact.path}: opening the artifact runs code that is in it; pass --trust (trust=True in Python) if you trust it."
        )
    from ruleout.models.child import open_in_child

    return open_in_child(artifact.path, fingerprint=artifact.fingerprint, limits=limits)


def _look(path: Path) -> None:
    """Raise `ModelError` where the first bytes or the name say that this is nothing that joblib or pickle wrote."""
    if path.is_dir():
        kind = "an MLflow model folder" if (path / "MLmodel").is_file() else "a folder"
        raise ModelError(f"{path}: {kind} was given; {_extra('mlflow') if 'MLflow' in kind else 'expected a joblib or pickle file.'}")
    try:
        with path.open("rb") as file:
            start = file.read(LOOK)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file; expected a fitted model as joblib or pickle.") from None
    except OSError as error:
        raise ModelError(f"{path}: the artifact cannot be read: {error.strerror}.") from error
    if not start:
        raise ModelError(f"{path}: the artifact is empty (0 bytes); look for where the training writes it.")
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path}: this is a Git LFS pointer and not the artifact; run `git lfs pull`.")
    if start.startswith(COMPRESSED) or (start[0] == 0x80 and start[1:2] <= b"\x10") or _old_pickle(path, start):
        return
    if start.startswith(b"PK\x03\x04") or path.suffix.lower() in OTHERS:
        kind, extra = OTHERS.get(path.suffix.lower(), ("a zip archive", "skops"))
        raise ModelError(f"{path}: the artifact is {kind}; {_extra(extra)}")
    if start.startswith(b"tree\n"):
        raise ModelError(f"{path}: the artifact is a LightGBM text model; {_extra('lightgbm')}")
    if start.lstrip()[:1] == b"{" and b"learner" in start:
        raise ModelError(f"{path}: the artifact is an XGBoost JSON model; {_extra('xgboost')}")
    text = _is_text(start)
    raise ModelError(f"{path}: this is {'a text file' if text else 'a file of unknown kind'}, expected a fitted model as joblib or pickle.")


def _extra(name: str) -> str:
    return f"that needs the extra {name!r}, and this version reads joblib and pickle: save the fitted estimator with joblib.dump."


def _old_pickle(path: Path, start: bytes) -> bool:
    """Whether this may be a pickle of protocol 0 or 1, which has no mark at its beginning."""
    return path.suffix.lower() in {".pkl", ".pickle", ".joblib"} and start[:1] in b"(cC]}" and not start.startswith(b"{")


def _is_text(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # A character may be cut in two where the reading stopped.
        return len(start) == LOOK and error.start > LOOK - 4
    return b"\0" not in start
