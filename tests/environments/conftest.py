"""Two versions of made-up packages as wheels in a folder, and cases whose pipelines use them: nothing reaches a network."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from tests.environments.made_wheels import FOLDED, PLAIN, feature, wheel


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder of wheels: `featurekit` 2 folds its input, the others change nothing; `borrowed` lends the tests' own scikit-learn."""
    folder = tmp_path / "wheels"
    wheel(folder, "borrowed", "1.0", {"borrowed.pth": sysconfig.get_paths()["purelib"] + "\n"})
    wheel(folder, "featurekit", "1.4.0", feature(PLAIN))
    wheel(folder, "featurekit", "2.0.0", feature(FOLDED))
    for name, version in (("otherkit", "1.0"), ("otherkit", "2.0"), ("thirdkit", "0.1"), ("thirdkit", "0.2")):
        wheel(folder, name, version, {f"{name}.py": f"VERSION = {version!r}\n"})
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no index: whoever asked one would fail."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "cache" / "ruleout" / "environments"


def rows(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["y"] = (frame.a + frame.b - 0.3 * frame.c + 0.5 * rng.normal(size=n) > 0).astype(int)
    return frame


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Writes a case: both sides hold the same rows, and differ in `environment` and in what `files` adds."""
    module = tmp_path / "here" / "featurekit.py"
    module.parent.mkdir()
    module.write_text(feature(PLAIN)["featurekit.py"], encoding="utf-8")
    sys.path.insert(0, str(module.parent))

    def make(reference: str, current: str, *, run: str = "", artifacts: bool = True, files: dict[str, str] | None = None) -> Path:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        folder = tmp_path / "case"
        train, validation = rows(1200, 0), rows(900, 1)
        for side, environment in (("reference", reference), ("current", current)):
            (folder / side).mkdir(parents=True)
            train.to_parquet(folder / side / "train.parquet")
            validation.to_parquet(folder / side / "validation.parquet")
            (folder / side / "requirements.txt").write_text(environment.replace(" ", "\n") + "\n", encoding="utf-8")
            if artifacts:
                kit: Any = importlib.import_module("featurekit")
                fitted = make_pipeline(kit.Feature(), LogisticRegression()).fit(train[list("abcd")], train.y)
                joblib.dump(fitted, folder / side / "model.joblib")
        for name, text in (files or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        head = 'reference = "reference/"\ncurrent = "current/"\n[case]\ntarget = "y"\nmetric = "accuracy"\nchanged = "upgrade"\n'
        (folder / "case.toml").write_text(head + run, encoding="utf-8")
        return folder

    yield make
    sys.path.remove(str(module.parent))
    sys.modules.pop("featurekit", None)
