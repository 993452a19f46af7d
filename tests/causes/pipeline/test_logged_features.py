"""Faults that stand in the log itself: features prepared, coded, held or defaulted otherwise than in the healthy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ruleout.case.case import Case, Side
from ruleout.causes import page
from ruleout.causes.columns import pair_of
from ruleout.causes.held import held_columns
from ruleout.causes.page import Finding, Pair, pairs
from ruleout.causes.parts import part_of
from ruleout.causes.prepared import prepared, prepared_columns, unprepared
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem
from tests.causes.samples import population, table


def case(healthy: pd.DataFrame, log: pd.DataFrame, **given: object) -> Case:
    fields = {"target": "price", "task": "regression", "metric": "r2", **given}
    return Case(Side(serving=table(log, "serving")), Side(validation=table(healthy, "validation")), **fields)  # type: ignore[arg-type]


def problem(given: Case) -> Problem:
    return Problem(given, Laboratory(given), "degradation", "", situation="serving", current=0.5)


def serving(given: Case) -> Pair:
    return next(p for p in pairs(given) if p.name == "serving")


def diamonds(seed: int = 1, n: int = 1_500) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = population("diamonds")[0].sample(2 * n, random_state=seed).reset_index(drop=True)
    return rows[:n].reset_index(drop=True), rows[n:].reset_index(drop=True)


def flights(n: int = 1_500) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = population("flights")[0].sample(2 * n, random_state=2).reset_index(drop=True)
    return rows[:n].reset_index(drop=True), rows[n:].reset_index(drop=True)


def rounded(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(carat=np.floor(log.carat * 2) / 2)


def whole(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(carat=np.trunc(log.carat))


def limited(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(carat=log.carat.clip(upper=1.0))


@pytest.mark.parametrize(("spoil", "words"), [(rounded, "multiples of 0.5"), (whole, "multiples of 1"), (limited, "no more than 1")])
def test_a_coarser_or_limited_column_is_told_and_values_of_its_kind_are_given_back(spoil: object, words: str) -> None:
    healthy, log = diamonds()
    given = case(healthy, spoil(log))  # type: ignore[operator]
    (finding,) = prepared_columns(given)
    assert finding.place == "serving.carat"
    assert words in finding.statement
    mended = unprepared(given, ("carat",))
    assert mended is not None
    after = mended.current.serving.numbers("carat")  # type: ignore[union-attr]
    before = np.abs(given.current.serving.numbers("carat") - log.carat)  # type: ignore[union-attr]
    assert np.abs(after - log.carat).mean() < 0.6 * before.mean()


def test_nulls_that_became_one_number_are_told_apart_from_missing_values() -> None:
    healthy, log = (f.assign(depth=f.depth.where(np.random.default_rng(k).random(len(f)) > 0.3)) for k, f in enumerate(diamonds()))
    given = case(healthy, log.fillna({"depth": 0.0}))
    (finding,) = page("pipeline.preprocessing").suspect(problem(given)).findings
    assert "filled with 0" in finding.statement
    assert not page("data.missing-values").suspect(problem(given)).findings
    mended = page("pipeline.preprocessing").put_right(given, finding)
    assert mended is not None
    assert 0.2 < np.isnan(mended.current.serving.numbers("depth")).mean() < 0.4  # type: ignore[union-attr]


def test_a_level_that_took_another_ones_place_is_told() -> None:
    healthy, log = diamonds()
    given = case(healthy, log.assign(cut=log.cut.replace("Ideal", "Fair")))
    (finding,) = prepared_columns(given)
    assert finding.place == "serving.cut"
    assert '"Fair" where it is "Ideal"' in finding.statement


@pytest.mark.parametrize("seed", [1, 5, 9])
def test_a_healthy_log_and_one_of_other_rows_are_not_taken_for_prepared(seed: int) -> None:
    healthy, log = diamonds(seed)
    assert not prepared_columns(case(healthy, log))
    assert not prepared_columns(case(healthy, log[log.carat < 1.0]))
    assert not prepared_columns(case(healthy, log[log.cut != "Ideal"]))
    assert not prepared_columns(case(healthy, log.assign(price=np.round(log.price, -2))))


def test_a_column_of_coarser_values_is_not_said_to_be_gone() -> None:
    healthy, log = diamonds()
    given = case(healthy, log.assign(carat=log.carat.clip(upper=0.35)))
    assert [p.column for p in prepared(given, serving(given))] == ["carat"]
    assert not page("pipeline.feature-availability").suspect(problem(given)).findings


def test_a_new_spelling_of_what_was_as_common_is_not_a_default() -> None:
    healthy, log = (
        f.assign(kind=np.where(np.random.default_rng(k).random(len(f)) < 0.88, "Typical", "Rare")) for k, f in enumerate(diamonds())
    )
    given = case(healthy, log.assign(kind=log.kind.str.upper()))
    assert not page("pipeline.feature-availability").suspect(problem(given)).findings
    assert page("data.new-categories").suspect(problem(given)).findings


def test_a_default_from_some_row_on_is_found_with_its_stretch() -> None:
    healthy, log = diamonds()
    log.loc[700:, "carat"] = 0.7
    given = case(healthy, log)
    part = part_of(given, serving(given), "carat")
    assert part is not None
    assert part.value == "0.7"
    assert abs(int(part.rows.sum()) - 800) < 10
    (finding,) = page("pipeline.feature-availability").suspect(problem(given)).findings
    mended = page("pipeline.feature-availability").put_right(given, finding)
    assert mended is not None
    after = mended.current.serving.numbers("carat")  # type: ignore[union-attr]
    assert np.array_equal(after[:690], log.carat[:690])
    assert np.std(after[710:]) > 0.2


def test_a_column_that_comes_in_stretches_by_nature_is_no_default() -> None:
    frame = population("flights")[0]
    when = pd.to_datetime(frame[["month", "day", "hour"]].assign(year=2013))
    frame = frame.assign(when=when, weekday=when.dt.day_name()).sort_values("when")
    healthy, days = frame.sample(1_200, random_state=1), frame[:4_500].sample(1_200, random_state=2).sort_values("when")
    given = case(healthy, days, target="late", task="classification", metric="accuracy", time="when")
    assert part_of(given, serving(given), "weekday") is None


def test_a_column_that_one_airport_lacks_is_found_there() -> None:
    healthy, log = flights()
    log["distance"] = log.distance.astype(float).where(log.origin != "EWR")
    given = case(healthy, log, target="late", task="classification", metric="accuracy")
    found = page("pipeline.feature-availability").suspect(problem(given)).findings
    assert [f.place for f in found] == ["serving.distance"]
    assert "origin is EWR" in found[0].statement


def test_missing_here_and_there_is_no_part() -> None:
    healthy, log = diamonds()
    log["carat"] = log.carat.where(np.random.default_rng(0).random(len(log)) > 0.35)
    given = case(healthy, log)
    assert part_of(given, serving(given), "carat") is None


def weather(held: bool) -> Case:
    rng = np.random.default_rng(3)
    hours = np.arange(1_200)

    def rows(first: int) -> pd.DataFrame:
        at = first + hours
        slow = np.convolve(rng.normal(0, 1, len(at) + 23), np.ones(24) / 5, mode="valid")
        warm = 50 + 10 * np.sin(2 * np.pi * at / 24) + slow
        return pd.DataFrame(
            {"at": at * 3600, "hour": at % 24, "temp": warm.round(1), "humid": rng.normal(60, 9, len(at)).round(1), "price": warm}
        )

    healthy, log = rows(0), rows(5_000)
    if held:
        log[["temp", "humid"]] = log.groupby(log["at"] // 86_400)[["temp", "humid"]].transform("first")
    return case(healthy, log, time="at")


def test_features_that_a_store_gives_again_are_found_by_how_seldom_they_change() -> None:
    given = weather(held=True)
    found = page("pipeline.caching").suspect(problem(given)).findings
    assert {f.place for f in found} == {"serving.temp", "serving.humid"}
    mended = page("pipeline.caching").put_right(given, next(f for f in found if f.place == "serving.temp"))
    assert mended is not None
    wrong = [np.abs(c.current.serving.numbers("temp") - c.current.serving.numbers("price")).mean() for c in (given, mended)]  # type: ignore[union-attr]
    assert wrong[1] < 0.5 * wrong[0]


def test_the_month_of_a_later_log_is_no_default() -> None:
    healthy, log = diamonds()
    for frame, month in ((healthy, 6), (log, 7)):
        frame["at"] = pd.Timestamp(2013, month, 1) + pd.to_timedelta(np.arange(len(frame)) * 25, unit="min")
        frame["month"] = frame["at"].dt.month
    assert not page("pipeline.feature-availability").suspect(problem(case(healthy, log, time="at"))).findings
    log["month"] = 1
    assert page("pipeline.feature-availability").suspect(problem(case(healthy, log, time="at"))).findings


def test_fresh_features_are_not_held() -> None:
    given = weather(held=False)
    assert not held_columns(given, serving(given))
    assert not page("pipeline.caching").suspect(problem(given)).findings


def countries(kept: bool) -> Case:
    """Fifty countries through the years; nobody says which column is the time."""
    rng = np.random.default_rng(4)
    years = pd.DataFrame({"country": np.repeat([f"C{k:02d}" for k in range(50)], 24), "year": np.tile(np.arange(1960, 2008, 2), 50)})
    level = np.repeat(rng.lognormal(9, 1, 50), 24)
    years["people"] = (level * 1.02 ** (years.year - 1960) * np.exp(rng.normal(0, 0.02, len(years)))).round()
    years["rain"] = rng.normal(800, 90, len(years)).round()
    years["price"] = np.log(years.people) + 0.02 * years.year
    healthy = years.sample(800, random_state=1)
    log = years.drop(healthy.index)
    if kept:
        log = log.assign(people=log.groupby("country").people.transform("first"))
    return case(healthy, log, entity="country")


def test_a_feature_looked_up_once_for_ever_is_told_by_the_one_that_it_moves_with() -> None:
    given = countries(kept=True)
    (finding,) = page("pipeline.caching").suspect(problem(given)).findings
    assert finding.place == "serving.people"
    assert not held_columns(countries(kept=False), serving(countries(kept=False)))


def test_a_log_of_one_year_in_which_nothing_could_move_is_not_held() -> None:
    given = countries(kept=False)
    log = given.current.serving.to_pandas().drop_duplicates("country")  # type: ignore[union-attr]
    again = pd.concat([log, log, log, log], ignore_index=True)
    healthy = given.reference.validation.to_pandas()  # type: ignore[union-attr]
    later = case(healthy, again, entity="country")
    assert not held_columns(later, serving(later))


def test_times_that_are_written_as_text_put_records_in_order_as_well() -> None:
    given = weather(held=True)
    texts = [
        t.to_pandas().assign(at=lambda f: pd.to_datetime(f["at"], unit="s").dt.strftime("%Y-%m-%d %H:%M"))
        for t in (given.reference.validation, given.current.serving)  # type: ignore[union-attr]
    ]
    spelled = case(*texts, time="at")
    assert {h.column for h in held_columns(spelled, serving(spelled))} == {"temp", "humid"}


def test_points_of_a_grid_are_the_same_whatever_arithmetic_made_them() -> None:
    healthy, log = diamonds()
    given = case(healthy, log.assign(carat=(np.trunc(log.carat / 0.3 + 1e-9) * 0.3).round(2)))
    (finding,) = prepared_columns(given)
    assert "to multiples of 0.3" in finding.statement


def coded(lists: tuple[dict[str, int], dict[str, int]], used: int) -> Case:
    healthy, log = diamonds()
    healthy["cut"], log["cut"] = healthy.cut.map(lists[0]), log.cut.map(lists[used])
    given = case(healthy, log)
    sides = [
        Side(**{**vars(s), "config": {"codes": {"cut": codes}}}) for s, codes in zip((given.reference, given.current), lists, strict=True)
    ]
    return given.with_side("reference", sides[0]).with_side("current", sides[1])


LISTS = (
    {"Fair": 0, "Good": 1, "Ideal": 2, "Premium": 3, "Very Good": 4},
    {"Ideal": 0, "Fair": 1, "Premium": 2, "Very Good": 3, "Good": 4},
)


def of_cut(given: Case) -> list[Finding]:
    return [f for f in page("pipeline.encoding").suspect(problem(given)).findings if f.place == "serving.cut"]


def test_lists_of_codes_in_both_configurations_are_compared_and_undone() -> None:
    given = coded(LISTS, used=1)
    (finding,) = of_cut(given)
    assert "configurations" in finding.statement
    assert pair_of(given, finding) is not None
    mended = page("pipeline.encoding").put_right(given, finding)
    assert mended is not None
    assert np.array_equal(mended.current.serving.numbers("cut"), diamonds()[1].cut.map(LISTS[0]))  # type: ignore[union-attr]


def test_a_list_of_codes_that_the_log_does_not_follow_is_no_finding() -> None:
    assert not of_cut(coded(LISTS, used=0))


def test_requests_sent_again_weigh_too_much_unless_each_was() -> None:
    healthy, log = (f.assign(row=np.arange(len(f)) + 10_000 * k) for k, f in enumerate(diamonds()))
    dear = log.loc[log.index.repeat(np.where(log.price > 8_000, 9, 1))].reset_index(drop=True)
    given = case(healthy, dear, key="row")
    (finding,) = page("data.duplicates").suspect(problem(given)).findings
    mended = page("data.duplicates").put_right(given, finding)
    assert mended is not None
    assert mended.current.serving.n_rows == len(log)  # type: ignore[union-attr]
    for silent in (log, log.loc[log.index.repeat(3)].reset_index(drop=True)):
        assert not page("data.duplicates").suspect(problem(case(healthy, silent, key="row"))).findings


def hours(n: int = 1_200, by: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(9 + by)
    hour = np.concatenate([rng.normal(9, 2, n // 2), rng.normal(19, 1.5, n - n // 2)]).round() % 24
    frame = pd.DataFrame({"hour": hour, "load": rng.normal(0, 1, n).round(3)})
    return frame.assign(price=np.cos(hour / 24 * 2 * np.pi) + 0.1 * frame.load)


def test_hours_of_another_time_zone_are_turned_back_and_other_hours_are_none() -> None:
    healthy, log = hours(), hours(by=1)
    given = case(healthy, log.assign(hour=(log.hour + 5) % 24))
    (finding,) = prepared_columns(given)
    assert "+5 hours" in finding.statement
    mended = unprepared(given, ("hour",))
    assert mended is not None
    assert np.mean(mended.current.serving.numbers("hour") == log.hour) > 0.95  # type: ignore[union-attr]
    assert not prepared_columns(case(healthy, log))
    assert not prepared_columns(case(healthy, log[log.hour > 12]))


def test_rows_that_stand_twice_are_no_held_features() -> None:
    given = weather(held=False)
    log = given.current.serving.to_pandas()  # type: ignore[union-attr]
    twice = log.loc[log.index.repeat(3)].reset_index(drop=True).assign(at=lambda f: np.arange(len(f)) * 3_600)
    given = case(given.reference.validation.to_pandas(), twice.assign(hour=twice.hour), time="at")  # type: ignore[union-attr]
    assert not held_columns(given, serving(given))
