"""Tables that nothing can be held against: the pages say what is there for sure, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import population, table

from ruleout.case.case import Case, Side
from ruleout.case.settle import settle
from ruleout.conclusion import Conclusion, investigate


def lone(frame: pd.DataFrame, **fields: object) -> Conclusion:
    return investigate(settle(Case(current=Side(train=table(frame, "train")), **fields)))  # type: ignore[arg-type]


def diamonds(n: int = 3000) -> pd.DataFrame:
    frame = population("diamonds")[0].sample(n, random_state=1).reset_index(drop=True)
    return frame.assign(stone=np.arange(n) + 5000)


def named(conclusion: Conclusion) -> list[tuple[str, tuple[str, ...]]]:
    return [(c.cause, c.where) for c in conclusion.causes]


@pytest.mark.parametrize("name", ["diamonds", "flights", "iris", "wine", "breast_cancer"])
def test_a_clean_table_is_sound_and_says_what_was_looked_for(name: str) -> None:
    frame, target, task = population(name)
    found = lone(frame.sample(min(len(frame), 3000), random_state=0), target=target, task=task)
    assert named(found) == []
    assert found.verdict == "no-problem"
    assert "data.duplicates (0.9)" in found.summary


def broken(what: str) -> pd.DataFrame:
    frame, few = diamonds(), np.random.default_rng(2).random(3000) < 0.2
    if what == "unit":
        frame["price"] = np.where(few, frame.price / 1000, frame.price)
    elif what == "stand-in":
        frame["depth"] = np.where(few, -999.0, frame.depth)
    elif what == "empty":
        frame["table"] = np.nan
    elif what == "absurd":
        frame.loc[:7, "carat"] = 2e6 + np.arange(8)
    elif what == "repeats":
        frame = pd.concat([frame, frame[few]])
    elif what == "spelling":
        frame["cut"] = np.where(few, frame.cut.str.upper() + " ", frame.cut)
    elif what == "text":
        frame["carat"] = frame.carat.map("{:.2f} ct".format)
    return frame


@pytest.mark.parametrize(
    ("what", "cause", "where"),
    [
        ("unit", "data.unit-change", "train.price"),
        ("stand-in", "data.missing-values", "train.depth"),
        ("empty", "data.missing-values", "train.table"),
        ("absurd", "data.outliers", "train.carat"),
        ("repeats", "data.duplicates", "train"),
        ("spelling", "data.new-categories", "train.cut"),
        ("text", "data.schema-mismatch", "train.carat"),
    ],
)
def test_what_is_there_for_sure_is_said(what: str, cause: str, where: str) -> None:
    found = lone(broken(what), target="price", task="regression", key="stone")
    assert named(found) == [(cause, (where,))]
    assert found.causes[0].observed


def test_two_faults_of_one_table_are_both_said() -> None:
    frame = broken("stand-in")
    found = lone(pd.concat([frame, frame[:600]]), target="price", task="regression", key="stone")
    assert {cause for cause, _ in named(found)} == {"data.missing-values", "data.duplicates"}


def test_a_number_of_things_is_no_key_of_rows() -> None:
    frame = diamonds().assign(stone=lambda f: f.index // 3)
    assert lone(frame, target="price", task="regression", key="stone").verdict == "no-problem"


def log(kept: int, message: str = "") -> Conclusion:
    stages = (
        {"stage": "extract", "rows_in": 4000, "rows_out": 4000, "status": "ok"},
        {"stage": "join_prices", "rows_in": 4000, "rows_out": kept, "status": "ok", "message": message},
        {"stage": "train", "rows_in": kept, "rows_out": 1, "status": "ok"},
    )
    return investigate(settle(Case(current=Side(runlog=stages))))


def test_a_log_alone_tells_where_the_rows_went() -> None:
    assert named(log(180, "inner join on sku")) == [("data.missing-partition", ("runlog.join_prices",))]
    assert log(3900).verdict == "inconclusive"


@pytest.mark.parametrize(("rows_below", "verdict"), [(0, "no-problem"), (3, "cause-found")])
def test_a_log_with_labels_and_its_model_alone_is_answered_again(rows_below: int, verdict: str) -> None:
    from sklearn.linear_model import LogisticRegression

    from ruleout.models.artifact import Artifact

    frame, _, _ = population("breast_cancer")
    features = [c for c in frame.columns if c != "target"][:8]
    model = LogisticRegression(max_iter=3000).fit(frame[features], frame["target"])
    log = frame[[*features, "target"]].assign(
        prediction=np.roll(model.predict(frame[features]), rows_below),
        score=np.roll(model.predict_proba(frame[features])[:, 1], rows_below),
    )
    side = Side(serving=table(log, "serving"), model=Artifact(estimator=model))
    found = investigate(settle(Case(current=side, target="target", task="classification", metric="accuracy", trusted=True)))
    assert found.verdict == verdict
    assert [c.cause for c in found.causes] == (["data.row-misalignment"] if rows_below else [])
