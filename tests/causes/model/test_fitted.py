from __future__ import annotations

import numpy as np

from ruleout.case.case import Side
from ruleout.causes.model.checkpoint import Checkpoint
from ruleout.causes.model.class_imbalance import ClassImbalance
from ruleout.causes.model.overfitting import Overfitting
from ruleout.causes.model.seed_variance import SeedVariance
from ruleout.causes.model.underfitting import Underfitting
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, labelled, problem, table

RIGHT = {"recomputed": {"reference": 0.9, "current": 0.7}}


def sides(n_current: int = 400) -> tuple[Side, Side]:
    return (
        Side(train=labelled("train", seed=1), validation=labelled("validation", seed=2), model=artifact()),
        Side(train=labelled("train", n_current, seed=3), validation=labelled("validation", seed=4), model=artifact()),
    )


def described(rows: int = 400, **said: object) -> Model:
    scalers = [{"columns": ["x"], "mean": [10.0], "scale": [2.0], "samples": rows}]
    known = {"features": ("x", "colour"), "classes": ("no", "yes"), "fitted": {"scalers": scalers}, **said}
    return Model(Description("given", "Given", **known))  # type: ignore[arg-type]


def test_a_refit_that_is_far_better_charges_the_artifact() -> None:
    laboratory = Laboratory({"reference": described(), "current": described()}, refits=(0.9, 0.905, 0.895))
    given = problem(*sides(), laboratory=laboratory, figures=RIGHT)
    look = Checkpoint().suspect(given)
    (finding,) = look.findings
    assert finding.place == "model" and finding.evidence >= 4.5
    right = Checkpoint().put_right(given.case, finding)
    assert right is not None and right.current.model is None and right.current.train is given.case.current.train
    wrong = Checkpoint().put_wrong(given.case, finding)
    assert wrong is not None and wrong.reference is not None and wrong.reference.model is given.case.current.model
    guard = Checkpoint().guard(given, finding)
    assert guard is not None
    assert check(guard, given.case.current, measure=lambda m, t: 0.9, opened=laboratory.models["current"]).green  # type: ignore[arg-type]
    assert not check(guard, given.case.current, measure=lambda m, t: 0.7, opened=laboratory.models["current"]).green  # type: ignore[arg-type]


def test_a_refit_that_scores_like_the_artifact_clears_it() -> None:
    laboratory = Laboratory({"reference": described(), "current": described()}, refits=(0.7, 0.705, 0.695))
    look = Checkpoint().suspect(problem(*sides(), laboratory=laboratory, figures=RIGHT))
    assert not look.findings and look.power >= 0.9


def test_an_artifact_that_remembers_other_rows_classes_or_columns_is_suspect() -> None:
    for other in (described(70), described(classes=("no", "perhaps", "yes")), described(features=("x", "weight")), described(finite=False)):
        laboratory = Laboratory({"reference": described(), "current": other})
        look = Checkpoint().suspect(problem(*sides(), laboratory=laboratory, figures=RIGHT))
        assert look.findings, other.description
    laboratory = Laboratory({"reference": described(), "current": described()})
    assert not Checkpoint().suspect(problem(*sides(), laboratory=laboratory, figures=RIGHT)).findings


def test_parameters_that_contradict_the_configuration() -> None:
    reference, current = sides()
    config = {"n_neighbors": 3}
    held = [Side(train=s.train, validation=s.validation, model=s.model, config=config) for s in (reference, current)]
    models = {side: described(parameters={"model__n_neighbors": k}) for side, k in (("reference", 3), ("current", 15))}
    look = Checkpoint().suspect(problem(*held, laboratory=Laboratory(models), figures=RIGHT))
    assert "n_neighbors" in look.findings[0].statement


def test_a_seed_alone_is_found_the_surer_the_nearer_to_its_own_scatter() -> None:
    rows = {"train": labelled("train", seed=1), "validation": labelled("validation", seed=2)}
    reference, current = Side(**rows, config={"seed": 1}), Side(**rows, config={"seed": 2})  # type: ignore[arg-type]
    page = SeedVariance()
    within = problem(reference, current, figures={"seed_sd": 0.02}, change=-0.02)
    (finding,) = page.suspect(within).findings
    assert finding.place == "config.seed" and finding.evidence > 2
    right = page.put_right(within.case, finding)
    assert right is not None and right.current.config == {"seed": 1}
    (unlucky,) = page.suspect(problem(reference, current, figures={"seed_sd": 0.01}, change=-0.2)).findings
    assert 0 < unlucky.evidence < finding.evidence
    assert not page.suspect(problem(reference, Side(**rows, config={"seed": 1}), figures={"seed_sd": 0.02}, change=-0.02)).findings  # type: ignore[arg-type]
    other = Side(train=labelled("train", seed=9), validation=rows["validation"], config={"seed": 2})
    assert not page.suspect(problem(reference, other, figures={"seed_sd": 0.02}, change=-0.02)).findings


def test_one_answer_only_is_found_and_a_mixed_one_is_not() -> None:
    def halves(t: object) -> np.ndarray:
        return np.where(np.arange(400) % 2 == 0, "yes", "no")

    page, laboratory = ClassImbalance(), Laboratory({"reference": Model(answers=halves), "current": Model(answers=["no"] * 400)})
    given = problem(*sides(), laboratory=laboratory)
    (finding,) = page.suspect(given).findings
    assert finding.place == "model"
    guard = page.guard(given, finding)
    assert guard is not None and given.case.reference is not None
    assert not check(guard, given.case.current, opened=laboratory.models["current"]).green  # type: ignore[arg-type]
    assert check(guard, given.case.reference, opened=laboratory.models["reference"]).green  # type: ignore[arg-type]
    healthy = Laboratory({"reference": Model(answers=halves), "current": Model(answers=halves)})
    assert not page.suspect(problem(*sides(), laboratory=healthy)).findings


def test_overfitting_needs_a_training_score_that_did_not_fall() -> None:
    rose = {**RIGHT, "train_score": {"reference": 0.92, "current": 0.999}}
    fell = {**RIGHT, "train_score": {"reference": 0.92, "current": 0.72}}
    assert Overfitting().suspect(problem(*sides(), figures=rose)).findings[0].evidence > 1
    assert not Overfitting().suspect(problem(*sides(), figures=fell)).findings
    assert Underfitting().suspect(problem(*sides(), figures=fell)).findings[0].evidence > 0.5
    assert not Underfitting().suspect(problem(*sides(), figures=rose)).findings


def test_a_changed_setting_comes_before_what_it_does() -> None:
    reference, current = sides()
    fell = {**RIGHT, "train_score": {"reference": 0.92, "current": 0.72}}
    plain = Underfitting().suspect(problem(reference, current, figures=fell)).findings[0].evidence
    held = [Side(train=s.train, validation=s.validation, model=s.model, config={"C": c}) for s, c in ((reference, 1.0), (current, 1e-6))]
    assert Underfitting().suspect(problem(*held, figures=fell)).findings[0].evidence < 0.5 * plain


def test_loss_curves_that_part_are_overfitting_and_ones_that_end_high_are_underfitting() -> None:
    epochs = np.arange(40)
    good = table("history", epoch=epochs, train_loss=np.exp(-epochs / 8) + 0.1, val_loss=np.exp(-epochs / 8) + 0.2)
    parted = table("history", epoch=epochs, train_loss=np.exp(-epochs / 4), val_loss=0.3 + np.abs(epochs - 10) * 0.02)
    slow = table("history", epoch=epochs, train_loss=1.1 - epochs * 0.005, val_loss=1.2 - epochs * 0.005)
    assert Overfitting().suspect(problem(Side(history=good), Side(history=parted))).findings[0].evidence > 1.5
    assert not Overfitting().suspect(problem(Side(history=good), Side(history=good))).findings
    assert Underfitting().suspect(problem(Side(history=good), Side(history=slow))).findings
    assert not Underfitting().suspect(problem(Side(history=good), Side(history=good))).findings
