"""What the choosing rows flatter is the difference between two halves of the same rows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import ruleout
from ruleout.bench.halves import Flattery, halved, main, measured_twice
from ruleout.faults import as_case, fault, healthy_system


@pytest.fixture(scope="module")
def case():
    import numpy as np

    system = healthy_system("rodents", "linear", seed=1, n_rows=600)
    return as_case(fault("data.label-errors").inject(system, np.random.default_rng(0), "large"))


def test_the_halves_are_all_of_the_rows_and_share_none(case):
    first, second = halved(case, 3)
    whole = case.current.validation.to_pandas()
    parts = [half.current.validation.to_pandas() for half in (first, second)]
    assert sum(map(len, parts)) == len(whole)
    joined = sorted(map(str, [*parts[0].values.tolist(), *parts[1].values.tolist()]))
    assert joined == sorted(map(str, whole.values.tolist()))
    assert first.current.train is second.current.train


def test_a_confirmed_cause_is_measured_on_both(case):
    (found,) = measured_twice(ruleout.investigate, case)
    assert found.cause == "data.label-errors"
    assert min(found.gains) > 0
    assert abs(found.of_gain) < 0.5


def test_flattery_is_a_part_of_the_larger_change():
    found = Flattery("data.drift", (0.10, 0.05), (0.10, 0.10))
    assert found.of_gain == pytest.approx(0.5)
    assert found.of_share == pytest.approx(0.5)


def test_too_few_causes_give_no_mean(capsys):
    silent = SimpleNamespace(examination=SimpleNamespace(confirmed=()))
    assert main(["--seeds", "1", "--rows", "300", "--faults", "data.outliers"], investigate=lambda case: silent) == 1
    assert "0 causes were confirmed" in capsys.readouterr().out
