"""A small healthy case on disk, which the tests break in one way each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

TOML = """\
[case]
title = "Loan default, March retraining"
symptom = "validation accuracy fell"
changed = "retraining"
task = "classification"
target = "defaulted"
metric = "accuracy"
positive = "yes"
time = "applied_at"
entity = "customer_id"
key = "application_id"
ignore = ["note"]

[reference]
train = "reference/train.parquet"
validation = "reference/validation.csv"
model = "reference/model.joblib"
config = "reference/config.json"
metrics = "reference/metrics.json"
environment = "reference/requirements.txt"

[current]
train = "current/train.parquet"
validation = "current/validation.csv"
model = "current/model.joblib"
config = "current/config.json"
history = "current/history.csv"
metrics = "current/metrics.json"
environment = "current/requirements.txt"
runlog = "current/runlog.jsonl"
code = "current/code"

[run]
train = "python train.py --train {train} --config {config} --model {model}"
"""


def loans(n_rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "application_id": np.arange(n_rows) + seed * 100_000,
            "customer_id": rng.integers(0, n_rows // 4, n_rows),
            "applied_at": pa.array(np.datetime64("2026-01-01") + np.sort(rng.integers(0, 60, n_rows)).astype("timedelta64[D]")),
            "income": rng.normal(3_000, 800, n_rows),
            "region": rng.choice(["north", "south", "west"], n_rows),
            "note": rng.choice(["", "call back"], n_rows),
            "defaulted": rng.choice(["yes", "no"], n_rows, p=[0.3, 0.7]),
        }
    )


@pytest.fixture
def case_folder(tmp_path: Path) -> Path:
    """Build a whole case: case.toml, two sides, every kind of evidence."""
    folder = tmp_path / "loans"
    for seed, side in enumerate(("reference", "current")):
        (folder / side).mkdir(parents=True)
        pq.write_table(loans(400, seed), folder / side / "train.parquet")
        pacsv.write_csv(loans(200, seed + 2), folder / side / "validation.csv")
        (folder / side / "model.joblib").write_bytes(b"\x80\x04not opened here")
        (folder / side / "config.json").write_text(json.dumps({"learning_rate": 0.1 + seed, "layers": [8, 8]}))
        (folder / side / "metrics.json").write_text(json.dumps({"accuracy": 0.88 - seed * 0.2}))
        (folder / side / "requirements.txt").write_text("numpy==2.4.0\nScikit_Learn==1.9.1\n")
    (folder / "current" / "history.csv").write_text("epoch,train_loss,val_loss\n1,0.5,0.6\n2,inf,nan\n3,,0.7\n")
    (folder / "current" / "runlog.jsonl").write_text('{"stage": "join", "rows_out": 400}\n\n{"stage": "train", "status": "ok"}\n')
    (folder / "current" / "code").mkdir()
    (folder / "current" / "code" / "features.py").write_text("def features(raw):\n    return raw\n")
    (folder / "case.toml").write_text(TOML)
    return folder
