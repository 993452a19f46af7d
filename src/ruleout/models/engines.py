"""Which furniture reads an artifact is decided by its bytes first and its name second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruleout.errors import ModelError, TrustRequired
from ruleout.models.formats import LOOK, Format, format_of
from ruleout.models.model import Model

if TYPE_CHECKING:
    from ruleout.models.artifact import Artifact
    from ruleout.models.child import Limits

__all__ = ["format_at", "open_artifact"]


def open_artifact(artifact: Artifact, *, limits: Limits | None = None) -> Model:
    """Open an artifact: an estimator in memory as it is, a file or folder in a child process.

    Parameters
    ----------
    artifact
        The path or the estimator.
    limits
        What the child process may use.

    Raises
    ------
    TrustRequired
        Loading it would run code, and the caller has not allowed that.
    MissingExtra
        What reads its kind is not installed.
    ModelError
        It is not there, empty, damaged, or of no known kind.
    """
    if artifact.path is None:
        from ruleout.models.live import is_model, live_model

        if not is_model(artifact.estimator):
            raise ModelError(f"model: a {type(artifact.estimator).__name__} was given, expected a fitted estimator with a predict method.")
        return live_model(artifact.estimator, fingerprint=artifact.fingerprint)
    kind = format_at(artifact.path)
    reason = "" if artifact.trusted else kind.code_in(artifact.path)
    if reason:
        raise TrustRequired(f"{artifact.path}: {reason}; pass --trust (trust=True in Python) if you trust it.")
    kind.check_installed(artifact.path)
    from ruleout.models.child import open_in_child

    return open_in_child(artifact.path, format_name=kind.name, fingerprint=artifact.fingerprint, trusted=artifact.trusted, limits=limits)


def format_at(path: Path) -> Format:
    """The format of what lies at a path.

    Raises
    ------
    ModelError
        Nothing lies there, or nothing that could be a model; what lies there instead is said.
    """
    try:
        start = b"" if path.is_dir() else _start(path)
        found = format_of(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file; expected a fitted model as joblib or pickle.") from None
    except OSError as error:
        raise ModelError(f"{path}: the artifact cannot be read: {error.strerror}.") from error
    if path.is_dir():
        if found is None:
            raise ModelError(f"{path}: a folder was given, expected a file, or a folder with MLmodel in it, as MLflow writes it.")
        return found
    if not start:
        raise ModelError(f"{path}: the artifact is empty (0 bytes); look for where the training writes it.")
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path}: this is a Git LFS pointer and not the artifact; run `git lfs pull`.")
    if found is None:
        kind = "a zip archive" if start.startswith(b"PK\x03\x04") else "a text file" if _is_text(start) else "a file of unknown kind"
        raise ModelError(
            f"{path}: this is {kind}, expected a fitted model as joblib or pickle, or of another kind that docs/models.md names; "
            "give [run] predict for what ruleout cannot open."
        )
    return found


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LOOK)


def _is_text(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # A character may be cut in two where the reading stopped.
        return len(start) == LOOK and error.start > LOOK - 4
    return b"\0" not in start
