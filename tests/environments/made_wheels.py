"""Wheels of made-up packages, a few lines each."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

FEATURE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
BEGIN
class Feature(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.feature_names_in_ = np.array(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.middle_ = np.asarray(X, float).mean(axis=0)
        return self
    def transform(self, X):
        X = np.asarray(X, float) - self.middle_
        return BODY
"""
PLAIN, FOLDED = "X", "np.abs(X)"


def wheel(folder: Path, name: str, version: str, files: dict[str, str], requires: Sequence[str] = ()) -> Path:
    """A wheel of a few text files."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {needed}\n" for needed in requires]
    held = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(lines),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in held.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in {**held, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return made


def feature(body: str, begin: str = "") -> dict[str, str]:
    return {"featurekit.py": FEATURE.replace("BODY", body).replace("BEGIN", begin)}
