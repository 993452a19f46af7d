"""A run that read an earlier one's rows, and columns that were lost together: what silent pipelines do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from samples import frames, population, problem, table

from ruleout.case.case import Case, Side
from ruleout.causes.data.duplicates import Duplicates
from ruleout.causes.data.missing_values import MissingValues
from ruleout.causes.data.stale import Stale
from ruleout.problem.again import same_again
from ruleout.problem.problem import Problem


def nightly(days: int, *, source: str = "", seed: int = 0, other: bool = False) -> Case:
    frame = population("diamonds")[0].iloc[:800]
    frame = frame.assign(sold=pd.Timestamp("2023-01-01") + pd.to_timedelta(np.linspace(0, 600, 800), unit="D"))

    def side(frame: pd.DataFrame, began: pd.Timestamp, seed: int) -> Side:
        log = ({"stage": "extract", "rows_in": 800, "rows_out": 800, "started": began.isoformat(), "message": source},)
        return Side(train=table(frame[:600], "train"), validation=table(frame[600:], "validation"), runlog=log, config={"seed": seed})

    night = pd.Timestamp("2025-01-01")
    reference, current = side(frame, night, 0), side(frame[5:] if other else frame, night + pd.Timedelta(days=days), seed)
    return Case(current=current, reference=reference, target="price", task="regression", metric="r2", time="sold")


@pytest.mark.parametrize(
    ("case", "stale"),
    [
        (nightly(1, source="partition 2024-12-31"), True),
        (nightly(90), True),
        (nightly(1), False),  # Nothing new in a day is no fault.
        (nightly(0, source="partition 2024-12-31"), False),
        (nightly(1, source="partition 2024-12-31", other=True), False),
        (nightly(90, seed=7), False),  # The same rows with another seed are meant.
    ],
)
def test_the_same_rows_again_are_stale_where_others_were_due(case: Case, stale: bool) -> None:
    assert (same_again(case) is not None) == stale
    given = Problem(case, None, "invalid-output", "The same again.", situation="silent")  # type: ignore[arg-type]
    if stale:
        assert {"train", "validation"} <= {f.place for f in Stale().suspect(given).findings}
        # What fell on the same rows did not fall because they are old.
        assert not Stale().suspect(replace(given, significant=True, harm=0.1)).findings


def test_columns_lost_together_come_back_together_and_are_no_repeats() -> None:
    tables = frames("diamonds")
    lost = ["carat", "depth", "table", "x", "y", "z"]
    tables["current.train"][lost] = np.nan
    for column in ("cut", "color", "clarity"):
        tables["current.train"][column] = pd.Series([None] * len(tables["current.train"]), dtype="str")
    given = problem("diamonds", tables)
    findings = MissingValues().suspect(given).findings
    case = given.case
    for finding in findings:
        case = MissingValues().put_right(case, finding) or case
    train, healthy = case.current.train, case.reference.train if case.reference else None
    assert train is not None
    assert healthy is not None
    mine, theirs = (set(zip(*(t.numbers(c) for c in lost), strict=True)) for t in (train, healthy))
    assert len(mine & theirs) > 0.95 * len(mine)
    assert len(mine) > 0.4 * len(theirs)
    assert not [f for f in Duplicates().suspect(given).findings if f.place == "train"]
