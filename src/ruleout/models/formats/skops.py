"""skops: scikit-learn models as data, with the types in them listed, so that those of known libraries need no trust."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ruleout.errors import ModelError, TrustRequired
from ruleout.models.formats.archive import ZIP, names_in
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly, model_inside
from ruleout.models.live import live_model
from ruleout.models.model import Model

__all__ = ["Skops"]


class Skops(Format):
    """A scikit-learn model as `skops.io.dump` wrote it."""

    name: ClassVar[str] = "skops"
    extra: ClassVar[str] = "skops"
    modules: ClassVar[tuple[str, ...]] = ("skops",)
    suffixes: ClassVar[tuple[str, ...]] = (".skops",)
    trust: ClassVar[str] = "sometimes"
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the list of types in the archive."""
        return start.startswith(ZIP) and (path.suffix.lower() == ".skops" or "schema.json" in names_in(path))

    def open(self, path: Path, opening: Opening) -> Model:
        """The model, where every type in it is one that skops knows, or the caller trusts the artifact."""
        from skops import io

        try:
            foreign = io.get_untrusted_types(file=path)
        except Exception as error:  # A stranger's bytes may raise anything while they are read.
            raise ModelError(f"{opening.name}: the artifact does not load, it is truncated or damaged ({type(error).__name__}).") from error
        if foreign and not opening.trusted:
            some = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
            raise TrustRequired(
                f"{opening.name}: the artifact holds {some}, which skops does not know to be harmless; "
                "pass --trust (trust=True in Python) if you trust it."
            )
        loaded, notes = loaded_quietly(lambda: io.load(path, trusted=foreign), opening.name)
        return live_model(model_inside(loaded, opening.name), fingerprint=opening.fingerprint, name=opening.name, notes=notes)

    def save(self, model: Model, folder: Path) -> Path:
        """Dump the estimator."""
        from skops import io

        path = folder / "model.skops"
        io.dump(model.estimator, path)  # type: ignore[attr-defined]  # every live model has the object that it asks
        return path
