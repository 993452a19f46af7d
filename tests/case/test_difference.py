from __future__ import annotations

import math

import pytest

from ruleout.case.case import ABSENT
from ruleout.case.difference import change_size, config_difference, kind_of_setting, with_value


def test_only_what_changes_learning_counts() -> None:
    reference = {
        "C": 1.0,
        "seed": 3,
        "run_name": "a",
        "created_at": "2026-01-01",
        "output_path": "a/b.joblib",
        "data": "jan/train.parquet",
        "n_jobs": 1,
        "numeric": ["a", "b"],
        "model": {"depth": 6, "random_state": 1},
    }
    current = {
        "model": {"random_state": 2, "depth": 6},
        "C": 1,
        "seed": 4,
        "run_name": "b",
        "created_at": "2026-02-01",
        "output_path": "c/d.joblib",
        "data": "feb/train.parquet",
        "n_jobs": 8,
        "numeric": ["b", "a"],
    }
    assert config_difference(reference, current) == []


def test_nested_keys_and_absent_ones_are_named() -> None:
    found = config_difference({"model": {"depth": 6, "eta": 0.1}, "x": None}, {"model": {"depth": 9}, "new": 1})
    assert [(c.key, c.old, c.new) for c in found] == [
        ("model.depth", 6, 9),
        ("model.eta", 0.1, ABSENT),
        ("x", None, ABSENT),
        ("new", ABSENT, 1),
    ]


def test_weights_of_classes_change_as_one() -> None:
    (change,) = config_difference({"class_weight": {"good": 1, "bad": 1}}, {"class_weight": {"good": 1, "bad": 12}})
    assert change.key == "class_weight"
    assert change_size(change.old, change.new) == pytest.approx(math.log(12))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("C", "regularization"),
        ("alpha", "regularization"),
        ("reg_lambda", "regularization"),
        ("lambda_l1", "regularization"),
        ("l2_regularization", "regularization"),
        ("dropout_rate", "regularization"),
        ("weight_decay", "regularization"),
        ("max_depth", "regularization"),
        ("max_leaf_nodes", "regularization"),
        ("num_leaves", "regularization"),
        ("min_samples_leaf", "regularization"),
        ("min_child_weight", "regularization"),
        ("model__colsample_bytree", "regularization"),
        ("learning_rate", "learning-rate"),
        ("lr", "learning-rate"),
        ("learning_rate_init", "learning-rate"),
        ("warmup_steps", "learning-rate"),
        ("lr_decay", "learning-rate"),
        ("momentum", "learning-rate"),
        ("n_neighbors", "hyperparameter"),
        ("class_weight", "hyperparameter"),
        ("n_estimators", "hyperparameter"),
        ("epochs", "hyperparameter"),
        ("threshold", "threshold"),
        ("max_features", "hyperparameter"),
        ("numeric", "hyperparameter"),
    ],
)
def test_kinds_of_settings(key: str, kind: str) -> None:
    assert kind_of_setting((key,)) == kind


def test_alpha_of_a_quantile_and_gamma_of_a_kernel_are_no_regularisation() -> None:
    assert kind_of_setting(("alpha",), {"alpha": 0.9, "loss": "quantile"}) == "hyperparameter"
    assert kind_of_setting(("gamma",), {"gamma": 0.1, "kernel": "rbf"}) == "hyperparameter"
    assert kind_of_setting(("gamma",), {"gamma": 0.1, "max_depth": 3}) == "regularization"


def test_size_is_the_same_both_ways_and_none_without_a_ratio() -> None:
    assert change_size(0.003, 0.6) == pytest.approx(change_size(0.6, 0.003))
    assert change_size(None, 3) is None
    assert change_size(0, 3) is None
    assert change_size(True, False) is None


def test_a_nested_value_is_set_beside_its_siblings() -> None:
    config = {"model": {"depth": 9, "eta": 0.1}, "x": 1}
    assert with_value(config, ("model", "depth"), 6) == {"model": {"depth": 6, "eta": 0.1}}
    assert with_value(config, ("model", "depth"), ABSENT) == {"model": {"eta": 0.1}}
    assert with_value(config, ("x",), 2) == {"x": 2}
    assert config["model"] == {"depth": 9, "eta": 0.1}


def test_a_decision_threshold_is_no_hyperparameter_and_that_of_a_selector_is() -> None:
    assert kind_of_setting(("decision", "threshold")) == "threshold"
    assert kind_of_setting(("cutoff",)) == "threshold"
    assert kind_of_setting(("feature_selection", "threshold")) == "hyperparameter"
