"""Folders as the Hugging Face hub keeps tabular models: `config.json` names the file of the model and the columns it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ruleout.models.formats.format import Format, Opening
from ruleout.models.model import Model

__all__ = ["HuggingFace"]


class HuggingFace(Format):
    """A repository of a tabular scikit-learn model, as skops lays it out; it takes trust where the file in it does."""

    name: ClassVar[str] = "a Hugging Face tabular folder"
    extra: ClassVar[str] = "skops"
    trust: ClassVar[str] = "sometimes"
    importances: ClassVar[bool] = True
    refits: ClassVar[bool] = True

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the section "sklearn" of its config.json, and the file that it names."""
        return path.is_dir() and not (path / "MLmodel").is_file() and _inside(path) is not None

    def code_in(self, path: Path) -> str:
        """As the file that it names."""
        held = _inside(path)
        return held[0].code_in(held[1]) if held is not None else ""

    def check_installed(self, path: Path) -> None:
        """As the file that it names."""
        held = _inside(path)
        if held is not None:
            held[0].check_installed(held[1])

    def open(self, path: Path, opening: Opening) -> Model:
        """The model in the file."""
        held = _inside(path)
        assert held is not None, "it was recognised by this file"
        model = held[0].open(held[1], opening)
        columns = _section(path).get("columns")
        if model.describe().features is None and isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns):
            from ruleout.models.by_position import ByPosition

            return ByPosition(model, columns)
        return model

    def save(self, model: Model, folder: Path) -> Path:
        """Save what the folder held as skops or joblib does."""
        from ruleout.models.formats import format_named

        file = format_named("joblib or pickle").save(getattr(model, "model", model), folder)
        content = {"sklearn": {"model": {"file": file.name}, "columns": list(getattr(model, "features", ()))}}
        (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
        return folder


def _section(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((path / "config.json").read_text(encoding="utf-8")).get("sklearn")
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _inside(path: Path) -> tuple[Format, Path] | None:
    """The format and place of the file that a folder names; None where it names none that is there and known."""
    from ruleout.models.formats import format_of

    said = _section(path).get("model")
    name = said.get("file") if isinstance(said, Mapping) else None
    file = path / str(name)
    if not name or not file.is_file() or not file.resolve().is_relative_to(path.resolve()):
        return None
    kind = format_of(file)
    return None if kind is None else (kind, file)
