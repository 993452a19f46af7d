"""What every format of a fitted model says of itself, and the little that all of them can do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from ruleout.errors import MissingExtra, ModelError
from ruleout.models.model import UNSAVED, Model

__all__ = ["Format", "Opening"]


@dataclass(frozen=True)
class Opening:
    """What is known of an artifact when it is opened.

    Parameters
    ----------
    name
        What errors call it: its path, as a rule.
    fingerprint
        A hash of its bytes.
    trusted
        The caller lets it run code on loading.
    """

    name: str
    fingerprint: str
    trusted: bool = False


class Format:
    """One kind of file (or folder) that a fitted model lies in; each kind is a module of this package with one such class.

    Attributes
    ----------
    name
        What errors and documents call it.
    extra
        The extra of ruleout that brings what reads it; "" where nothing more is needed.
    modules
        The modules that read it.
    suffixes
        How its files usually end.
    trust
        Whether loading it runs code: "always", "never", or "sometimes" (`code_in` says when).
    scores, importances, refits
        What can be asked of its models besides predictions: class scores, the weight of each feature, a fit on other rows.
    """

    name: ClassVar[str]
    extra: ClassVar[str] = ""
    modules: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()
    trust: ClassVar[str] = "never"
    scores: ClassVar[bool] = True
    importances: ClassVar[bool] = False
    refits: ClassVar[bool] = False

    def recognises(self, path: Path, start: bytes) -> bool:
        """Whether an artifact is of this kind.

        Parameters
        ----------
        path
            File or folder.
        start
            The first bytes of a file; b"" for a folder.
        """
        raise NotImplementedError

    def code_in(self, path: Path) -> str:
        """Why loading this artifact would run code that comes with it, as far as can be told without loading; "" where it would not."""
        return "opening the artifact runs code that is in it" if self.trust == "always" else ""

    def open(self, path: Path, opening: Opening) -> Model:
        """The model, loaded; runs in the child process.

        Raises
        ------
        TrustRequired
            On a closer look it would run code, and the caller has not allowed that.
        ModelError
            It does not load; the reason is given.
        """
        raise NotImplementedError

    def save(self, model: Model, folder: Path) -> Path:
        """Save a model that is loaded once more, in this format; runs in the child process.

        Raises
        ------
        ModelError
            A model of this format cannot be saved again.
        """
        raise ModelError(f"a model that was read from {self.name} {UNSAVED}.")

    def lacks(self) -> str:
        """The first module that reads this format and is not installed; "" where all are."""
        return next((module for module in self.modules if find_spec(module) is None), "")

    def check_installed(self, path: Path) -> None:
        """Raise `MissingExtra` where what reads this format is not installed."""
        if module := self.lacks():
            install = f"pip install 'ruleout[{self.extra}]'"
            raise MissingExtra(f"{path}: the artifact is {self.name}; reading it needs {module}, which is not installed: {install}.")
