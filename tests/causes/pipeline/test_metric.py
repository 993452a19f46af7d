from __future__ import annotations

import numpy as np
import pytest

from ruleout.case.case import Side
from ruleout.causes.definitions import classification, ranking, regression, thresholds
from ruleout.causes.pipeline.metric import Metric
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, labelled, problem


def by_x(table: object) -> np.ndarray:
    return np.where(table.numbers("x") > 10.8, "yes", "no")  # type: ignore[attr-defined]


def score(table: object) -> np.ndarray:
    return 1 / (1 + np.exp(-(table.numbers("x") - 10)))  # type: ignore[attr-defined]


MODEL = Model(Description("given", "Given", classes=("no", "yes")), answers=by_x, score=score)
LABORATORY = Laboratory({"reference": MODEL, "current": MODEL})


def sides(reference: float | None, current: float | None, name: str = "accuracy", **more: object) -> tuple[Side, Side]:
    made = []
    for seed, value in ((1, reference), (2, current)):
        metrics = {name: value, **more} if value is not None else None
        made.append(Side(validation=labelled("validation", seed=seed), model=artifact(), metrics=metrics))
    return made[0], made[1]


def exact(seed: int) -> float:
    return round(LABORATORY.metric(MODEL, labelled("validation", seed=seed)), 4)


def test_a_report_that_the_model_reproduces_is_ruled_out() -> None:
    look = Metric().suspect(problem(*sides(exact(1), exact(2)), laboratory=LABORATORY))
    assert not look.findings and look.power > 0.9


def test_another_definition_is_named_and_put_right() -> None:
    table = labelled("validation", seed=2)
    truth, said = table.texts("y"), by_x(table).astype(object)
    recall = next(d.value for d in classification(truth, said) if d.words == "recall of class 'no'")
    given = problem(*sides(exact(1), round(recall, 4)), laboratory=LABORATORY)
    page = Metric()
    (finding,) = page.suspect(given).findings
    assert finding.place == "metrics.accuracy"
    assert finding.figures["definition"] == "recall of class 'no'"
    right = page.put_right(given.case, finding)
    assert right is not None and right.current.metrics is not None
    assert right.current.metrics["accuracy"] == pytest.approx(exact(2), abs=1e-3)
    guard = page.guard(given, finding)
    assert guard is not None and given.case.reference is not None
    assert not check(guard, given.case.current, measure=LABORATORY.metric, opened=MODEL).green  # type: ignore[arg-type]
    assert check(guard, given.case.reference, measure=LABORATORY.metric, opened=MODEL).green  # type: ignore[arg-type]


def test_a_report_worse_than_the_model_is_near_proof_and_a_better_one_is_hardly_any() -> None:
    (worse,) = Metric().suspect(problem(*sides(exact(1), 0.1234), laboratory=LABORATORY)).findings
    (inflated,) = Metric().suspect(problem(*sides(exact(1), 0.99), laboratory=LABORATORY)).findings
    assert worse.evidence >= 4
    assert inflated.evidence <= 2


def test_an_inflated_reference_is_found_on_its_side() -> None:
    (finding,) = Metric().suspect(problem(*sides(0.9971, exact(2)), laboratory=LABORATORY)).findings
    assert finding.side == "reference" and finding.statement.startswith("reference.metrics.accuracy")


def test_a_report_on_other_rows_than_the_table_holds() -> None:
    reference, current = sides(0.9, 0.7, rows=400)
    assert current.metrics is not None
    other = Side(validation=current.validation, metrics={**current.metrics, "rows": 55})
    (finding,) = Metric().suspect(problem(Side(validation=reference.validation, metrics=reference.metrics), other)).findings
    assert "55 rows" in finding.statement


def test_definitions_agree_with_scikit_learn() -> None:
    from sklearn import metrics

    rng = np.random.default_rng(0)
    truth = rng.choice(["a", "b", "c"], 300).astype(object)
    said = np.where(rng.random(300) < 0.6, truth, "a").astype(object)
    found = {d.words: d.value for d in classification(truth, said)}
    t, s = truth.astype(str), said.astype(str)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(t, s))
    assert found["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(t, s))
    for average in ("macro", "weighted"):
        assert found[f"{average} F1"] == pytest.approx(metrics.f1_score(t, s, average=average))
        assert found[f"{average} precision"] == pytest.approx(metrics.precision_score(t, s, average=average, zero_division=0))
    weights = rng.random((300, 3))
    weights /= weights.sum(axis=1, keepdims=True)
    areas = {d.words: d.value for d in ranking(truth, weights, ("a", "b", "c"))}
    assert areas["AUC, one against the rest, plain mean"] == pytest.approx(metrics.roc_auc_score(t, weights, multi_class="ovr"))
    assert areas["AUC, one against one, plain mean"] == pytest.approx(metrics.roc_auc_score(t, weights, multi_class="ovo"))
    y, p = rng.normal(5, 1, 200), rng.normal(5, 1, 200)
    errors = {d.words: d.value for d in regression(y, p)}
    assert errors["root mean squared error"] == pytest.approx(metrics.root_mean_squared_error(y, p))
    assert errors["R2"] == pytest.approx(metrics.r2_score(y, p))
    assert errors["explained variance"] == pytest.approx(metrics.explained_variance_score(y, p))
    positive, cut = truth == "a", weights[:, 0]
    at = {d.words: d.value for d in thresholds("f1", positive, cut)}
    assert at["f1 at a threshold of 0.4"] == pytest.approx(metrics.f1_score(positive, cut >= 0.4))
