"""A whole investigation in which the healthy rows are known by their stored profiles alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ruleout.case import Case
from ruleout.case.settle import settle
from ruleout.conclusion.investigate import investigate
from ruleout.tables import read_table, write_profile


def in_centimetres(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{"mean radius": frame["mean radius"] * 10})


def stored(case: Case, folder: Path, *names: str) -> Case:
    kept = {
        name: read_table(write_profile(case.reference.table(name), folder / f"{name}.profile"), name=name)  # type: ignore[union-attr,arg-type]
        for name in names
    }
    return settle(replace(case, reference=replace(case.reference, **kept), task=None, metric=None, target="benign"))  # type: ignore[arg-type,type-var]


def test_a_cause_is_confirmed_against_the_profile_of_the_healthy_training_rows(retraining: Callable[..., Case], tmp_path: Path) -> None:
    case = stored(retraining(break_train=in_centimetres), tmp_path, "train")
    assert (case.task, case.metric) == ("classification", "accuracy")
    found = investigate(case)
    assert [(cause.cause, cause.where) for cause in found.causes] == [("data.unit-change", ("train.mean radius",))]
    assert not any(cause.observed for cause in found.examination.confirmed)
    assert any("reference.train is a stored profile of 1,500 rows" in said for said in found.assumptions)
    assert not [h for h in found.examination.hypotheses if "failed" in h.reason]


def test_what_needs_rows_is_said(retraining: Callable[..., Case], tmp_path: Path) -> None:
    case = stored(retraining(), tmp_path, "train", "validation")
    found = investigate(case)
    assert {"reference.train", "reference.validation"} <= {wish["evidence"] for wish in found.missing}
    lacking = {h.cause: h.reason for h in found.examination.hypotheses if "stored profile" in h.reason}
    assert lacking["data.stale"] == "Not tested: needs the rows of reference.train (a stored profile is given)."
    assert not [h for h in found.examination.hypotheses if "failed" in h.reason]
    assert found.verdict != "cause-found"
