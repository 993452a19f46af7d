from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from samples import frames, guarded, healthy_pairs, only, problem, repaired, texts

from ruleout.causes.data.new_categories import NewCategories

PAGE = NewCategories()
SHORT = {"Very Good": "VG", "Premium": "P", "Ideal": "I", "Good": "G", "Fair": "F"}
CODES = {"Very Good": "Q1", "Premium": "Q2", "Ideal": "Q3", "Good": "Q4", "Fair": "Q5"}


@pytest.mark.parametrize(
    "spell",
    [str.upper, lambda v: f" {v.lower()}", lambda v: v.replace(" ", "_"), SHORT.__getitem__, CODES.__getitem__],
    ids=["upper", "padded", "underscore", "abbreviation", "codes"],
)
def test_new_names_are_given_their_old_ones(spell: Callable[[str], str]) -> None:
    tables = frames("diamonds")
    train = tables["current.train"]
    was = texts(train, "cut")
    train["cut"] = [spell(v) for v in train["cut"]]
    given = problem("diamonds", tables)
    finding = only(PAGE, given, "train.cut")
    assert np.all(repaired(PAGE, given, finding, "cut") == was)
    assert guarded(PAGE, given, finding)
    assert PAGE.put_wrong(given.case, finding) is not None


def test_names_that_share_no_letter_are_told_by_company_and_share() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    was = texts(train, "carrier")
    train["carrier"] = train["carrier"].replace({"UA": "1001", "AA": "1002", "DL": "1003", "B6": "1004"})
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.carrier")
    assert np.all(repaired(PAGE, given, finding, "carrier") == was)


def test_columns_that_an_encoder_counted_off_are_told_although_none_keeps_the_other_company() -> None:
    tables = frames("diamonds")
    validation = tables["current.validation"]
    was = {column: texts(validation, column) for column in ("color", "clarity")}
    for column in was:
        names = {v: f"{k:02d}" for k, v in enumerate(sorted(tables["reference.train"][column].unique()))}
        validation[column] = validation[column].map(names)
    given = problem("diamonds", tables)
    found = {f.place: f for f in PAGE.suspect(given).findings}
    for column, names in was.items():
        mended = PAGE.put_right(given.case, found[f"validation.{column}"])
        assert mended is not None
        assert np.all(texts(mended.current.validation.to_pandas(), column) == names)


def test_numbers_that_frequency_speaks_against_stand_for_no_names_in_order() -> None:
    tables = frames("diamonds")
    validation = tables["current.validation"]
    rare_first = validation["cut"].value_counts(ascending=True).index
    validation["cut"] = validation["cut"].map({v: str(k) for k, v in enumerate(rare_first)})
    given = problem("diamonds", tables)
    names = only(PAGE, given, "validation.cut").repair["names"]
    assert all(dict(enumerate(rare_first))[int(code)] == name for code, name in names.items())


def test_many_values_of_few_rows_respelled() -> None:
    tables = frames("flights", n_train=1500)
    train = tables["current.train"]
    was = texts(train, "dest")
    train["dest"] = [v.lower() if i % 4 == 0 else v for i, v in enumerate(train["dest"])]
    given = problem("flights", tables)
    assert np.mean(repaired(PAGE, given, only(PAGE, given, "train.dest"), "dest") == was) > 0.99


def test_half_of_the_rows_respelled() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    was = texts(train, "origin")
    train["origin"] = [v.lower() if i % 2 else v for i, v in enumerate(train["origin"])]
    given = problem("flights", tables)
    assert np.all(repaired(PAGE, given, only(PAGE, given, "train.origin"), "origin") == was)


def test_rows_of_a_truly_new_category_are_set_aside() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    new = np.random.default_rng(1).random(len(train)) < 0.1
    train["origin"] = np.where(new, "SWF", train["origin"])
    given = problem("flights", tables)
    finding = only(PAGE, given, "train.origin")
    assert len(repaired(PAGE, given, finding, "origin")) == (~new).sum()
    assert finding.specificity == 0.5


def test_words_for_null_are_not_new_categories() -> None:
    tables = frames("flights")
    tables["current.train"].loc[:600, "origin"] = "unknown"
    assert not PAGE.suspect(problem("flights", tables)).findings


def test_silent_on_health() -> None:
    for name, given in healthy_pairs():
        assert not PAGE.suspect(given).findings, name


def test_the_last_name_that_is_left_is_the_last_one_that_is_gone() -> None:
    tables = frames("flights")
    train = tables["current.train"]
    # Its company is another in the new rows, so that only its frequency and that no other is left tell who it is.
    train["month"] = np.where(train["origin"] == "EWR", 12, train["month"])
    was = texts(train, "origin")
    train["origin"] = train["origin"].replace({"EWR": "00", "JFK": "01", "LGA": "02"})
    given = problem("flights", tables)
    assert np.mean(repaired(PAGE, given, only(PAGE, given, "train.origin"), "origin") == was) == 1.0


def test_names_that_all_got_the_same_ending_are_told_although_each_is_rare() -> None:
    tables = frames("flights", n_train=1500)
    train = tables["current.train"]
    was = texts(train, "dest")
    some = np.random.default_rng(1).random(len(train)) < 0.7
    train["dest"] = np.where(some, [f"{v}, US" for v in train["dest"]], train["dest"])
    given = problem("flights", tables)
    assert np.mean(repaired(PAGE, given, only(PAGE, given, "train.dest"), "dest") == was) > 0.9
