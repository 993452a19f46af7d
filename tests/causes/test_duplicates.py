from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import Frames, frames, guarded, healthy_pairs, only, problem

from ruleout.causes.data.duplicates import Duplicates
from ruleout.tables import repeated as counting

PAGE = Duplicates()


def repeated(tables: Frames, rows: np.ndarray, times: int) -> int:
    """Break the current training table; its number of rows as it was comes back."""
    train = tables["current.train"]
    tables["current.train"] = pd.concat([train, *[train[rows]] * times]).sample(frac=1, random_state=0).reset_index(drop=True)
    return len(train)


@pytest.mark.parametrize("name", ["diamonds", "flights"])
@pytest.mark.parametrize(("share", "times"), [(0.05, 1), (0.02, 9)])
def test_repeats_are_found_and_dropped(name: str, share: float, times: int) -> None:
    tables = frames(name)
    was = repeated(tables, np.random.default_rng(1).random(3000) < share, times)
    given = problem(name, tables)
    finding = only(PAGE, given, "train")
    case = PAGE.put_right(given.case, finding)
    assert case is not None
    assert case.current.train is not None
    assert abs(case.current.train.n_rows - was) <= 5
    assert guarded(PAGE, given, finding)


def test_who_is_repeated_is_said() -> None:
    tables = frames("flights")
    repeated(tables, (tables["current.train"]["late"] == "yes").to_numpy(), 9)
    given = problem("flights", tables)
    finding = only(PAGE, given, "train")
    assert "late = yes" in finding.statement
    case = PAGE.put_wrong(given.case, finding)
    assert case is not None
    assert case.reference is not None
    assert case.reference.train is not None
    assert np.mean(case.reference.train.texts("late") == "yes") > 0.6


def test_a_join_that_fans_out_is_seen_by_its_key() -> None:
    tables = frames("flights")
    for i, tab in enumerate(tables.values()):
        tab.insert(0, "flight", np.arange(len(tab)) + 10_000 * i)
    was = repeated(tables, np.random.default_rng(1).random(3000) < 0.1, 2)
    train = tables["current.train"]
    train["distance"] += np.arange(len(train)) % 5  # The joined column differs, so no two rows are alike.
    given = problem("flights", tables, key="flight")
    case = PAGE.put_right(given.case, only(PAGE, given, "train"))
    assert case is not None
    assert case.current.train is not None
    assert case.current.train.n_rows == was


def test_coarse_tables_repeat_by_chance() -> None:
    tables = {place: frame[["cut", "color", "price"]].assign(price=frame["price"] // 4000) for place, frame in frames("diamonds").items()}
    assert not PAGE.suspect(problem("diamonds", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        assert not PAGE.suspect(given).findings, name


def sampled(given, whole):
    from dataclasses import replace

    return PAGE.suspect(replace(given, whole={"current.train": whole}))


def test_of_a_sample_the_look_says_what_it_is_a_sample_of_and_claims_no_power_that_it_lacks(monkeypatch) -> None:
    monkeypatch.setattr(counting, "MOST_VALUES", 0)
    given = problem("diamonds", frames("diamonds"))
    alone = PAGE.suspect(given)
    whole = given.case.current.train
    assert whole is not None
    many = whole.stack(whole).stack(whole).stack(whole)
    look = sampled(given, many)
    assert alone.power > 0.9 and look.power < 0.3
    assert f"in a sample of {many.n_rows:,} rows" in look.statement


def test_a_table_that_is_examined_by_a_sample_is_counted_whole() -> None:
    given = problem("diamonds", frames("diamonds"))
    train, reference = given.case.current.train, given.case.reference.train
    assert train is not None and reference is not None
    # The sample holds no row twice; the whole table holds every row of it so, and the reference's besides.
    whole = train.stack(train).stack(reference)
    (finding,) = [found for found in sampled(given, whole).findings if found.place == "train"]
    assert finding.figures["n"] == whole.n_rows
    assert abs(finding.figures["n_repeats"] - train.n_rows) < 0.02 * train.n_rows
    assert f" of {whole.n_rows:,} rows " in finding.statement
    healthy = sampled(given, train.stack(reference))
    assert not healthy.findings and healthy.power > 0.9 and "sample" not in healthy.statement
