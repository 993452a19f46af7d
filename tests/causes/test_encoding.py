from __future__ import annotations

import numpy as np
import pytest
from samples import Frames, frames, guarded, healthy_pairs, only, problem, repaired, texts

from ruleout.causes.pipeline.encoding import Encoding

PAGE = Encoding()


def coded(name: str, columns: tuple[str, ...]) -> Frames:
    tables = frames(name)
    for column in columns:
        levels = sorted(set(tables["reference.train"][column]))
        for tab in tables.values():
            tab[column] = tab[column].map({v: float(i) for i, v in enumerate(levels)}).fillna(0.0)
    return tables


@pytest.mark.parametrize(("name", "column"), [("diamonds", "color"), ("diamonds", "clarity"), ("flights", "origin")])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_permuted_codes_are_found_and_translated_back(name: str, column: str, seed: int) -> None:
    tables = coded(name, (column,))
    train = tables["current.train"]
    was = texts(train, column)
    levels = np.sort(train[column].unique())
    train[column] = train[column].map(dict(zip(levels, np.roll(np.random.default_rng(seed).permutation(levels), 1), strict=True)))
    if np.array_equal(texts(train, column), was):
        pytest.skip("this seed draws the identity")
    given = problem(name, tables)
    finding = only(PAGE, given, f"train.{column}")
    assert np.mean(repaired(PAGE, given, finding, column) == was) > 0.99
    assert guarded(PAGE, given, finding)
    assert PAGE.put_wrong(given.case, finding) is not None


def test_two_names_that_were_exchanged() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    was = texts(train, "origin")
    train["origin"] = train["origin"].replace({"JFK": "LGA", "LGA": "JFK"})
    given = problem("flights", tables)
    assert np.all(repaired(PAGE, given, only(PAGE, given, "train.origin"), "origin") == was)


def test_names_beside_the_codes_settle_it() -> None:
    tables = frames("diamonds")
    for tab in tables.values():
        tab["cut_code"] = tab["cut"].map({v: i for i, v in enumerate(sorted(set(tab["cut"])))})
    train = tables["current.train"]
    was = texts(train, "cut_code")
    train["cut_code"] = (train["cut_code"] + 2) % 5
    given = problem("diamonds", tables, ignore=("cut",))
    finding = only(PAGE, given, "train.cut_code")
    assert "names each code" in finding.statement
    assert np.all(repaired(PAGE, given, finding, "cut_code") == was)


def test_a_shuffled_column_is_not_an_encoding() -> None:
    tables = coded("diamonds", ("clarity",))
    train = tables["current.train"]
    train["clarity"] = np.random.default_rng(1).permutation(train["clarity"])
    assert not PAGE.suspect(problem("diamonds", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        look = PAGE.suspect(given)
        assert not look.findings, (name, look.findings[0].statement)


def test_codes_in_the_order_of_their_frequency_are_read_by_their_rank_in_all_columns_at_once() -> None:
    columns = ("cut", "color", "clarity")
    tables = coded("diamonds", columns)
    train = tables["current.train"]
    was = {column: texts(train, column) for column in columns}
    for column in columns:
        rising = train[column].value_counts(ascending=True).index
        train[column] = train[column].map({v: float(k) for k, v in enumerate(rising)})
    given = problem("diamonds", tables)
    found = {f.place: f for f in PAGE.suspect(given).findings}
    mended = given.case
    for column in columns:
        assert "frequency" in found[f"train.{column}"].statement
        mended = PAGE.put_right(mended, found[f"train.{column}"])
    # Two codes that are about as frequent may be taken for each other.
    assert all(np.mean(texts(mended.current.train.to_pandas(), c) == was[c]) > 0.7 for c in columns)
