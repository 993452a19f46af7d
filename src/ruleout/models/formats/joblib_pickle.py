"""joblib and pickle: whatever Python can save, at the price that loading it runs code."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ruleout.errors import ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.live import is_model, live_model
from ruleout.models.model import Model
from ruleout.models.scikit_learn import first_line, told_warnings
from ruleout.models.wire import MissingModuleError

__all__ = ["JoblibPickle", "loaded_quietly", "model_inside"]

COMPRESSED = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"]\x00\x00", b"\x04\x22\x4d\x18")
"""How zlib, gzip, bzip2, xz, lzma and lz4 begin: joblib writes and finds out all of them."""


class JoblibPickle(Format):
    """A model as `joblib.dump`, `pickle.dump` or cloudpickle wrote it."""

    name: ClassVar[str] = "joblib or pickle"
    suffixes: ClassVar[tuple[str, ...]] = (".joblib", ".pkl", ".pickle")
    trust: ClassVar[str] = "always"
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the bytes that a pickle or a compressed file begins with."""
        if path.suffix.lower() in (".pt", ".pth"):
            return False
        pickled = start[:1] == b"\x80" and start[1:2] <= b"\x10"
        return pickled or start.startswith(COMPRESSED) or _old_pickle(path, start)

    def open(self, path: Path, opening: Opening) -> Model:
        """The model in the file, or in the mapping that the file holds."""
        import joblib

        loaded, notes = loaded_quietly(lambda: joblib.load(path), opening.name)
        return live_model(model_inside(loaded, opening.name), fingerprint=opening.fingerprint, name=opening.name, notes=notes)

    def save(self, model: Model, folder: Path) -> Path:
        """Dump the object that the model asks."""
        import joblib

        path = folder / "model.joblib"
        joblib.dump(model.estimator, path)  # type: ignore[attr-defined]  # every live model has the object that it asks
        return path


def loaded_quietly(load: Any, name: str) -> tuple[Any, list[str]]:
    """Run a loader of a stranger's bytes; return what it gave and the warnings that came up.

    Raises
    ------
    ModelError
        It is damaged, or needs a package that is not there.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            loaded = load()
        except MemoryError:
            raise
        except ModuleNotFoundError as error:
            package = (error.name or str(error)).split(".")[0]
            raise MissingModuleError(
                f"{name}: the artifact needs the package {package!r}, which is not installed here; install it beside ruleout.",
                error.name or "",
            ) from error
        except Exception as error:  # A stranger's bytes may raise anything while they are loaded.
            raise ModelError(f"{name}: {_why(error)}") from error
    return loaded, told_warnings(caught)


def _why(error: Exception) -> str:
    if isinstance(error, AttributeError) and "__main__" in str(error):
        return (
            "the artifact was saved from a script and needs a class or function of that script "
            f"({first_line(error)}); define it in an importable module and save the artifact again."
        )
    if isinstance(error, (AttributeError, ImportError)):
        return f"it was saved with other versions of its packages than are here ({first_line(error)}); install those it was made with."
    return f"the artifact does not load, it is truncated or damaged ({first_line(error)}); save it again."


def model_inside(loaded: Any, name: str) -> Any:
    """Return what answers: the object itself, or the only model in a mapping.

    Raises
    ------
    ModelError
        There is none.
    """
    if is_model(loaded):
        return loaded
    if isinstance(loaded, Mapping):
        models = [v for v in loaded.values() if is_model(v)]
        if len(models) == 1:
            return models[0]
    what = type(loaded).__name__
    if loaded is None or (hasattr(loaded, "__len__") and not isinstance(loaded, type) and len(loaded) == 0):
        raise ModelError(f"{name}: the artifact is empty: it holds {what if loaded is not None else None}, expected a fitted model.")
    raise ModelError(f"{name}: the artifact holds a {what}, expected a fitted model with a predict method.")


def _old_pickle(path: Path, start: bytes) -> bool:
    """Whether this may be a pickle of protocol 0 or 1, which has no mark at its beginning."""
    return path.suffix.lower() in {".pkl", ".pickle", ".joblib"} and start[:1] in b"(cC]}" and not start.startswith(b"{") and start != b""
