"""Two serving logs: of the same requests in two environments, or of one service at two times; what rows drawn from a log hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ruleout
from ruleout.case.memory import make_case
from ruleout.problem import state_problem
from ruleout.problem.replay import drawn_from
from ruleout.problem.situation import situation_of


def log(first: int, n: int = 2000, seed: int = 0, *, harder: float = 0.0, turned: bool = False) -> pd.DataFrame:
    """A service's log: `y` follows the score; `harder` moves requests to where the score is undecided, `turned` breaks what follows."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    near = rng.random(n) < harder
    x, z = np.where(near, 0.3 * x, x), np.where(near, 0.3 * z, z)
    score = 1 / (1 + np.exp(-2.5 * (x + z)))
    chance = np.where(turned & (x > 0.5), 0.5, score)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(first + np.arange(n), unit="h")
    return pd.DataFrame({"id": first + np.arange(n), "at": at, "x": x, "z": z, "score": score, "y": (rng.random(n) < chance).astype(int)})


def case(reference: pd.DataFrame, current: pd.DataFrame, **fields: object):
    given = {"target": "y", "metric": "roc_auc", "task": "classification", "positive": 1, "key": "id", "time": "at", **fields}
    return make_case({"serving": current}, {"serving": reference}, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "fields", "situation"),
    [
        (0, {}, "environment"),
        (5000, {}, "serving"),
        (5000, {"key": None, "ignore": ("id",)}, "serving"),
        (0, {"key": None, "ignore": ("id",)}, "environment"),
    ],
)
def test_logs_of_other_requests_are_of_another_time_and_no_other_environment(first, fields, situation):
    assert situation_of(case(log(0), log(first, seed=1), **fields)) == situation


def test_logs_of_unequal_length_without_keys_or_times_are_of_other_requests():
    made = case(log(0), log(0, n=900), key=None, time=None, ignore=("id", "at"))
    assert situation_of(made) == "serving"


def test_rows_drawn_whole_keep_their_answers_and_changed_ones_do_not():
    table = case(log(0), log(5000)).current.serving
    drawn = table.take(np.array([5, 5, 7]))
    assert drawn_from(drawn, table)
    assert not drawn_from(drawn.with_column("x", np.zeros(3)), table)
    assert not drawn_from(table.without(["score"]), table)


@pytest.mark.parametrize(("change", "cause"), [({"harder": 0.7}, "data.drift"), ({"turned": True}, "data.concept-drift")])
def test_harder_requests_are_drift_and_labels_that_no_longer_follow_are_a_changed_world(change, cause):
    found = ruleout.investigate(case(log(0, 6000), log(6000, 6000, 1, **change)))
    assert [(c.cause, c.share) for c in found.causes] == [(cause, pytest.approx(1.0, abs=0.05))]


def test_a_fall_that_is_sure_but_small_is_not_called_noise():
    found = state_problem(replace(case(log(0, 20_000), log(20_000, 20_000, 1, harder=0.08)), min_effect=0.05))
    assert found.kind == "none"
    assert "beyond noise, but less than the smallest change that counts here, 0.05" in found.statement
