from __future__ import annotations

import numpy as np
import pytest

from ruleout.case.case import Side
from ruleout.causes.pipeline.scaling import Scaling
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, problem, table


def rows(name: str, seed: int, n: int = 500) -> object:
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(50, 10, n), rng.normal(-3, 2, n), rng.gamma(2, 5, n)
    return table(name, a=a, b=b, c=c, y=np.where(a > 50, "yes", "no"))


def scaled(mean: float = 50.0, scale: float = 10.0, seen: int = 500) -> Model:
    def answers(t: object) -> np.ndarray:
        return np.where((t.numbers("a") - mean) / scale > 0, "yes", "no")  # type: ignore[attr-defined]

    scalers = [{"columns": ["a"], "mean": [mean], "scale": [scale], "samples": seen}]
    return Model(Description("given", "Given", classes=("no", "yes"), fitted={"scalers": scalers}), answers=answers)


def case(current: Model, *, changed: object | None = None):
    reference = Side(train=rows("train", 1), validation=rows("validation", 2), model=artifact())  # type: ignore[arg-type]
    now = Side(train=changed or rows("train", 3), validation=rows("validation", 4), model=artifact())  # type: ignore[arg-type]
    return problem(reference, now, laboratory=Laboratory({"reference": scaled(), "current": current}), harm=0.4)


def test_a_foreign_scaler_is_found_and_put_right_in_place() -> None:
    given = case(scaled(70.0, 25.0))
    (finding,) = Scaling().suspect(given).findings
    assert finding.place == "a" and finding.evidence > 4
    right = Scaling().put_right(given.case, finding)
    assert right is not None and right.current.validation is not None and right.current.model is given.case.current.model
    laboratory = given.laboratory
    assert laboratory.metric(laboratory.model("current"), right.current.validation) > 0.97
    wrong = Scaling().put_wrong(given.case, finding)
    assert wrong is not None and wrong.reference is not None and wrong.reference.validation is not None
    assert laboratory.metric(laboratory.model("reference"), wrong.reference.validation) < 0.6
    guard = Scaling().guard(given, finding)
    assert guard is not None and given.case.reference is not None
    assert check(guard, given.case.reference, opened=laboratory.model("reference")).green
    assert not check(guard, given.case.current, opened=laboratory.model("current")).green


def test_a_scaler_within_its_sampling_error_is_healthy() -> None:
    look = Scaling().suspect(case(scaled(50.3, 10.1)))
    assert not look.findings and look.power > 0.9


def test_a_foreign_scaler_that_does_no_harm_is_weak_evidence() -> None:
    given = case(scaled(50.0, 30.0))
    (finding,) = Scaling().suspect(given).findings
    assert finding.evidence < 1


def test_a_table_that_arrives_standardised_is_scaled_back() -> None:
    raw = rows("train", 3)
    changed = raw
    for column in ("a", "b", "c"):
        values = raw.numbers(column)  # type: ignore[attr-defined]
        changed = changed.with_column(column, (values - values.mean()) / values.std())  # type: ignore[attr-defined]
    given = case(scaled(), changed=changed)
    found = [f for f in Scaling().suspect(given).findings if f.place.startswith("train.")]
    assert {f.place for f in found} >= {"train.a", "train.b", "train.c"} and found[0].evidence == 4.0
    right = Scaling().put_right(given.case, next(f for f in found if f.place == "train.a"))
    assert right is not None and right.current.train is not None
    assert right.current.train.numbers("a").mean() == pytest.approx(50, abs=1.5)
    assert right.current.train.numbers("b").mean() == pytest.approx(0, abs=1e-6), "each column is put right by itself"
    guard = Scaling().guard(given, found[0])
    assert guard is not None and given.case.reference is not None
    assert check(guard, given.case.reference).green and not check(guard, given.case.current).green


def test_one_column_alone_is_not_a_matter_of_scaling() -> None:
    raw = rows("train", 3)
    values = raw.numbers("a")  # type: ignore[attr-defined]
    given = case(scaled(), changed=raw.with_column("a", (values - values.mean()) / values.std()))  # type: ignore[attr-defined]
    assert all(f.place != "train" for f in Scaling().suspect(given).findings)
