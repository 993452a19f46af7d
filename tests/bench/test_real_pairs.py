"""The two real pairs of logs that NannyML ships are answered rightly; without the package, its absence is told."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest

import ruleout
from ruleout.bench import real_pairs
from ruleout.errors import MissingExtra

ABSENT = importlib.util.find_spec("nannyml") is None


@pytest.mark.skipif(ABSENT, reason="nannyml is not installed; `make bench-nannyml` runs both pairs")
def test_both_real_pairs_are_answered_rightly():
    rows = list(real_pairs.run_pairs(ruleout.investigate))
    assert [(row["pair"], row["right"]) for row in rows] == [("employment_MA", True), ("car_loan", True)], rows


def test_a_package_that_is_not_there_is_named_with_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install --no-deps nannyml"):
        real_pairs.data_folder()
    assert real_pairs.main([]) == MissingExtra("").exit_code
    assert "nannyml" in capsys.readouterr().err


def files_like(folder, pair, rng, n=400):
    """Files as the package ships them, with few rows."""

    def frame(first, labelled):
        score = rng.random(n)
        rows = {"id": np.arange(first, first + n), "x": rng.normal(size=n), pair.columns[0][0]: score, "prediction": score > 0.5}
        rows |= {c: rng.normal(size=n) for c in pair.ignore}
        rows |= {pair.time: pd.date_range("2024-01-01", periods=n, freq="h").astype(str)} if pair.time else {}
        rows |= {pair.target: (rng.random(n) < score).astype(int)} if labelled else {}
        return pd.DataFrame(rows)

    later = frame(n, labelled=True)
    written = [frame(0, labelled=True), later.drop(columns=pair.target), later[["id", pair.target]]]
    for name, table in zip(pair.files, written, strict=True):
        table.to_parquet(folder / name) if name.endswith(".pq") else table.to_csv(folder / name, index=False)


@pytest.mark.parametrize("pair", real_pairs.PAIRS, ids=lambda p: p.name)
def test_a_pair_becomes_two_logs_of_one_service(pair, tmp_path):
    files_like(tmp_path, pair, np.random.default_rng(0))
    case = real_pairs.read_pair(pair, tmp_path)
    assert case.reference.serving.n_rows == 400
    assert case.current.serving.n_rows == 400 - int(400 * pair.since)
    assert {"score", pair.target} <= set(case.current.serving.columns)
    assert case.features(case.current.serving) == ("x",)


def test_a_wrong_answer_is_marked_wrong(tmp_path):
    for pair in real_pairs.PAIRS:
        files_like(tmp_path, pair, np.random.default_rng(1))

    class Silent:
        def to_dict(self):
            return {"conclusion": {"verdict": "no-problem", "causes": [], "summary": "Nothing is wrong."}}

    assert [row["right"] for row in real_pairs.run_pairs(lambda case: Silent(), tmp_path)] == [True, False]
