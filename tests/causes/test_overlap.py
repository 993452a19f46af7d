from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import Frames, frames, guarded, healthy_pairs, only, problem

from ruleout.causes.data.overlap import Overlap

PAGE = Overlap()
SIZES = ("x", "y", "z", "depth", "table")


def shared(tables: Frames, side: str, share: float, jitter: float = 0.0) -> int:
    """Put a share of a side's validation rows into its training; the number of training rows as it was comes back."""
    rng = np.random.default_rng(5)
    train, validation = tables[f"{side}.train"], tables[f"{side}.validation"]
    copies = validation[rng.random(len(validation)) < share].copy()
    for column in SIZES if jitter else ():
        copies[column] *= 1 + jitter * rng.normal(size=len(copies))
    tables[f"{side}.train"] = pd.concat([train, copies]).sample(frac=1, random_state=0).reset_index(drop=True)
    return len(train)


@pytest.mark.parametrize("name", ["diamonds", "flights"])
@pytest.mark.parametrize(("side", "place"), [("current", "train"), ("reference", "reference.train")])
def test_shared_rows_are_found_and_taken_out_of_training(name: str, side: str, place: str) -> None:
    tables = frames(name)
    was = shared(tables, side, 0.3)
    given = problem(name, tables)
    finding = only(PAGE, given, place)
    assert (finding.side, finding.component) == (side, "split")
    case = PAGE.put_right(given.case, finding)
    assert case is not None
    held = case.side(finding.side)
    assert held is not None
    assert held.train is not None
    assert was - 10 <= held.train.n_rows <= was
    assert held.model is None
    assert guarded(PAGE, given, finding)


def test_near_copies_are_found() -> None:
    tables = frames("diamonds")
    was = shared(tables, "current", 0.4, jitter=0.0005)
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train")
    assert "near copy" in finding.statement
    case = PAGE.put_right(given.case, finding)
    assert case is not None
    assert case.current.train is not None
    assert abs(case.current.train.n_rows - was) < 60


def test_coarse_tables_coincide_by_chance() -> None:
    tables = {place: frame[["cut", "color", "price"]].assign(price=frame["price"] // 4000) for place, frame in frames("diamonds").items()}
    look = PAGE.suspect(problem("diamonds", tables))
    assert not look.findings
    assert look.power < 0.5


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        assert not PAGE.suspect(given).findings, name


@pytest.mark.parametrize("key", [None, "number"])
def test_a_class_that_was_filled_up_before_the_split_is_found(key: str | None) -> None:
    frame = pd.concat(frames("breast_cancer").values()).assign(number=lambda f: np.arange(len(f)))
    rare = frame[frame["target"] == 0]
    filled = pd.concat([frame, rare.sample(4 * len(rare), replace=True, random_state=1)]).sample(frac=1, random_state=2)
    tables = {place: filled.iloc[k::4].reset_index(drop=True) for k, place in enumerate(frames("breast_cancer"))}
    given = problem("breast_cancer", tables, key=key, ignore=("number",) if key is None else ())
    finding = next(f for f in PAGE.suspect(given).findings if f.side == "current")
    case = PAGE.put_right(given.case, finding)
    assert case is not None and case.current.train is not None and case.current.validation is not None
    # What is left over can still be learned from: both classes stand on both sides.
    assert all(len(set(t.texts("target").tolist())) == 2 for t in (case.current.train, case.current.validation))


def test_coarse_rows_that_coincide_in_all_classes_are_no_copies() -> None:
    columns = ["month", "carrier", "origin", "hour", "late"]
    tables = {place: frame[columns] for place, frame in frames("flights").items()}
    assert not PAGE.suspect(problem("flights", tables)).findings
