"""An artifact: a fitted model as it lies on disk or in memory, not yet opened."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruleout.errors import MissingExtra, ModelError
from ruleout.models.model import Model

__all__ = ["Artifact"]


@dataclass(frozen=True)
class Artifact:
    """A fitted model that has not been opened yet.

    Parameters
    ----------
    path
        The file or folder it lies in; opened in a child process.
    estimator
        A fitted estimator that is already in memory (the caller's own object, so it is used as it is).
    trusted
        The caller lets it run code on loading.
    """

    path: Path | None = None
    estimator: Any = None
    trusted: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the artifact's bytes."""
        digest = hashlib.blake2b(digest_size=16)
        if self.path is None:
            import pickle

            try:
                digest.update(pickle.dumps(self.estimator))
            except Exception:
                # What cannot be told by its content is like nothing else, in no other process either.
                digest.update(uuid.uuid4().bytes)
        else:
            files = sorted(p for p in self.path.rglob("*") if p.is_file()) if self.path.is_dir() else [self.path]
            for file in files:
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()

    @cached_property
    def locked(self) -> str:
        """Why it stays closed without the caller's trust; "" where it does not, or where it is of no known kind."""
        if self.path is None or self.trusted:
            return ""
        from ruleout.models.engines import format_at

        try:
            return format_at(self.path).code_in(self.path)
        except ModelError:
            return ""

    @cached_property
    def lacking(self) -> str:
        """The sentence that names the extra without which it stays closed; "" where nothing is lacking."""
        if self.path is None:
            return ""
        from ruleout.models.engines import format_at

        try:
            format_at(self.path).check_installed(self.path)
        except MissingExtra as error:
            return str(error)
        except ModelError:
            return ""
        return ""

    def open(self) -> Model:
        """The model, ready to be asked.

        Raises
        ------
        TrustRequired
            Loading it would run code and the caller has not allowed that.
        MissingExtra
            What reads its kind is not installed.
        ModelError
            It does not load; the reason is given.
        """
        from ruleout.models.engines import open_artifact

        if self.path is None and self.estimator is None:
            raise ModelError("model: an artifact needs a path or an estimator.")
        return open_artifact(self)
