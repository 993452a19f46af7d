"""What a side says of its model beside the artifact: its worth to the last digit, and the order of its columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ruleout.case.case import Case, Side
from ruleout.models.model import Prediction
from ruleout.problem.reported import listed, worth_as_reported
from ruleout.tables.table import Table


class Half:
    """Answers `yes` in the first half of the rows."""

    fingerprint = "half"

    def predict(self, table: Table) -> Prediction:
        n = table.n_rows
        return Prediction(np.array(["yes"] * (n // 2) + ["no"] * (n - n // 2), dtype=object), None, ("no", "yes"))


@pytest.mark.parametrize(("reported", "same"), [(0.83333, True), (0.833, True), (0.8334, False), (0.83, False), (1, False), (None, False)])
def test_a_worth_is_met_to_the_last_digit_that_was_written(reported: float | None, same: bool) -> None:
    truth = np.array(["yes"] * 3 + ["no"] * 3, dtype=object)
    truth[0] = "no"
    side = Side(validation=Table(pa.table({"x": np.arange(6.0), "y": truth.tolist()}), name="validation"), metrics={"accuracy": reported})
    case = Case(current=side, target="y", task="classification", metric="accuracy")
    assert worth_as_reported(case, side, Half()) == same


def test_columns_are_listed_in_one_list_or_in_several_and_all_of_them_or_none() -> None:
    features = ("a", "b", "c")
    assert listed({"data": {"numeric": ["c", "a"], "categorical": ["b"]}, "tags": ["x"]}, features) == ("c", "a", "b")
    assert listed({"features": ["b", "c", "a"]}, features) == ("b", "c", "a")
    assert listed({"numeric": ["c", "a"]}, features) == ()
    assert listed(None, features) == ()
