"""What nobody said is inferred from the evidence and said aloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ruleout.case import Case, Side, settle
from ruleout.errors import FieldError
from ruleout.tables.table import Table

N = 400


def table(columns: Mapping[str, Any], name: str = "train") -> Table:
    return Table(pa.table(dict(columns)), name=name)


def measured(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"x": rng.normal(size=N), "z": rng.normal(size=N), "colour": rng.choice(["red", "blue"], N)}


def settled(columns: Mapping[str, Any], **fields: Any) -> Case:
    return settle(Case(current=Side(train=table(columns)), **fields))


def test_the_target_by_its_name() -> None:
    case = settled({"Label": ["a", "b"] * 200, **measured()})
    assert case.target == "Label"
    assert case.assumptions[0] == 'Nobody named the target: "Label" is assumed (by its name, in current.train).'


def test_y_beside_x_and_z_is_a_coordinate() -> None:
    rng = np.random.default_rng(1)
    case = settled({"y": rng.normal(size=N), **measured(), "price": rng.normal(size=N)})
    assert case.target == "price"


def test_the_target_is_what_serving_lacks() -> None:
    columns = {"churn": ["yes", "no"] * 200, **measured()}
    serving = table({**measured(1), "prediction": ["yes"] * N}, "serving")
    case = settle(Case(current=Side(train=table(columns), serving=serving)))
    assert case.target == "churn"
    assert "the only column of current.train that current.serving lacks" in case.assumptions[0]


def test_the_target_is_what_the_configuration_says() -> None:
    case = settle(Case(current=Side(train=table({**measured(), "last": [1, 2] * 200}), config={"target": "colour"})))
    assert case.target == "colour"
    assert "configuration of the current side says target = 'colour'" in case.assumptions[0]


def test_else_the_target_is_the_last_column_that_is_no_key() -> None:
    case = settled({**measured(), "row": np.arange(N)}, key="row")
    assert case.target == "colour"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 200, "classification"),
        ([True, False] * 200, "classification"),
        ([0, 1] * 200, "classification"),
        ([0.0, 1.0] * 199 + [None, 1.0], "classification"),
        ([0.0, 1.0] * 199 + [float("nan"), 1.0], "classification"),
        (list(np.arange(N) % 10), "classification"),
        (list(np.arange(N) % 50), "regression"),
        (list(np.linspace(0, 1, N)), "regression"),
        ([0.5, 1.5] * 200, "regression"),
    ],
)
def test_the_task_follows_from_the_target(values: list[Any], task: str) -> None:
    case = settled({**measured(), "y_true": values}, target="y_true")
    assert case.task == task
    assert case.metric == ("accuracy" if task == "classification" else "r2")
    assert case.assumptions[0].startswith(f"Nobody named the task: {task} is assumed (")


def test_an_empty_table_does_not_decide_the_task() -> None:
    full = {**measured(), "t": ["a", "b"] * 200}
    none = Table(pa.table({"t": pa.array([], pa.float64())}), name="train")
    assert settle(Case(current=Side(train=none), reference=Side(train=table(full)), target="t")).task == "classification"
    case = settle(Case(current=Side(train=none, metrics={}), target="t"))
    assert (case.task, case.metric) == (None, None)


def test_the_metric_is_one_that_is_reported() -> None:
    side = Side(train=table({**measured(), "t": ["a", "b"] * 200}), metrics={"rows": 400, "rmse": 3.0, "AUC": 0.9, "f1": 0.8})
    case = settle(Case(current=side, target="t"))
    assert case.metric == "roc_auc"
    assert "Nobody named the metric: \"roc_auc\" is assumed (the current side reports 'AUC')." in case.assumptions


@pytest.mark.parametrize(
    ("values", "positive", "why"),
    [
        (["Yes", "No"] * 200, "Yes", "by its name"),
        ([True, False] * 200, True, "by its name"),
        ([0.0, 1.0] * 200, 1.0, "by its name"),
        (["spam"] * 40 + ["ham"] * 360, "spam", "the rarer class, 10.0% of 400 rows"),
    ],
)
def test_the_positive_class(values: list[Any], positive: Any, why: str) -> None:
    case = settled({**measured(), "t": values}, target="t", metric="f1")
    assert case.positive == positive
    assert any(why in sentence for sentence in case.assumptions)


def test_no_positive_class_where_none_is_meant() -> None:
    assert settled({**measured(), "t": ["yes", "no"] * 200}, target="t", metric="accuracy").positive is None


@pytest.mark.parametrize(
    ("values", "given", "kept"), [([0, 1], "1", 1), ([0.0, 1.0], 1, 1.0), ([False, True], "true", True), (["yes", "no"], "no", "no")]
)
def test_the_positive_class_is_spelled_as_the_column_has_it(values: list[Any], given: Any, kept: Any) -> None:
    case = settled({**measured(), "t": values * 200}, target="t", metric="f1", positive=given)
    assert case.positive == kept
    assert type(case.positive) is type(kept)


def test_row_keys_are_no_features() -> None:
    rng = np.random.default_rng(2)
    columns = {
        "customer": rng.permutation(N) + 500,  # counts the rows, in whatever order
        "amount": rng.choice(10**9, N, replace=False),  # whole numbers that differ because there are so many
        "token": [f"t{rng.integers(10**12)}" for _ in range(N)],
        "order_id": rng.choice(10**9, N, replace=False),
        "shop_id": rng.integers(0, 30, N),  # repeats: no row key
        **measured(),
        "t": ["a", "b"] * 200,
    }
    case = settled(columns, target="t", task="classification", metric="accuracy")
    assert case.key == "order_id"
    assert case.ignore == ("customer", "token")
    assert len(case.assumptions) == 3
    assert 'Nobody named "order_id" as a feature or a key' in case.assumptions[0]
    assert "all 400 values in current.train differ" in case.assumptions[0]
    assert case.current.train is not None
    assert case.features(case.current.train) == ("amount", "shop_id", "x", "z", "colour")


def test_what_the_configuration_lists_is_a_feature() -> None:
    columns = {"counter": np.arange(N), **measured(), "t": ["a", "b"] * 200}
    config = {"columns": {"numeric": ["counter", "x"]}}
    case = settle(Case(current=Side(train=table(columns), config=config), target="t", task="classification", metric="accuracy"))
    assert (case.key, case.assumptions) == (None, ())


def test_keys_are_sought_on_the_side_that_worked() -> None:
    healthy = {"row_id": np.arange(N), **measured(), "t": ["a", "b"] * 200}
    doubled = {**healthy, "row_id": np.arange(N) // 2}
    case = settle(Case(current=Side(train=table(doubled)), reference=Side(train=table(healthy)), target="t"))
    assert case.key == "row_id"


def test_few_rows_say_nothing_of_keys() -> None:
    case = settled({"id": [1, 2, 3], "x": [0.1, 0.2, 0.3], "t": ["a", "b", "a"]}, target="t")
    assert case.key is None


def test_the_only_column_of_times_is_the_event_time() -> None:
    when = np.datetime64("2026-01-01") + np.arange(N).astype("timedelta64[D]")
    case = settled({"seen": pa.array(when), **measured(), "t": ["a", "b"] * 200}, target="t")
    assert case.time == "seen"
    assert settled({"seen": pa.array(when), "sent": pa.array(when), "t": ["a", "b"] * 200}, target="t").time is None


def test_wrong_fields_of_a_case_in_memory() -> None:
    columns = {**measured(), "t": ["a", "b"] * 200}
    with pytest.raises(FieldError, match=r'^target = "tt": current.train has no such column \(4 columns\)'):
        settled(columns, target="tt")
    with pytest.raises(FieldError, match=r'^changed = "deploy": expected retraining, deployment'):
        settled(columns, changed="deploy")
    with pytest.raises(FieldError, match=r'^positive = "c": "t" in current.train has no such value. Write one of "a", "b"'):
        settled(columns, target="t", metric="f1", positive="c")


def test_a_sorted_table_shows_all_its_classes() -> None:
    rows = 120_000
    values = ["a"] * 60_000 + ["b"] * 60_000
    case = settled({"x": np.random.default_rng(0).normal(size=rows), "t": values}, target="t", metric="roc_auc", positive="b")
    assert case.positive == "b"
