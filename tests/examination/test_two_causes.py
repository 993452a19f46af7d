"""Two faults at once: hidden behind each other, claiming the same place, needing each other, or made outside the rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ruleout.case.case import Case, Side
from ruleout.conclusion import investigate
from ruleout.examination.counterfactual import Counterfactuals
from ruleout.tables.frames import as_table

from .conftest import COLUMNS, table


def named(found):
    return {c.cause for c in found.causes}


def in_centimetres(frame):
    return frame.assign(**{"mean radius": frame["mean radius"] / 10})


def swapped(frame):
    rng = np.random.default_rng(5)
    flip = (frame["benign"] == "yes") & (rng.random(len(frame)) < 0.4)
    return frame.assign(benign=np.where(flip, "no", frame["benign"]))


def test_a_place_that_two_hypotheses_claim_goes_to_the_one_that_mends_it(retraining):
    def broken(frame):
        frame = in_centimetres(frame)
        gone = np.random.default_rng(1).random(len(frame)) < 0.5
        return frame.assign(**{"mean concavity": np.where(gone, -9.0, frame["mean concavity"])})

    found = investigate(retraining(break_validation=broken))
    where = {c.cause: c.where for c in found.causes}
    assert where == {"data.unit-change": ("validation.mean radius",), "data.missing-values": ("validation.mean concavity",)}


def test_what_made_the_artifact_is_named_beside_what_broke_its_rows(retraining):
    case = retraining(break_train=swapped)
    code = (
        {"train.py": "def prepare(frame):\n    return frame[COLUMNS]\n"},
        {"train.py": "def prepare(frame):\n    return frame[COLUMNS].abs() * 0\n"},
    )
    rows = case.current.train.to_pandas()
    # The current training code loses two of the columns on its way, which no clone of the artifact repeats.
    lost = rows[COLUMNS].assign(**{"mean radius": 14.0, "mean concavity": 0.09})
    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(lost, rows["benign"])
    reference = replace(case.reference, code=code[0])
    found = investigate(
        replace(case, reference=reference, current=replace(case.current, code=code[1], model=replace(case.current.model, estimator=made)))
    )
    assert named(found) == {"data.label-errors", "pipeline.code"}
    assert sum(c.share for c in found.causes) == pytest.approx(1.0, abs=0.15)
    assert min(c.share for c in found.causes) > 0.1


def test_a_retyped_column_and_a_setting_are_put_right_each_with_the_other_left_as_it_is(retraining):
    def text(frame):
        return frame.assign(**{"mean radius": [f"{v:.3f}".replace(".", ",") for v in frame["mean radius"]]})

    case = retraining(C=1e-4)
    rows = case.current.train.to_pandas()
    others = [c for c in COLUMNS if c != "mean radius"]
    made = make_pipeline(StandardScaler(), LogisticRegression(C=1e-4, max_iter=500)).fit(rows[others], rows["benign"])
    current = replace(case.current, train=as_table(text(rows), name="train"), model=replace(case.current.model, estimator=made))
    found = investigate(replace(case, current=current))
    assert found.causes[0].cause in ("model.regularization", "data.schema-mismatch")
    assert not any("could not be fitted" in s.finding for s in found.examination.steps)


def test_a_repair_worked_out_from_broken_rows_is_taken_as_it_is_where_the_others_are_right():
    from types import SimpleNamespace

    broken = as_table(pd.DataFrame({"a": [-1.0, -1.0, 3.0], "b": [0.0, 0.0, 0.0]})).named("train")
    case = Case(current=Side(train=broken), reference=Side(), target="b")

    def first(base):
        return base.with_table("current", "train", base.current.train.with_column("a", pa.array([1.0, 2.0, 3.0])))

    def second(base):
        return base.with_table("current", "train", base.current.train.with_column("b", pa.array(2.0 * base.current.train.numbers("a"))))

    measured = Counterfactuals(SimpleNamespace(case=case, laboratory=None, figures={}, kind="degradation"))
    measured_apart = measured.apart([SimpleNamespace(put_right=first), SimpleNamespace(put_right=second)], [1])
    assert measured_apart.current.train.numbers("a").tolist() == [-1.0, -1.0, 3.0]
    assert measured_apart.current.train.numbers("b").tolist() == [2.0, 4.0, 6.0]
    fewer = SimpleNamespace(
        put_right=lambda base: base.with_table("current", "train", base.current.train.filter(np.array([True, False, True])))
    )
    assert measured.apart([SimpleNamespace(put_right=first), fewer], [1]) is None


def each_alone(renamed):
    """A retraining with far too strong a penalty, on which the categories of validation were renamed as well: either does all the harm."""

    def rows(seed, n):
        frame = table(seed, n)
        classes = {c: pd.qcut(frame[c], 5, labels=list("abcde")).astype(str) for c in ("mean radius", "mean texture")}
        return pd.DataFrame({"size": classes["mean radius"], "grain": classes["mean texture"], "benign": frame["benign"]})

    def fitted(frame, C):
        return make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(C=C)).fit(frame[["size", "grain"]], frame["benign"])

    old, new, judged = rows(1, 1500), rows(2, 1500), rows(4, 1000)
    return Case(
        reference=Side(train=old, validation=rows(3, 1000), model=fitted(old, 1.0), config={"C": 1.0}),
        current=Side(
            train=new,
            validation=judged.assign(**{c: renamed(judged[c]) for c in ("size", "grain")}),
            model=fitted(new, 1e-6),
            config={"C": 1e-6},
        ),
        target="benign",
        metric="accuracy",
        changed="retraining",
    )


def test_two_faults_that_each_do_the_harm_alone_are_put_right_together():
    found = investigate(each_alone(lambda column: column.map({"a": "q7", "b": "x2", "c": "m5", "d": "k9", "e": "w3"})))
    assert named(found) == {"data.new-categories", "model.regularization"}
    assert "proved by putting it right and measuring again. Either fault alone does the harm" in found.summary
    assert [c.share for c in found.causes] == pytest.approx([0.5, 0.5], abs=0.1)


def test_what_cannot_be_put_right_is_done_to_the_healthy_side():
    """Neither repair gains anything while the other fault is there, and these names stand for no old ones."""
    rng = np.random.default_rng(0)
    found = investigate(each_alone(lambda column: rng.choice(["q7", "x2", "m5"], len(column))))
    assert named(found) == {"data.new-categories", "model.regularization"}
    assert "proved by doing the same to the reference and measuring again. Either fault alone does the harm" in found.summary
    assert [c.share for c in found.causes] == pytest.approx([0.5, 0.5], abs=0.1)
