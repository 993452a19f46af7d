from __future__ import annotations

import pytest

from ruleout.case.case import ABSENT, Side
from ruleout.causes.model.hyperparameter import Hyperparameter
from ruleout.causes.model.learning_rate import LearningRate
from ruleout.causes.model.regularization import Regularization
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, problem

PAGES = (Regularization(), LearningRate(), Hyperparameter())


def sides(**changes: object) -> tuple[Side, Side]:
    healthy = {"C": 1.0, "learning_rate": 0.01, "n_neighbors": 3, "numeric": ["a", "b"], "seed": 1}
    return Side(config=healthy), Side(config={**healthy, **changes})


@pytest.mark.parametrize(
    ("key", "value", "page"), [("C", 1e-4, "Regularization"), ("learning_rate", 0.6, "LearningRate"), ("n_neighbors", 40, "Hyperparameter")]
)
def test_each_key_has_one_page(key: str, value: float, page: str) -> None:
    reference, current = sides(**{key: value})
    given = problem(reference, current)
    for entry in PAGES:
        look = entry.suspect(given)
        assert [f.place for f in look.findings] == ([f"config.{key}"] if type(entry).__name__ == page else [])
        assert look.power > 0.9


def test_a_larger_change_is_stronger_evidence() -> None:
    small, large = (Regularization().suspect(problem(*sides(C=c))).findings[0].evidence for c in (1.1, 1000.0))
    assert 0.4 < small < 1.0
    assert large > 2.5


def test_a_seed_and_the_order_of_columns_are_no_settings() -> None:
    given = problem(*sides(seed=2, numeric=["b", "a"]))
    assert all(not page.suspect(given).findings for page in PAGES)


def test_put_right_and_put_wrong_move_the_one_key() -> None:
    reference, current = sides(C=100.0, n_neighbors=9)
    given = problem(reference, current)
    (finding,) = Regularization().suspect(given).findings
    right, wrong = Regularization().put_right(given.case, finding), Regularization().put_wrong(given.case, finding)
    assert right is not None and wrong is not None and right.current.config is not None and wrong.reference is not None
    assert (right.current.config["C"], right.current.config["n_neighbors"]) == (1.0, 9)
    assert wrong.reference.config == {**(reference.config or {}), "C": 100.0}
    assert given.case.current is current


def test_a_key_that_is_new_is_taken_away_again_and_guarded() -> None:
    given = problem(*sides(max_depth=2))
    (finding,) = Regularization().suspect(given).findings
    right = Regularization().put_right(given.case, finding)
    guard = Regularization().guard(given, finding)
    assert finding.repair["healthy"] is ABSENT
    assert right is not None and "max_depth" not in (right.current.config or {})
    assert guard is not None and given.case.reference is not None
    assert check(guard, given.case.reference).green and not check(guard, given.case.current).green


def test_without_files_the_parameters_of_the_artifacts_are_compared() -> None:
    models = {
        side: Model(Description("given", "Ridge", parameters={"model__alpha": alpha, "model__random_state": at, "model__copy_X": True}))
        for at, (side, alpha) in enumerate([("reference", 1.0), ("current", 500.0)])
    }
    given = problem(Side(model=artifact()), Side(model=artifact()), laboratory=Laboratory(models))
    (finding,) = Regularization().suspect(given).findings
    assert finding.place == "config.alpha"
    assert finding.figures["reference"] == 1.0
    guard = Regularization().guard(given, finding)
    assert guard is not None and guard.check == "artifact_parameters"


def test_nothing_to_compare_has_no_power() -> None:
    look = Regularization().suspect(problem(Side(), Side()))
    assert look.power == 0 and not look.findings
