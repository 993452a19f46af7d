"""A fall that a few wild rows hide is seen by the signs of the others; what any two trainings differ by is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from ruleout.case.memory import make_case
from ruleout.problem import state_problem


def side(seed: int, coefficient: float, shift: float, *, wild: float):
    """A side whose errors are skewed, a few of them wild, and whose model answers `coefficient * x + shift` above the mean."""
    rng = np.random.default_rng(seed)
    frames = []
    for n in (900, 600):
        x = rng.normal(size=n)
        y = x + rng.exponential(0.3, size=n)
        y[: n // 100] += wild * np.where(np.arange(n // 100) % 2, 1, -1)
        frames.append(pd.DataFrame({"x": x, "y": y}))
    frame = frames[0][["x"]]
    return {"train": frames[0], "validation": frames[1], "model": LinearRegression().fit(frame, coefficient * frame["x"] + 0.3 + shift)}


@pytest.mark.parametrize(
    ("coefficient", "shift", "broken"),
    [(1.0, 0.0, False), (1.0, 0.02, False), (1.8, 0.0, True)],
    ids=["the same model", "most rows worse by a hair", "all but the wild rows worse"],
)
def test_wild_rows_hide_a_fall_and_not_the_signs_of_the_others(coefficient, shift, broken):
    reference, current = side(1, 1.0, 0.0, wild=50.0), side(2, coefficient, shift, wild=60.0)
    found = state_problem(make_case(current, reference, target="y", metric="neg_mean_absolute_error", task="regression"))
    assert found.interval[0] < 0 < found.interval[1], "the wild rows hide nothing here"
    assert (found.kind != "none") == broken, (found.statement, found.figures)
