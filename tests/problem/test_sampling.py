"""Large tables are examined by paired samples, the report says so, and what is found is what the whole tables show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ruleout.case import Case, Side
from ruleout.causes.data.overlap import Overlap
from ruleout.problem import sampling
from ruleout.problem.sampling import MOST_EXAMINED, WHOLE_TO, rows_examined, sampled_case
from ruleout.problem.state import state_problem
from ruleout.tables import Table, read_table


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as large is small here."""
    for name, rows in (("MOST_EXAMINED", 2_000), ("WHOLE_TO", 2_500), ("FEWEST_EXAMINED", 500)):
        monkeypatch.setattr(sampling, name, rows)


def rows(n: int, seed: int = 0, first: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    late = np.where(x + z + rng.normal(size=n) > 0, "yes", "no")
    return pa.table({"id": np.arange(first, first + n), "customer": np.arange(n) // 3, "x": x, "z": z, "late": late.tolist()})


def case(reference: pa.Table, current: pa.Table, **fields: object) -> Case:
    held = {"target": "late", "task": "classification", "metric": "accuracy", **fields}
    return Case(reference=Side(validation=Table(reference)), current=Side(validation=Table(current)), **held)  # type: ignore[arg-type]


def test_tables_that_are_not_large_stay_as_they_are(small: None) -> None:
    given = case(rows(2_500), rows(900))
    assert sampled_case(given) == (given, {})


def test_both_sides_keep_the_same_rows_and_their_ratio(small: None) -> None:
    broken = rows(20_000).set_column(2, "x", pa.array(np.zeros(20_000)))
    given = case(rows(20_000), broken.slice(0, 10_000), key="id")
    found, whole = sampled_case(given)
    sides = [found.side(name).validation for name in ("reference", "current")]  # type: ignore[union-attr,arg-type]
    assert [table.n_rows for table in sides] == [2_000, 1_000]  # type: ignore[union-attr]
    first, second = (set(table.numbers("id").tolist()) for table in sides)  # type: ignore[union-attr]
    assert len(first & second) > 0.95 * 1_000
    assert {place: table.n_rows for place, table in whole.items()} == {"reference.validation": 20_000, "current.validation": 10_000}
    assert found.assumptions[0] == (
        "reference.validation: 2,000 of 20,000 rows are examined, chosen by the hash of id, evenly over late: "
        "a change of 0.044 in a share is seen with power 0.8."
    )
    assert found.assumptions[1].startswith("current.validation: 1,000 of 10,000 rows are examined")


def test_an_entitys_rows_stay_together_unless_it_is_too_large(small: None) -> None:
    found, _ = sampled_case(case(rows(9_000), rows(9_000), key="id", entity="customer"))
    assert "by the hash of customer" in found.assumptions[0]
    one = rows(9_000).set_column(1, "customer", pa.array([0] * 200 + list(range(8_800))))
    found, _ = sampled_case(case(one, one, key="id", entity="customer"))
    assert "by the hash of id" in found.assumptions[0]


def test_entities_on_both_sides_of_a_split_are_taken_on_both(small: None) -> None:
    train, validation = rows(30_000), rows(6_000)
    shared = validation.set_column(1, "customer", pa.array(np.arange(6_000) // 3 + np.where(np.arange(6_000) < 3_000, 0, 50_000)))
    given = Case(current=Side(train=Table(train), validation=Table(shared)), target="late", task="classification", entity="customer")
    found, _ = sampled_case(given)
    assert found.current.train is not None and found.current.validation is not None
    known = set(found.current.train.numbers("customer").tolist())
    leaked = np.mean([customer in known for customer in found.current.validation.numbers("customer").tolist()])
    assert leaked == pytest.approx(0.5, abs=0.12)
    # A small validation table is not thinned out for that.
    few = replace(given, current=replace(given.current, validation=Table(shared.slice(0, 600))))
    assert sampled_case(few)[0].current.validation is few.current.validation


def test_without_a_key_rows_pair_by_number_or_by_what_they_hold(small: None) -> None:
    found, _ = sampled_case(case(rows(9_000), rows(9_000, seed=1)))
    assert "by the hash of their number" in found.assumptions[0]
    found, _ = sampled_case(case(rows(9_000), rows(8_000).slice(0, 7_000)))
    assert "by the hash of what they hold" in found.assumptions[0]


def test_the_size_of_the_sample_follows_from_the_question() -> None:
    given = case(rows(10), rows(10))
    assert rows_examined(given) == pytest.approx(157_000, rel=0.01)
    assert rows_examined(replace(given, min_effect=0.02)) == 50_000
    assert rows_examined(replace(given, min_effect=0.001)) == rows_examined(replace(given, task="regression")) == MOST_EXAMINED


def test_the_problem_is_stated_on_samples_and_names_the_whole_tables(small: None) -> None:
    def side(seed: int) -> Side:
        return Side(train=Table(rows(4_000, seed)), validation=Table(rows(4_000, seed + 10, first=10_000)))

    given = Case(
        reference=side(1), current=side(2), target="late", task="classification", metric="accuracy", key="id", changed="retraining"
    )
    problem = state_problem(given)
    assert set(problem.whole) == {f"{side}.{name}" for side in ("reference", "current") for name in ("train", "validation")}
    assert sum("rows are examined" in said for said in problem.case.assumptions) == 4
    assert problem.case.current.train is not None and problem.case.current.train.n_rows <= 2_000
    assert problem.kind == "none"


@pytest.mark.parametrize("counted", [True, False], ids=["whole", "sampled"])
def test_an_overlap_is_as_large_as_in_the_whole_tables(small: None, monkeypatch: pytest.MonkeyPatch, counted: bool) -> None:
    monkeypatch.setattr("ruleout.causes.data.overlap.MOST_ROWS", 2_000)
    if not counted:
        monkeypatch.setattr("ruleout.tables.repeated.MOST_VALUES", 0)
    train = rows(20_000)
    fresh = rows(4_750, seed=5, first=50_000)
    validation = pa.concat_tables([fresh, train.slice(0, 250)])
    side = Side(train=Table(train), validation=Table(validation))
    given = Case(current=side, target="late", task="classification", metric="accuracy", ignore=("customer",))
    problem = state_problem(given)
    assert set(problem.whole) == {"current.train", "current.validation"}
    (finding,) = Overlap().suspect(problem).findings
    # 5 % of the validation rows; samples drawn apart would show a tenth of it.
    assert finding.figures["share"] == pytest.approx(0.05, abs=1e-9 if counted else 0.03)
    assert (finding.figures["n"], finding.figures["n_train"]) == (5_000, 20_000) or not counted


def test_a_large_file_is_never_in_memory_whole(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    n = WHOLE_TO + 50_000
    pq.write_table(pa.table({"id": np.arange(n), "x": np.zeros(n), "late": ["a", "b"] * (n // 2)}), f"{tmp_path}/v.parquet")
    table = read_table(f"{tmp_path}/v.parquet", name="validation")
    given = Case(current=Side(validation=table), target="late", task="classification", metric="accuracy", key="id", min_effect=0.02)
    found, _ = sampled_case(given)
    assert found.current.validation is not None and found.current.validation.n_rows == 50_000
    assert "arrow" not in vars(table)
