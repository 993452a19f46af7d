"""What a history and a configuration tell without a run that worked: schedules, restraint, length, one answer for all rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ruleout.case import memory
from ruleout.case.case import Case, Side
from ruleout.causes.one_answer import one_answer
from ruleout.causes.schedules import schedule_of
from ruleout.conclusion.conclusion import Conclusion
from ruleout.conclusion.investigate import investigate
from ruleout.faults import network
from ruleout.faults.network import Recipe, as_config, train_network
from ruleout.guards import check
from ruleout.problem.curves import columns_of
from ruleout.tables.table import Table


def concluded(records: list[dict[str, Any]], config: dict[str, Any] | None, reference: Side | None = None) -> Conclusion:
    return investigate(Case(current=memory.Side(history=records, config=config), reference=reference, changed="retraining"))


def with_rates(monkeypatch: pytest.MonkeyPatch, factor: Callable[[float], float]) -> None:
    """Let a network's rate be `factor` of the share of the run that is done."""
    monkeypatch.setattr(network, "_rate", lambda recipe, step, n: recipe.learning_rate * factor((step - 1) / n))


def test_a_rate_that_dies_while_the_loss_still_falls_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rates(monkeypatch, lambda done: 0.1 ** math.floor(20 * done))
    recipe = Recipe(data="digits", learning_rate=0.01, momentum=0.5, epochs=20)
    found = concluded(train_network(recipe), {**as_config(recipe), "schedule": "step", "step_size": 1, "gamma": 0.1}).causes
    assert found[0].cause == "model.learning-rate"
    assert {"config.learning_rate", "config.gamma"} <= set(found[0].where)


def test_the_configured_decay_tells_the_rates_where_the_history_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rates(monkeypatch, lambda done: 0.1 ** math.floor(20 * done))
    recipe = Recipe(data="digits", learning_rate=0.01, momentum=0.5, epochs=20)
    records = [{k: v for k, v in r.items() if k in ("epoch", "train_loss", "val_loss")} for r in train_network(recipe)]
    config = {**as_config(recipe), "lr_scheduler": {"kind": "step", "step_size": 1, "gamma": 0.1}}
    schedule = schedule_of(memory.Side(history=records, config=config))
    assert schedule is not None and schedule.starved == 1.0


def test_leaps_of_the_rate_that_throw_the_loss_back_are_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rates(monkeypatch, lambda done: 25.0 if int(30 * done) % 10 == 9 else 1.0)
    recipe = Recipe(data="computers", learning_rate=0.004, epochs=30)
    found = concluded(train_network(recipe), as_config(recipe)).causes
    assert found[0].cause == "model.learning-rate" and "leaps" in found[0].summary


@pytest.mark.parametrize("kind", ["restarts", "halved", "late"])
def test_schedules_of_healthy_runs_raise_no_alarm(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    factors: dict[str, Callable[[float], float]] = {
        "restarts": lambda done: 0.5 * (1 + math.cos(math.pi * (3 * done % 1))),
        "halved": lambda done: 0.5 ** math.floor(6 * done),
        "late": lambda done: 1.0 if done < 0.6 else 1e-3,
    }
    with_rates(monkeypatch, factors[kind])
    recipe = Recipe(data="rodents", learning_rate=0.05, epochs=24)
    assert concluded(train_network(recipe), as_config(recipe)).verdict == "no-problem"


def test_a_decay_that_no_weight_survives_needs_no_reference() -> None:
    recipe = Recipe(data="diamonds", learning_rate=0.01, weight_decay=1.2, epochs=30)
    found = concluded(train_network(recipe), as_config(recipe)).causes
    assert found[0].cause == "model.regularization" and found[0].where == ("config.weight_decay",)


def test_a_run_cut_off_on_a_slope_was_too_short() -> None:
    recipe = Recipe(data="rodents", learning_rate=0.002, momentum=0.5, epochs=5)
    found = concluded(train_network(recipe), as_config(recipe)).causes
    assert found[0].cause == "model.underfitting" and "config.epochs" in found[0].where


def test_first_weights_that_are_too_large_are_no_fault_of_a_small_rate() -> None:
    recipe = Recipe(data="computers", hidden=(64,) * 5, learning_rate=1e-4, gain=2.2, epochs=1, every=1)
    found = concluded(train_network(recipe), {**as_config(recipe), "init_gain": 2.2}).causes
    assert found[0].cause == "model.gradients" and "config.init_gain" in found[0].where


def records_of_a_rare_class(weight: float) -> list[dict[str, Any]]:
    """A logistic regression on four pixels of digits, eight or not, by gradient descent: one digit in ten is one."""
    from sklearn.datasets import load_digits

    rows, digits = load_digits(return_X_y=True)
    rows = rows[:, [27, 35, 37, 38]]
    rows, labels = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1.0), (digits == 8).astype(float)
    weights, bias, records = np.zeros(rows.shape[1]), 0.0, []
    importance = np.where(labels == 1, weight, 1.0)
    for epoch in range(20):
        answer = 1 / (1 + np.exp(-(rows @ weights + bias)))
        slope = importance * (answer - labels) / importance.sum()
        weights, bias = weights - rows.T @ slope, bias - slope.sum()
        answer = 1 / (1 + np.exp(-(rows @ weights + bias)))
        given = answer > 0.5
        loss = -np.mean(labels * np.log(answer) + (1 - labels) * np.log(1 - answer))
        recalls = given[labels == 1].mean(), (~given[labels == 0]).mean()
        records.append(
            {
                "epoch": epoch,
                "train_loss": float(loss),
                "val_loss": float(loss),
                "val_accuracy": float((given == labels).mean()),
                "val_macro_recall": float(np.mean(recalls)),
                "val_recall_eight": float(recalls[0]),
            }
        )
    return records


@pytest.mark.parametrize("left_out", [(), ("val_macro_recall",), ("val_macro_recall", "val_recall_eight")])
def test_one_answer_for_every_row_shows_in_the_scores(left_out: tuple[str, ...]) -> None:
    records = [{k: v for k, v in r.items() if k not in left_out} for r in records_of_a_rare_class(1.0)]
    config = {"class_weight": None, "class_counts": {"eight": 174, "other": 1623}}
    found = concluded(records, config).causes
    assert found[0].cause == "model.class-imbalance" and "config.class_weight" in found[0].where


def test_a_rare_class_that_is_answered_raises_no_alarm() -> None:
    records = records_of_a_rare_class(9.0)
    assert records[-1]["val_macro_recall"] > 0.7
    assert concluded(records, {"class_weight": "balanced"}).verdict == "no-problem"


@pytest.mark.parametrize("left_out", [(), ("val_macro_recall",)])
def test_the_guard_of_one_answer_is_red_on_the_run_and_green_on_one_that_answers_both(left_out: tuple[str, ...]) -> None:
    config = {"class_weight": None, "class_counts": {"eight": 174, "other": 1623}}
    broken, sound = ([{k: v for k, v in r.items() if k not in left_out} for r in records_of_a_rare_class(w)] for w in (1.0, 9.0))
    (guard,) = concluded(broken, config).guards
    assert (guard.cause, guard.check) == ("model.class-imbalance", "history_within")
    for records, green in ((broken, False), (sound, True)):
        history = Table(pa.table({name: [r[name] for r in records] for name in records[0]}), name="history")
        assert check(guard, Side(history=history)).green == green


def test_accuracy_alone_leaves_no_guard_as_it_falls_when_a_rare_class_is_answered() -> None:
    records = [{k: v for k, v in r.items() if k not in ("val_macro_recall", "val_recall_eight")} for r in records_of_a_rare_class(1.0)]
    conclusion = concluded(records, {"class_weight": None, "class_counts": {"eight": 174, "other": 1623}})
    assert conclusion.causes[0].cause == "model.class-imbalance"
    assert not conclusion.guards


def test_no_guard_is_left_that_the_run_that_worked_would_not_pass() -> None:
    poor = memory.Side(history=records_of_a_rare_class(1.0), config={"class_weight": None})
    assert not concluded(records_of_a_rare_class(1.0), {"class_weight": None}, poor).guards


def test_a_loss_under_other_class_weights_does_not_hide_the_fall_of_even_classes() -> None:
    reference = memory.Side(history=records_of_a_rare_class(9.0), config={"class_weight": "balanced"})
    conclusion = concluded(records_of_a_rare_class(1.0), {"class_weight": None}, reference)
    assert conclusion.examination.problem.metric == "val_macro_recall"
    assert conclusion.causes[0].cause == "model.class-imbalance"


@pytest.mark.parametrize(
    ("names", "train", "held"),
    [
        (["iteration", "training's binary_logloss", "valid_1's binary_logloss"], "training's binary_logloss", "valid_1's binary_logloss"),
        (["validation_0-rmse", "validation_1-rmse"], "validation_0-rmse", "validation_1-rmse"),
        (["training l2", "valid_1 l2"], "training l2", "valid_1 l2"),
        (["mae", "val_mae", "loss", "val_loss"], "loss", "val_loss"),
        (["train_loss_step", "train_loss_epoch", "val_loss", "loss_scale"], "train_loss_epoch", "val_loss"),
        (["best_val_loss", "tr nll", "dev nll"], "tr nll", "dev nll"),
    ],
)
def test_columns_of_many_programs_are_told_apart(names: list[str], train: str, held: str) -> None:
    known = columns_of(Table(pa.table({name: [1.0, 0.5] for name in names}), name="history"))
    assert (known.train, known.held) == (train, held)


def test_a_high_score_that_stands_still_is_no_constant_answer() -> None:
    history = Table(pa.table({"val_accuracy": [0.9] * 12, "val_balanced_accuracy": [0.88] * 12}), name="history")
    assert one_answer(history, {"class_counts": {"a": 60, "b": 40}}) is None
