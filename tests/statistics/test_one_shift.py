from __future__ import annotations

import numpy as np
import pytest

from ruleout.statistics.one_shift import one_shift


def together(seed: int, n: int = 2_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 3, n)
    return np.column_stack([common + rng.normal(0, 0.3, n), 2 * common + rng.normal(0, 0.5, n), rng.normal(5, 1, n), common**3])


@pytest.mark.parametrize("column", [0, 1])
def test_a_move_far_below_the_spread_is_seen_and_measured(column: int) -> None:
    suspect = together(1)
    suspect[:, column] += 0.4
    found = one_shift(suspect, together(2))
    assert found is not None and found.column == column
    assert found.moved == pytest.approx(0.4, abs=4 * found.error)
    assert found.z > 10 and found.part > 0.9 and found.own < 0.2


def test_two_samples_of_one_world_differ_by_chance() -> None:
    sizes = [one_shift(together(2 * s), together(2 * s + 1)) for s in range(20)]
    assert max(f.z for f in sizes if f is not None) < 4


def test_when_all_move_no_one_explains_it() -> None:
    rng = np.random.default_rng(0)
    made = [rng.normal(0, 1, (2_000, 5)) for _ in range(2)]
    found = one_shift(made[0] + 0.3, made[1])
    assert found is not None and found.part < 0.4
    assert one_shift(made[0][:, :1], made[1][:, :1]) is None
