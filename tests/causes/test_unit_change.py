from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from samples import Frames, frames, guarded, healthy_pairs, only, problem, repaired, table, texts

from ruleout.case.case import Case, Side
from ruleout.causes.data.unit_change import UnitChange
from ruleout.faults.datasets import load_dataset
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem

PAGE = UnitChange()


def changed(tables: Frames, column: str, formula: Callable[[np.ndarray], np.ndarray], rows: np.ndarray | None = None) -> np.ndarray:
    """Break the current training table; its texts as they were come back."""
    train = tables["current.train"]
    was, values = texts(train, column), train[column].to_numpy(dtype=float)
    rows = np.ones(len(train), dtype=bool) if rows is None else rows
    train[column] = np.where(rows, formula(values), values)
    return was


@pytest.mark.parametrize(
    "formula",
    [
        lambda v: v * 100,
        lambda v: v / 1000,
        lambda v: v * 1.18,
        lambda v: v * 1.8 + 32,
        lambda v: -v,
        np.log1p,
        np.sqrt,
        lambda v: 1 / v,
    ],
    ids=["x100", "/1000", "x1.18", "fahrenheit", "sign", "log1p", "sqrt", "reciprocal"],
)
@pytest.mark.parametrize(("name", "column"), [("diamonds", "carat"), ("flights", "distance")])
def test_the_formula_is_found_and_undone(name: str, column: str, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    tables = frames(name)
    was = changed(tables, column, formula)
    given = problem(name, tables)
    finding = only(PAGE, given, f"train.{column}")
    assert np.mean(repaired(PAGE, given, finding, column) == was) > 0.999
    assert finding.specificity == 1.0
    assert guarded(PAGE, given, finding)


def test_a_part_in_a_rounded_unit_returns_to_the_grid_of_the_others() -> None:
    tables = frames("flights")
    some = np.random.default_rng(1).random(len(tables["current.train"])) < 0.4
    was = changed(tables, "distance", lambda v: np.round(v / 25.4, 2), some)
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.distance")
    assert finding.figures["share"] == pytest.approx(0.4, abs=0.1)
    assert np.mean(repaired(PAGE, given, finding, "distance") == was) > 0.9


@pytest.mark.parametrize("factor", [1.2, 0.9])
def test_a_factor_that_the_spread_hides_is_told_by_the_other_columns(factor: float) -> None:
    tables = frames("diamonds")
    tables = {k: f.assign(worth=(f["price"] * np.random.default_rng(3).normal(1, 0.03, len(f))).round(2)) for k, f in tables.items()}
    was = changed(tables, "worth", lambda v: v * factor)
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.worth")
    assert finding.figures["scale"] == pytest.approx(factor, rel=0.01)
    back = repaired(PAGE, given, finding, "worth")
    assert np.allclose(back.astype(float), was.astype(float), rtol=0.01)


def test_standardised_values_return_to_their_grid() -> None:
    tables = frames("diamonds")
    was = changed(tables, "carat", lambda v: (v - v.mean()) / v.std())
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.carat")
    assert np.mean(repaired(PAGE, given, finding, "carat") == was) > 0.999


@pytest.mark.parametrize("part", ["segment", "end", "scattered"])
def test_a_part_of_the_rows_is_found(part: str) -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    n = len(train)
    rows = {
        "segment": (train["cut"] == "Premium").to_numpy(),
        "end": np.arange(n) >= 1800,
        "scattered": np.random.default_rng(3).random(n) < 0.2,
    }[part]
    was = changed(tables, "carat", lambda v: v * 100, rows)
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.carat")
    assert np.mean(repaired(PAGE, given, finding, "carat") == was) > 0.995
    assert finding.figures["share"] == pytest.approx(rows.mean(), abs=0.01)


def test_the_reference_can_be_put_wrong() -> None:
    tables = frames("flights")
    changed(tables, "distance", lambda v: v * 1.609344)
    given = problem("flights", tables)
    case = PAGE.put_wrong(given.case, only(PAGE, given, "train.distance"))
    assert case is not None
    assert case.reference is not None
    assert case.reference.train is not None
    assert np.allclose(case.reference.train.numbers("distance"), tables["reference.train"]["distance"] * 1.609344)


def test_drift_is_no_unit_change() -> None:
    tables = frames("diamonds", n_train=6000)
    train = tables["current.train"]
    keep = np.random.default_rng(1).random(len(train)) < np.clip(train["carat"] / 2, 0.05, 1)
    tables["current.train"] = train[keep].reset_index(drop=True)
    assert all(f.evidence < 2 for f in PAGE.suspect(problem("diamonds", tables)).findings)


def test_rare_spikes_of_null_are_no_unit_change() -> None:
    tables = frames("flights")
    changed(tables, "distance", lambda v: v * 0, np.random.default_rng(2).random(3000) < 0.15)
    assert not PAGE.suspect(problem("flights", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        look = PAGE.suspect(given)
        assert not look.findings, (name, look.findings[0].statement)
        assert look.statement.endswith(".")


def test_rounded_inches_among_values_that_stand_on_no_grid_are_inches() -> None:
    from ruleout.statistics.arithmetic import best_inverse

    rng = np.random.default_rng(0)
    inches = np.round(rng.normal(67, 4, 6_000))
    metres = np.round(inches[:3_000] * 0.0254, 2)
    found = best_inverse(inches[3_000:], metres)
    assert found is not None and found[0].known and found[0].scale == pytest.approx(39.37, abs=0.01)


def test_zeros_tell_nothing_of_a_part_in_thousands() -> None:
    from ruleout.statistics.arithmetic import Arithmetic
    from ruleout.statistics.parts import mixture

    rng = np.random.default_rng(0)
    earned = np.where(rng.random((2, 2_000)) < 0.15, 0.0, rng.lognormal(9, 0.6, (2, 2_000)))
    rows = rng.random(2_000) < 0.3
    found = mixture(np.where(rows, earned[0] / 1_000, earned[0]), earned[1], Arithmetic(scale=1e-3))
    assert found is not None and found.overlap < 0.03
    assert np.mean(found.rows(np.where(rows, earned[0] / 1_000, earned[0]))[earned[0] > 0] == rows[earned[0] > 0]) > 0.98


def test_a_part_of_the_rows_is_told_by_decimals_that_no_healthy_value_needs() -> None:
    tables = frames("flights")
    some = np.random.default_rng(3).random(len(tables["current.train"])) < 0.45
    was = changed(tables, "distance", lambda v: v * 2.2046, some)
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.distance")
    assert finding.figures["share"] == pytest.approx(0.45, abs=0.05)
    assert np.mean(repaired(PAGE, given, finding, "distance") == was) > 0.95


def test_a_factor_that_was_written_shorter_puts_few_values_back_exactly() -> None:
    tables = frames("flights")
    for name, tab in tables.items():
        shares = [0.1, 0.3, 0.2, 0.3, 0.05, 0.05] if name == "current.train" else [0.1, 0.35, 0.15, 0.25, 0.03, 0.12]
        tab["distance"] = np.random.default_rng(len(tab)).choice([25, 33, 50, 66, 75, 100], len(tab), p=shares)
    was = changed(tables, "distance", lambda v: v * 1.609)
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.distance")
    assert "miles to kilometres" in finding.statement
    assert np.mean(repaired(PAGE, given, finding, "distance") == was) > 0.99


@pytest.mark.parametrize(("early", "late"), [(0, 5000), (500, 3000), (1000, 4000), (2000, 5000)])
def test_prices_sizes_and_months_that_moved_on_are_no_other_units(early: int, late: int) -> None:
    frame = load_dataset("computers").frame.sort_values("trend")
    healthy, log = frame[early : early + 1500].sample(700, random_state=1), frame[late : late + 1259].sample(1200, random_state=1)
    case = Case(
        Side(serving=table(log, "serving")), Side(validation=table(healthy, "validation")), target="price", task="regression", metric="r2"
    )
    given = Problem(case, Laboratory(case), "degradation", "", situation="serving", current=0.5)
    assert not PAGE.suspect(given).findings


def test_few_values_are_put_back_where_the_healthy_ones_stand_although_they_drifted() -> None:
    tables = frames("flights")
    for name, tab in tables.items():
        rng = np.random.default_rng(len(name))
        drift = 8 if name == "current.train" else 0
        tab["distance"] = 5.0 * np.clip(np.round(rng.normal(60 + drift, 60, len(tab)) / 5), 1, 40)
    was = changed(tables, "distance", lambda v: np.round(v * 1.151, 1))
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.distance")
    assert "knots to mph" in finding.statement
    assert np.mean(repaired(PAGE, given, finding, "distance") == was) > 0.6
