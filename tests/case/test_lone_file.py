"""One file of evidence is a case: it is all of the current side."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ruleout.case import read_case
from ruleout.errors import CaseError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pd.DataFrame({"a": range(100), "b": [1, 2] * 50}).to_parquet(tmp_path / "orders.parquet")
    return tmp_path


def test_a_table_by_itself_is_one_to_train_on(folder: Path) -> None:
    for given in ({"path": folder / "orders.parquet"}, {"current": folder}, {"current": folder / "orders.parquet"}):
        case = read_case(**given)
        assert case.current.train is not None
        assert case.reference is None
        assert any("orders.parquet is taken as the train" in said for said in case.assumptions)


def test_a_name_says_what_a_file_is(folder: Path) -> None:
    (folder / "loss_history.csv").write_text("epoch,train_loss\n1,0.5\n2,0.4\n")
    assert read_case(folder / "loss_history.csv").current.history is not None


def test_two_tables_of_unknown_use_are_not_guessed_at(folder: Path) -> None:
    pd.DataFrame({"a": range(100)}).to_parquet(folder / "more.parquet")
    with pytest.raises(CaseError, match="rename them"):
        read_case(current=folder)


def test_a_file_of_no_kind_is_refused(folder: Path) -> None:
    (folder / "notes.docx").write_text("x")
    with pytest.raises(CaseError, match="one file of evidence"):
        read_case(folder / "notes.docx")
