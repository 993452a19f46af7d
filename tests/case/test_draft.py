"""A case.toml drafted from the files that are there is one that can be read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ruleout.case import read_case
from ruleout.case.draft import draft_case, write_draft
from ruleout.errors import CaseError


def test_two_sides_by_their_names(case_folder: Path) -> None:
    (case_folder / "case.toml").unlink()
    (case_folder / "train.py").write_text('add("--train")\nadd("--model")\nadd("--config")\n')
    draft = draft_case(case_folder)
    write_draft(draft, case_folder / "case.toml")
    case = read_case(case_folder)
    assert case.assumptions == ()
    assert (case.target, case.task, case.metric, case.changed) == ("defaulted", "classification", "accuracy", "retraining")
    assert (case.key, case.time) == ("application_id", "applied_at")
    assert case.run.train == "python train.py --train {train} --config {config} --model {model}"
    assert case.current.history is not None
    assert 'Which column is the target? "defaulted" is assumed.' in draft.assumed
    assert 'What changed before it broke? "retraining" is assumed.' in draft.assumed
    assert draft.unread == ()


def test_loose_files_by_words(case_folder: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    shutil.copy(case_folder / "reference/train.parquet", loose / "old_train.parquet")
    shutil.copy(case_folder / "current/train.parquet", loose / "train_new.parquet")
    shutil.copy(case_folder / "current/validation.csv", loose / "holdout.csv")
    shutil.copy(case_folder / "current/model.joblib", loose / "clf.pkl")
    (loose / "notes.txt").write_text("hello")
    write_draft(draft_case(loose), loose / "case.toml")
    text = (loose / "case.toml").read_text()
    assert 'train = "old_train.parquet"' in text.split("[current]")[0]
    for line in ('train = "train_new.parquet"', 'validation = "holdout.csv"', 'model = "clf.pkl"'):
        assert line in text.split("[current]")[1]
    assert read_case(loose).current.model is not None


def test_versions_are_put_in_order_and_asked_about(case_folder: Path, tmp_path: Path) -> None:
    for side, version in (("reference", "train_v9.parquet"), ("current", "train_v10.parquet")):
        shutil.copy(case_folder / side / "train.parquet", tmp_path / version)
    shutil.rmtree(case_folder)
    draft = draft_case(tmp_path)
    assert 'train = "train_v10.parquet"' in draft.text.split("[current]")[1]
    assert 'Which one is broken: train_v9.parquet or train_v10.parquet? "train_v10.parquet" is assumed.' in draft.assumed

    asked: list[str] = []

    def ask(question: str, choices: Sequence[str], default: str) -> str:
        asked.append(question)
        answers = {"broken:": "train_v9.parquet", "target?": "region"}
        return next((answer for word, answer in answers.items() if word in question.split()), default)

    draft = draft_case(tmp_path, ask=ask)
    assert 'train = "train_v9.parquet"' in draft.text.split("[current]")[1]
    assert 'target = "region"' in draft.text
    assert asked == [
        "Which one is broken: train_v9.parquet or train_v10.parquet?",
        "What changed before it broke?",
        "Which column is the target?",
    ]
    assert not any("Which column" in sentence for sentence in draft.assumed)


def test_an_answer_that_is_no_choice_is_not_taken(case_folder: Path) -> None:
    draft = draft_case(case_folder, ask=lambda question, choices, default: "nonsense")
    assert 'changed = "retraining"' in draft.text
    assert any('"nonsense" is none of' in sentence for sentence in draft.assumed)


def test_two_folders_of_any_name(case_folder: Path) -> None:
    (case_folder / "reference").rename(case_folder / "run-2")
    (case_folder / "current").rename(case_folder / "run-11")
    draft = draft_case(case_folder)
    assert 'train = "run-11/train.parquet"' in draft.text.split("[current]")[1]
    assert "run-2 or run-11" in draft.assumed[0]


def test_unreadable_files_are_left_out_and_said(case_folder: Path) -> None:
    (case_folder / "current/config.json").write_text("{")
    draft = draft_case(case_folder)
    assert len(draft.unread) == 1
    assert draft.unread[0].startswith("current/config.json: not JSON")
    assert "current/config.json" not in draft.text


def test_a_file_is_not_overwritten_unasked(case_folder: Path) -> None:
    was = (case_folder / "case.toml").read_text()
    draft = draft_case(case_folder)
    with pytest.raises(CaseError, match="is there already and is not overwritten"):
        write_draft(draft, case_folder / "case.toml")
    assert (case_folder / "case.toml").read_text() == was
    write_draft(draft, case_folder / "case.toml", overwrite=True)
    assert (case_folder / "case.toml").read_text() == draft.text


def test_a_folder_without_evidence(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("hello")
    with pytest.raises(CaseError, match=r"holds readme.md, none of which is known as evidence; name files like"):
        draft_case(tmp_path)
    with pytest.raises(CaseError, match="no such folder"):
        draft_case(tmp_path / "no")
