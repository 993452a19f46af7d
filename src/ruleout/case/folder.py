"""A side as a folder: its files are found by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruleout.errors import CaseError

__all__ = ["FILE_NAMES", "files_of", "find_files"]

TABLE_SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv", ".jsonl", ".profile")
MODEL_SUFFIXES = (
    ".joblib",
    ".pkl",
    ".pickle",
    ".skops",
    ".onnx",
    ".json",
    ".ubj",
    ".xgb",
    ".txt",
    ".lgb",
    ".cbm",
    ".cb",
    ".pt2",
    ".pt",
    ".pth",
    ".ckpt",
    ".safetensors",
    "",
)

FILE_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": tuple(f"train{suffix}" for suffix in TABLE_SUFFIXES),
    "validation": tuple(f"validation{suffix}" for suffix in TABLE_SUFFIXES),
    "serving": tuple(f"serving{suffix}" for suffix in TABLE_SUFFIXES),
    "model": tuple(f"model{suffix}" for suffix in MODEL_SUFFIXES),
    "config": ("config.json", "config.toml", "config.yaml", "config.yml"),
    "history": ("history.csv", "history.jsonl", "history.tsv", "history.json"),
    "metrics": ("metrics.json",),
    "environment": (
        "requirements.txt",
        "environment.json",
        "environment.yml",
        "environment.yaml",
        "uv.lock",
        "poetry.lock",
        "pylock.toml",
        "Pipfile.lock",
        "freeze.txt",
    ),
    "runlog": ("runlog.jsonl", "runlog.json"),
    "code": ("code.py", "features.py", "code"),
}
"""File names by the field of a side they stand for, the likeliest first."""


def find_files(folder: Path) -> dict[str, Path]:
    """The file of every field that the folder holds one for; where it holds two, the likelier name."""
    return {name: found[0] for name, found in files_of(folder).items()}


def files_of(folder: Path) -> dict[str, list[Path]]:
    """Every file that stands for a field, by field; parts in a folder `train/` are a glob, or Hive partitions."""
    found: dict[str, list[Path]] = {}
    for field_name, names in FILE_NAMES.items():
        here = [folder / name for name in names if (folder / name).exists()]
        if field_name in {"train", "validation", "serving"}:
            parts = folder / field_name
            here = [path for path in here if path.is_file()]
            here += [parts / f"*{suffix}" for suffix in TABLE_SUFFIXES[:3] if parts.is_dir() and any(parts.glob(f"*{suffix}"))]
            here += [parts] if parts.is_dir() and any(path.is_dir() for path in parts.glob("*=*")) else []
        if field_name == "history":
            here += sorted(folder.glob("*.tfevents.*"))[-1:]
        if here:
            found[field_name] = here
    return found


def check_folder(folder: Path, said: str) -> Path:
    """The folder itself, where it is one.

    Raises
    ------
    CaseError
        There is no such folder, or it is a file.
    """
    if folder.is_dir():
        return folder
    problem = "is a file" if folder.exists() else "no such folder"
    raise CaseError(f"{said}: {problem}, expected a folder with files such as train.parquet and model.joblib; correct the path.")
