"""Every form in which a case can be given, and what is read from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ruleout.case import read_case, settle


def test_every_field_of_the_file_is_read(case_folder: Path) -> None:
    case = read_case(case_folder / "case.toml")
    assert (case.title, case.symptom) == ("Loan default, March retraining", "validation accuracy fell")
    assert (case.changed, case.task, case.target, case.metric) == ("retraining", "classification", "defaulted", "accuracy")
    assert (case.positive, case.time, case.entity, case.key, case.ignore) == (
        "yes",
        "applied_at",
        "customer_id",
        "application_id",
        ("note",),
    )
    assert case.folder == case_folder
    assert not case.trusted
    assert case.assumptions == ()
    assert case.run.train == "python train.py --train {train} --config {config} --model {model}"
    reference, current = case.reference, case.current
    assert reference is not None
    assert reference.train is not None
    assert reference.train.n_rows == 400
    assert reference.train.name == "train"
    assert case.features(reference.train) == ("income", "region")
    assert reference.validation is not None
    assert reference.validation.n_rows == 200
    assert reference.model is not None
    assert reference.model.path == case_folder / "reference/model.joblib"
    assert not reference.model.trusted
    assert reference.config == {"learning_rate": 0.1, "layers": [8, 8]}
    assert reference.metrics == {"accuracy": 0.88}
    assert reference.environment is not None
    assert reference.environment.packages == {"numpy": "2.4.0", "scikit-learn": "1.9.1"}
    assert (reference.history, reference.runlog, reference.code, reference.serving) == (None, None, None, None)
    assert current.runlog == ({"stage": "join", "rows_out": 400}, {"stage": "train", "status": "ok"})
    assert current.code is not None
    assert dict(current.code.files) == {"features.py": "def features(raw):\n    return raw\n"}
    assert current.history is not None
    np.testing.assert_array_equal(current.history.numbers("train_loss"), [0.5, np.inf, np.nan])


def test_the_folder_of_a_case_toml_is_the_case(case_folder: Path) -> None:
    assert read_case(case_folder).title == read_case(str(case_folder / "case.toml")).title == "Loan default, March retraining"


def test_big_tables_are_opened_and_not_read(case_folder: Path) -> None:
    case = read_case(case_folder)
    assert case.reference is not None
    for table in (case.reference.train, case.current.train):
        assert table is not None
        assert "arrow" not in table.__dict__


def test_trust_is_the_callers(case_folder: Path) -> None:
    case = read_case(case_folder, trust=True)
    assert case.trusted
    assert case.current.model is not None
    assert case.current.model.trusted


def test_a_side_may_be_a_folder(case_folder: Path) -> None:
    (case_folder / "case.toml").write_text('current = "current/"\n[case]\ntarget = "defaulted"\nreference = "reference"\n')
    case = read_case(case_folder)
    assert case.reference is not None
    assert case.reference.train is not None
    assert case.current.history is not None
    assert case.current.code is not None
    assert case.current.runlog is not None


def test_two_folders_are_a_case_without_a_file(case_folder: Path) -> None:
    (case_folder / "case.toml").unlink()
    case = read_case(case_folder, target="defaulted", key="application_id")
    assert case.reference is not None
    assert case.reference.config == {"learning_rate": 0.1, "layers": [8, 8]}
    assert case.folder == case_folder
    assert case.task == "classification"
    assert "Nobody named the metric: \"accuracy\" is assumed (the reference side reports 'accuracy')." in case.assumptions


def test_flags_alone_are_a_case(case_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case_folder)
    case = read_case(reference="reference", current="current", target="defaulted", metric="roc_auc", ignore=("note",))
    assert (case.metric, case.positive, case.ignore[0]) == ("roc_auc", "yes", "note")
    assert case.current.model is not None
    assert case.current.model.path == case_folder / "current/model.joblib"


def test_keywords_win_over_the_file(case_folder: Path) -> None:
    case = read_case(case_folder, target="region", metric="f1_macro", symptom="other", changed="upgrade", reference=case_folder / "current")
    assert (case.target, case.metric, case.symptom, case.changed) == ("region", "f1_macro", "other", "upgrade")
    assert case.reference is not None
    assert case.reference.runlog is not None


def test_the_current_side_is_enough(case_folder: Path) -> None:
    shutil.rmtree(case_folder / "reference")
    (case_folder / "case.toml").unlink()
    case = read_case(case_folder)
    assert case.reference is None
    assert case.target == "defaulted"


def test_two_files_for_one_field_are_said(case_folder: Path) -> None:
    shutil.copy(case_folder / "current/validation.csv", case_folder / "current/train.csv")
    case = read_case(current=case_folder / "current")
    assert "current/ holds train.parquet and train.csv: train.parquet is read." in case.assumptions


def test_globs_and_parts_are_tables(case_folder: Path) -> None:
    parts = case_folder / "current" / "train"
    parts.mkdir()
    for name in ("a", "b"):
        shutil.copy(case_folder / "current/train.parquet", parts / f"{name}.parquet")
    file = case_folder / "case.toml"
    file.write_text(file.read_text().replace("current/train.parquet", "current/train/*.parquet"))
    case = read_case(case_folder)
    assert case.current.train is not None
    assert case.current.train.n_rows == 800
    (case_folder / "current/train.parquet").unlink()
    by_name = read_case(current=case_folder / "current", target="defaulted").current.train
    assert by_name is not None
    assert by_name.n_rows == 800


def test_histories_alone_are_a_case(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    (tmp_path / "current/history.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": NaN, "lr": 1e-3}\n')
    case = read_case(tmp_path, task="regression")
    assert (case.target, case.metric, case.assumptions) == (None, None, ())
    assert case.current.history is not None
    np.testing.assert_array_equal(case.current.history.numbers("lr"), [np.nan, 0.001])


def test_black_box_factors_are_a_case(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(
        '[case]\nmetric = "val_bpb"\ndirection = "lower"\nmin_effect = 0.02\n'
        '[factors]\ndata = ["v1.parquet", "v2.parquet"]\nlr = [0.1, 0.4]\ncompiled = [false, true]\n'
        '[run]\nmeasure = "python run.py --data {data} --lr {lr} --compiled {compiled} --seed {seed} --out ${HOME}"\n'
    )
    case = read_case(tmp_path)
    assert case.factors == {"data": ("v1.parquet", "v2.parquet"), "lr": ("0.1", "0.4"), "compiled": ("false", "true")}
    assert (case.metric, case.direction, case.min_effect) == ("val_bpb", "lower", 0.02)
    assert case.reference is None


def test_silence_in_the_metrics_is_evidence(case_folder: Path) -> None:
    (case_folder / "current/metrics.json").write_text('{"accuracy": NaN, "rows": null}')
    metrics = read_case(case_folder).current.metrics
    assert metrics is not None
    assert np.isnan(metrics["accuracy"])
    assert metrics["rows"] is None


def test_an_empty_training_table_is_evidence(case_folder: Path) -> None:
    import pyarrow.parquet as pq

    file = case_folder / "current/train.parquet"
    pq.write_table(pq.read_table(file).slice(0, 0), file)
    case = read_case(case_folder)
    assert case.current.train is not None
    assert case.current.train.n_rows == 0


def test_an_empty_artifact_is_evidence(case_folder: Path) -> None:
    (case_folder / "current/model.joblib").write_bytes(b"")
    assert read_case(case_folder, trust=True).current.model is not None


def test_a_target_missing_from_one_table_is_evidence(case_folder: Path) -> None:
    import pyarrow.parquet as pq

    file = case_folder / "current/train.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["defaulted"]), file)
    case = read_case(case_folder)
    assert case.assumptions == ('current/train.parquet has no column "defaulted" (6 columns): its rows are taken as unlabelled.',)


def test_settling_twice_changes_nothing(case_folder: Path) -> None:
    (case_folder / "case.toml").unlink()
    case = read_case(case_folder, metric="average_precision")
    assert len(case.assumptions) >= 4
    again = settle(case)
    assert again.assumptions == case.assumptions
    assert (again.target, again.task, again.metric, again.positive, again.key, again.ignore) == (
        case.target,
        case.task,
        case.metric,
        case.positive,
        case.key,
        case.ignore,
    )


def test_a_case_with_a_byte_order_mark_and_windows_line_ends(case_folder: Path) -> None:
    file = case_folder / "case.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    config = case_folder / "current/config.json"
    config.write_bytes(b"\xef\xbb\xbf" + json.dumps({"größe": 3}, ensure_ascii=False).encode())
    case = read_case(file)
    assert case.target == "defaulted"
    assert case.current.config == {"größe": 3}
