"""The evidence that would help most is named, and only what fits the case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from ruleout.case import Case, Environment, Run, Side, missing_evidence, read_case
from ruleout.tables.table import Table


def names(case: Case) -> list[str]:
    return [wish["evidence"] for wish in missing_evidence(case)]


def test_a_full_trusted_case_lacks_nothing(case_folder: Path) -> None:
    assert missing_evidence(read_case(case_folder, trust=True)) == ()


def test_trust_comes_first(case_folder: Path) -> None:
    wishes = missing_evidence(read_case(case_folder))
    assert [wish["evidence"] for wish in wishes] == ["trust"]
    assert wishes[0]["why"].startswith("current.model and reference.model stay closed")


def test_each_lack_is_named(case_folder: Path) -> None:
    case = read_case(case_folder, trust=True)
    reference = case.reference
    assert reference is not None
    assert names(replace(case, key=None)) == ["key"]
    assert names(replace(case, reference=None)) == ["reference"]
    assert names(replace(case, current=replace(case.current, environment=None))) == ["current.environment"]
    assert names(replace(case, reference=replace(reference, train=None, model=None))) == ["reference.train", "reference.model"]
    assert names(replace(case, current=replace(case.current, validation=None))) == ["current.validation"]


def test_a_command_is_wished_for_where_no_model_could_be_fitted_again() -> None:
    train = Table(pa.table({"x": [1.0], "y": [0]}), name="train")
    case = Case(current=Side(train=train, validation=train), target="y")
    assert "[run] train" in names(case)
    assert "[run] train" not in names(replace(case, run=Run(train="python train.py"), trusted=True))


def test_a_diverged_run_needs_no_tables() -> None:
    history = Table(pa.table({"epoch": [1], "loss": [0.5]}), name="history")
    assert names(Case(current=Side(history=history))) == ["reference", "current.config"]


def test_no_more_than_a_handful() -> None:
    wishes = missing_evidence(Case(current=Side(environment=Environment({"numpy": "2.4.0"})), reference=Side(metrics={})))
    assert len(wishes) == 6
    assert all(wish["why"].endswith(".") for wish in wishes)
