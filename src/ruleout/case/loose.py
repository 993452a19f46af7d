"""Loose files of a folder, sorted by what their names say: which field of which side each could be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ruleout.case.folder import FILE_NAMES, MODEL_SUFFIXES, TABLE_SUFFIXES, find_files

__all__ = ["Proposal", "lone_file", "propose_sides"]

Proposal = tuple[dict[str, dict[str, Path]], tuple[str, ...]]
"""Files by field by side, and the names of the two versions whose order was guessed ("v1", "v2"); () where the names say it."""

REFERENCE_WORDS = frozenset(
    {"reference", "ref", "old", "before", "prev", "previous", "good", "baseline", "healthy", "working", "last", "laptop"}
)
CURRENT_WORDS = frozenset({"current", "cur", "new", "after", "bad", "broken", "latest", "now", "today", "server", "live"})
FIELD_WORDS: Mapping[str, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "val", "test", "holdout", "eval", "dev"}),
    "serving": frozenset({"serving", "production", "prod", "requests", "inference", "scored", "predictions"}),
    "model": frozenset({"model", "clf", "pipeline", "estimator", "artifact"}),
    "config": frozenset({"config", "params", "hparams", "settings", "configuration"}),
    "history": frozenset({"history", "curve", "curves", "losses", "epochs"}),
    "metrics": frozenset({"metrics", "scores", "results", "report"}),
    "environment": frozenset({"requirements", "environment", "freeze", "env", "packages", "lock"}),
    "runlog": frozenset({"runlog", "log", "stages"}),
    "code": frozenset({"features", "code", "preprocessing"}),
}
SUFFIXES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("train", "validation", "serving"), frozenset(TABLE_SUFFIXES)),
    "model": frozenset(MODEL_SUFFIXES) - {"", ".json", ".txt"},
    "config": frozenset({".json", ".toml", ".yaml", ".yml"}),
    "history": frozenset({".csv", ".jsonl"}),
    "metrics": frozenset({".json"}),
    "environment": frozenset({".txt", ".json", ".lock", ".yml", ".yaml"}),
    "runlog": frozenset({".jsonl"}),
    "code": frozenset({".py"}),
}

ALWAYS_MODELS = frozenset(MODEL_SUFFIXES) - {"", ".json", ".txt"}
"""Endings that say by themselves that a file is a model."""


def lone_file(path: Path) -> str | None:
    """The field that a file given by itself stands for: what its name says, else a table is one to train on; None where it is none."""
    name = _field_of(path)
    if name is None and any(path.name.lower().endswith(suffix) for suffix in TABLE_SUFFIXES):
        return "train"
    return name


def propose_sides(folder: Path) -> Proposal:
    """The files of a folder and of the folders in it, by side and field.

    Two folders with evidence are two sides; loose files are told apart by words (`old_train.csv`), else by versions or dates in
    their names (`train_v1.parquet`, `train_v2.parquet`), the later one being the current side's. A lone file is the current side's.
    """
    folders = _folders(folder)
    loose = _loose(folder)
    if len(folders) >= 2:
        named = {_side_of(path.name): path for path in folders}
        if "reference" in named and "current" in named:
            return {name: _files(named[name]) for name in ("reference", "current")}, ()
        earlier, later = folders[-2:]
        if "reference" in named or "current" in named:
            known = "reference" if "reference" in named else "current"
            other = next(path for path in reversed(folders) if path != named[known])
            earlier, later = (named[known], other) if known == "reference" else (other, named[known])
            return {"reference": _files(earlier), "current": _files(later)}, ()
        return {"reference": _files(earlier), "current": _files(later)}, (earlier.name, later.name)
    if len(folders) == 1 and not loose:
        return {"current": _files(folders[0])}, ()
    return _split(loose)


def _split(loose: Mapping[str, list[Path]]) -> Proposal:
    sides: dict[str, dict[str, Path]] = {"reference": {}, "current": {}}
    guessed: tuple[str, ...] = ()
    for name, paths in loose.items():
        unsaid = []
        for path in paths:
            side = _side_of(path.name)
            if side:
                sides[side].setdefault(name, path)
            else:
                unsaid.append(path)
        if len(unsaid) >= 2 and name not in sides["reference"] and name not in sides["current"]:
            sides["reference"][name], sides["current"][name] = unsaid[-2:]
            guessed = guessed or (unsaid[-2].name, unsaid[-1].name)
        elif unsaid:
            free = "current" if name not in sides["current"] else "reference"
            sides[free].setdefault(name, unsaid[-1])
    return {name: files for name, files in sides.items() if files}, guessed


def _folders(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".") and _files(path)]
    return sorted(found, key=lambda path: _natural(path.name))


def _files(folder: Path) -> dict[str, Path]:
    """A folder's files by field: by their exact names, then by what their names say."""
    found = find_files(folder)
    for name, paths in _loose(folder).items():
        found.setdefault(name, paths[-1])
    return {name: found[name] for name in FILE_NAMES if name in found}


def _loose(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir(), key=lambda path: _natural(path.name)):
        if path.is_file() and not path.name.startswith(".") and path.name not in {"case.toml", "pyproject.toml"}:
            name = _field_of(path)
            if name:
                found.setdefault(name, []).append(path)
    return {name: found[name] for name in FILE_NAMES if name in found}


def _field_of(path: Path) -> str | None:
    words = _words(path.name)
    suffix = path.suffix.lower()
    for name, meant in FIELD_WORDS.items():
        if words & meant and suffix in SUFFIXES[name]:
            return name
    if suffix in ALWAYS_MODELS:
        return "model"
    return None


def _side_of(name: str) -> str | None:
    words = _words(name)
    if words & REFERENCE_WORDS:
        return "reference"
    return "current" if words & CURRENT_WORDS else None


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A name's order as people count: v2 before v10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", name.lower()))
