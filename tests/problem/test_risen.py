"""A score that rose at once with a new column is asked whether it is honest; a mere better retraining is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ruleout.case.case import Case, Side
from ruleout.causes.data.label_leakage import LabelLeakage
from ruleout.models.artifact import Artifact
from ruleout.problem.state import state_problem
from ruleout.tables.table import Table


def side(frame: pd.DataFrame) -> Side:
    features = [c for c in frame if c != "paid"]
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(frame[features][:1_500], frame["paid"][:1_500])
    train, validation = (
        Table(pa.Table.from_pandas(rows.reset_index(drop=True)), name=name)
        for name, rows in (("train", frame[:1_500]), ("validation", frame[1_500:]))
    )
    return Side(train=train, validation=validation, model=Artifact(estimator=model))


@pytest.mark.parametrize(("symptom", "situation"), [("AUC from 0.6 to 0.95 after adding a column", "too-good"), ("", "retraining")])
def test_a_rise_that_somebody_reports_is_a_score_to_be_doubted(symptom: str, situation: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(0, 1, (2_500, 4)), columns=list("abcd"))
    paid = frame["a"] + rng.normal(0, 3, len(frame)) > 0
    frame["paid"] = np.where(paid, "yes", "no")
    after = frame.assign(extra=np.where(paid & (rng.random(len(frame)) > 0.06), rng.gamma(2.0, 1.0, len(frame)), 0.0))
    case = Case(
        current=side(after), reference=side(frame), target="paid", positive="yes", task="classification", metric="roc_auc", symptom=symptom
    )
    problem = state_problem(case)
    assert problem.situation == situation
    if situation == "too-good":
        assert problem.figures["added"] == ["extra"]
        assert "before" in problem.statement
        assert {f.place for f in LabelLeakage().suspect(problem).findings} == {"extra"}
