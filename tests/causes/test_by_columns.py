"""A stored profile in place of the healthy tables: pages that look at columns alone see what they see with the rows, and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples import frames, healthy_pairs, problem

from ruleout.case.profiles import without_profiles
from ruleout.causes import catalog
from ruleout.causes.by_columns import with_profiles
from ruleout.problem.problem import Problem
from ruleout.tables import read_table, write_profile

ALONE = sorted(page.id() for page in catalog() if page.columns_alone)


def stored(given: Problem, folder: Path) -> Problem:
    """The problem with the profiles of the reference's tables, and none of their rows."""
    reference = given.case.reference
    assert reference is not None
    kept: dict[str, Any] = {}
    for name in ("train", "validation"):
        kept[name] = read_table(write_profile(reference.table(name), folder / f"{name}.profile"), name=name)  # type: ignore[arg-type]
    case, profiles = without_profiles(replace(given.case, reference=replace(reference, **kept)))
    return replace(given, case=case, profiles=profiles)


def pages(given: Problem) -> dict[str, Any]:
    return {page.id(): page for page in with_profiles(catalog(), given.profiles)}


def in_cents(train: pd.DataFrame) -> None:
    train["dep_delay"] = train["dep_delay"] * 100


def lowered(train: pd.DataFrame) -> None:
    train["carrier"] = train["carrier"].str.lower()


def lost(train: pd.DataFrame) -> None:
    train.loc[np.arange(len(train)) % 3 == 0, "distance"] = np.nan


def replaced(train: pd.DataFrame) -> None:
    train.loc[np.arange(len(train)) % 3 == 0, "distance"] = -999.0


def absurd(train: pd.DataFrame) -> None:
    train.loc[:20, "distance"] = 1e7


def renamed(train: pd.DataFrame) -> None:
    train.columns = ["miles" if column == "distance" else column for column in train.columns]


def as_text(train: pd.DataFrame) -> None:
    train["distance"] = train["distance"].map("{:.0f} miles".format)


FAULTS = {
    "unit": ("data.unit-change", in_cents, "train.dep_delay"),
    "names": ("data.new-categories", lowered, "train.carrier"),
    "nulls": ("data.missing-values", lost, "train.distance"),
    "stand-in": ("data.missing-values", replaced, "train.distance"),
    "absurd": ("data.outliers", absurd, "train.distance"),
    "renamed": ("data.schema-mismatch", renamed, "train.distance"),
    "retyped": ("data.schema-mismatch", as_text, "train.distance"),
}


def test_every_page_that_looks_at_columns_alone_is_put_to_the_test() -> None:
    assert {cause for cause, _, _ in FAULTS.values()} == set(ALONE)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen_and_put_right_against_a_profile_as_against_rows(name: str, tmp_path: Path) -> None:
    cause, spoil, place = FAULTS[name]
    tables = frames("flights")
    spoil(tables["current.train"])
    whole = problem("flights", tables)
    given = stored(whole, tmp_path)
    page = pages(given)[cause]
    assert page.missing(given.case) == ()
    found = page.suspect(given).findings
    assert [finding.place for finding in found] == [place] == [finding.place for finding in pages(whole)[cause].suspect(whole).findings]
    assert found[0].evidence > 2
    repaired = page.put_right(given.case, found[0])
    assert repaired is not None
    assert repaired.current.train.n_rows == given.case.current.train.n_rows
    # What was lent is taken back: nobody measures anything on it.
    assert (repaired.reference.train, repaired.reference.validation) == (None, None)


def test_nothing_is_put_right_in_rows_that_are_not_there(tmp_path: Path) -> None:
    tables = frames("flights")
    in_cents(tables["reference.train"])
    given = stored(problem("flights", tables), tmp_path)
    turned = replace(
        given,
        case=replace(given.case, current=given.case.reference, reference=given.case.current),
        profiles={place.replace("reference", "current"): table for place, table in given.profiles.items()},
    )
    page = pages(turned)["data.unit-change"]
    found = page.suspect(turned).findings
    assert [finding.place for finding in found] == ["train.dep_delay"]
    assert page.put_right(turned.case, found[0]) is None


def test_healthy_tables_set_off_no_more_against_profiles_than_against_rows(tmp_path: Path) -> None:
    alarms = []
    for name, whole in healthy_pairs(3):
        given = stored(whole, tmp_path)
        known, rows = pages(given), pages(whole)
        for cause in ALONE:
            found = {finding.place for finding in known[cause].suspect(given).findings}
            alarms += [f"{name}: {place}" for place in found - {finding.place for finding in rows[cause].suspect(whole).findings}]
    assert not alarms
