"""Pages on how columns stand together answer strange tables with silence, never with an exception."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from retrained import healthy, problem, with_frame

from ruleout.case.case import Side
from ruleout.causes.data.concept_drift import ConceptDrift
from ruleout.causes.data.drift import Drift
from ruleout.causes.data.label_errors import LabelErrors
from ruleout.causes.data.label_shift import LabelShift
from ruleout.causes.data.missing_partition import MissingPartition
from ruleout.causes.data.row_misalignment import RowMisalignment
from ruleout.causes.data.stale import Stale

PAGES = (ConceptDrift, Drift, LabelErrors, LabelShift, MissingPartition, RowMisalignment, Stale)
STRANGE = {
    "no rows": lambda frame, rng: frame.head(0),
    "one row": lambda frame, rng: frame.head(1),
    "few rows": lambda frame, rng: frame.head(70),
    "a constant": lambda frame, rng: frame.assign(temp=1.0, carrier="UA"),
    "all null": lambda frame, rng: frame.assign(temp=np.nan, carrier=None),
    "infinities": lambda frame, rng: frame.assign(temp=np.where(rng.random(len(frame)) < 0.1, np.inf, frame["temp"])),
    "another type": lambda frame, rng: frame.assign(temp=frame["temp"].astype(str), carrier=np.arange(len(frame))),
    "lists": lambda frame, rng: frame.assign(temp=[[1.0]] * len(frame)),
    "huge integers": lambda frame, rng: frame.assign(distance=frame["distance"].astype("int64") + 2**62),
    "a column less": lambda frame, rng: frame.drop(columns=["temp", "dep_delay"]),
    "no target": lambda frame, rng: frame.drop(columns=["late"]),
    "labels null": lambda frame, rng: frame.assign(late=frame["late"].mask(rng.random(len(frame)) < 0.5)),
    "one class": lambda frame, rng: frame.assign(late="yes"),
    "a new class": lambda frame, rng: frame.assign(late=np.where(rng.random(len(frame)) < 0.1, "später", frame["late"])),
    "times": lambda frame, rng: frame.assign(seen=pd.Timestamp("2025-01-01")),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
@pytest.mark.parametrize("change", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("table", ["train", "validation"])
def test_a_strange_table_is_no_exception(page, change, table):
    broken = with_frame(healthy("flights", 1, 900, 400), table, change)
    for finding in page().suspect(problem(broken)).findings:
        page().put_right(broken, finding)
        page().put_wrong(broken, finding)
        page().guard(problem(broken), finding)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_evidence_may_be_missing(page):
    good = healthy("flights", 1, 900, 400)
    current, reference = good.current, good.reference
    for case in (
        replace(good, reference=None),
        replace(good, reference=Side(train=reference.train)),
        replace(good, reference=Side(validation=reference.validation)),
        replace(good, current=Side(serving=current.validation.named("serving"))),
        replace(good, current=Side()),
        replace(good, target=None),
    ):
        assert page().suspect(problem(case)).findings == ()
