"""Pages on production, each on real systems whose service was broken in its way, and on services with which nothing is wrong."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ruleout.case.case import Case, Environment, Side
from ruleout.causes import catalog, page
from ruleout.causes.beside import Beside, beside
from ruleout.causes.casts import as_bfloat16
from ruleout.causes.page import Finding, Look
from ruleout.causes.pipeline.temporal_misalignment import TemporalMisalignment
from ruleout.causes.released import released
from ruleout.faults import Inapplicable, fault, healthy_system
from ruleout.faults.fault import Truth
from ruleout.faults.service import Served, Service, ServiceFault, healthy_log
from ruleout.models.artifact import Artifact
from ruleout.problem import Problem, state_problem
from ruleout.tables.table import Table
from tests.causes import stand_in

SERVICE = (
    "pipeline.caching",
    "pipeline.threshold",
    "pipeline.nondeterminism",
    "pipeline.feature-order",
    "pipeline.feature-availability",
    "pipeline.preprocessing",
    "pipeline.temporal-misalignment",
)
PAGES = (*SERVICE, "pipeline.numerics", "pipeline.scaling", "pipeline.encoding", "model.checkpoint")


@cache
def system(name: str) -> object:
    data, estimator = name.split("/")
    return healthy_system(data, estimator, seed=3, n_rows=1_500)


@cache
def broken(cause: str, variant: str, name: str) -> Served:
    made = fault(cause)
    assert isinstance(made, ServiceFault)
    return made.inject(system(name), np.random.default_rng(5), "large", variant=variant)  # type: ignore[arg-type]


@cache
def stated(cause: str, variant: str, name: str) -> Problem:
    return state_problem(broken(cause, variant, name).case())


def healthy(name: str, n_rows: int) -> Case:
    made = system(name)
    fitted = made.fit("reference")  # type: ignore[attr-defined]
    service = Service(made, fitted, made.current.validation.head(n_rows).reset_index(drop=True))  # type: ignore[attr-defined,arg-type]
    truth = Truth((), (), {}, {}, verdict="no-problem")
    return Served(made, fitted, fitted, truth, True, "", "medium", service=service, log=healthy_log(service)).case()  # type: ignore[arg-type]


def tails(findings: tuple[Finding, ...]) -> set[str]:
    return {f.place.split(".")[-1] for f in findings}


def look(cause: str, problem: Problem) -> Look:
    entry = page(cause)
    return Look() if entry.missing(problem.case) else entry.suspect(problem)


BROKEN = [
    ("pipeline.caching", "previous", "flights/boosted"),
    ("pipeline.caching", "block", "diamonds/linear"),
    ("pipeline.caching", "coarse-key", "flights/boosted"),
    ("pipeline.threshold", "cut", "flights/boosted"),
    ("pipeline.threshold", "transform", "diamonds/linear"),
    ("pipeline.nondeterminism", "retried", "flights/boosted"),
    ("pipeline.feature-order", "log", "diamonds/linear"),
    ("pipeline.feature-order", "on-the-way", "diamonds/linear"),
    ("pipeline.feature-availability", "null", "flights/boosted"),
    ("pipeline.feature-availability", "default", "diamonds/linear"),
    ("pipeline.feature-availability", "on-the-way", "flights/boosted"),
    ("pipeline.preprocessing", "capitals", "diamonds/linear"),
    ("pipeline.preprocessing", "units", "flights/boosted"),
    ("pipeline.numerics", "bfloat16", "diamonds/linear"),
    ("pipeline.numerics", "float16", "flights/boosted"),
]


@pytest.mark.parametrize(("cause", "variant", "name"), BROKEN)
def test_a_page_speaks_of_its_fault_at_its_place_and_the_replay_restores_it(cause: str, variant: str, name: str) -> None:
    problem = stated(cause, variant, name)
    made = broken(cause, variant, name)
    assert made.validated, made.why
    found = look(cause, problem).findings
    assert found and found[0].evidence > 2.5
    assert tails(found) & {p.split(".")[-1] for p in made.truth.places[0]}
    case = problem.case
    for finding in found:
        case = page(cause).put_right(case, finding) or case
    after, measured = problem.laboratory.outcome(case, "current").value, made.truth.measured
    lost = measured["repaired"] - measured["current"]
    # What is not there is borrowed from like rows: most of it comes back, not all.
    assert after - measured["current"] > 0.6 * lost


@pytest.mark.parametrize(("cause", "variant", "name"), BROKEN)
def test_other_pages_do_not_claim_the_fault(cause: str, variant: str, name: str) -> None:
    problem = stated(cause, variant, name)
    accepted = broken(cause, variant, name).truth.accept
    mine = max(f.evidence + 2 * f.specificity for f in look(cause, problem).findings)
    for other in PAGES:
        if other != cause and other not in accepted:
            claimed = max((f.evidence + 2 * f.specificity for f in look(other, problem).findings), default=0.0)
            assert claimed < mine, other


@pytest.mark.parametrize("name", ["flights/boosted", "diamonds/linear", "customers/mlp"])
@pytest.mark.parametrize("n_rows", [300, 2_000])
def test_pages_are_silent_on_a_service_with_which_nothing_is_wrong(name: str, n_rows: int) -> None:
    problem = state_problem(healthy(name, n_rows))
    for cause in PAGES:
        assert not look(cause, problem).findings, cause


def test_a_late_column_is_found_in_the_order_of_time_and_moved_back() -> None:
    def rows(name: str, n: int, seed: int, lag: int = 0) -> object:
        rng = np.random.default_rng(seed)
        base = rng.normal(0, 1, n)
        late = base + rng.normal(0, 0.3, n)
        columns = {
            "at": np.arange(n) * 60,
            "load": base,
            "heat": base + rng.normal(0, 0.3, n),
            "feed": np.concatenate([late[:lag], late[: n - lag]]),
            "y": np.where(base > 0, "yes", "no"),
        }
        if name == "serving":
            columns["prediction"] = columns["y"]
        return stand_in.table(name, **columns)

    reference = Side(validation=rows("validation", 1_500, 1))  # type: ignore[arg-type]
    current = Side(serving=rows("serving", 1_200, 2, lag=3))  # type: ignore[arg-type]
    problem = stand_in.problem(reference, current, situation="serving")
    problem = replace(problem, case=replace(problem.case, time="at"))
    (finding,) = TemporalMisalignment().suspect(problem).findings
    assert finding.place == "serving.feed" and finding.evidence > 3 and finding.figures["shift"] == 3
    right = TemporalMisalignment().put_right(problem.case, finding)
    assert right is not None and right.current.serving is not None
    kept = np.corrcoef(right.current.serving.numbers("feed")[:-3], right.current.serving.numbers("load")[:-3])[0, 1]
    assert kept > 0.9
    on_time = replace(problem, case=replace(problem.case, current=Side(serving=rows("serving", 1_200, 3))))  # type: ignore[arg-type]
    assert not TemporalMisalignment().suspect(on_time).findings


def test_numbers_in_few_bits_are_recognised() -> None:
    assert as_bfloat16(np.array([1980.0, 1.0, np.nan]), cut=True)[:2].tolist() == [1976.0, 1.0]
    assert as_bfloat16(np.array([1981.0]))[0] == 1984.0


def test_every_service_fault_has_a_page_and_can_be_drawn() -> None:
    for cause in SERVICE:
        assert importlib.import_module(f"ruleout.causes.{cause.replace('-', '_')}")
        with pytest.raises(Inapplicable):
            fault(cause).plan(system("diamonds/linear"), np.random.default_rng(0), "medium", "none")  # type: ignore[arg-type]
    assert {p.id() for p in catalog()} >= set(PAGES)


def served(name: str, change: Callable[[Service], dict[str, np.ndarray]]) -> Case:
    """A service whose answers are made by `change`, its features logged as they are."""
    made: Any = system(name)
    service = Service(made, made.fit("reference"), made.current.validation.reset_index(drop=True))
    log = service.log(service.requests[service.features], change(service))
    truth = Truth((), (), {}, {})
    return Served(made, service.fitted, service.fitted, truth, True, "", "medium", service=service, log=log).case()


def unscaled(service: Service) -> dict[str, np.ndarray]:
    """The answers of a service whose scaler was left out."""
    import copy

    model = copy.deepcopy(service.fitted.model)
    scaler = model.named_steps["prepare"].named_transformers_["numbers"].named_steps["scale"]
    scaler.mean_, scaler.scale_ = np.zeros_like(scaler.mean_), np.ones_like(scaler.scale_)
    return dict(service.answer(service.requests[service.features], model))


def recoded(service: Service) -> dict[str, np.ndarray]:
    """The answers of a service that gives codes from the last category down."""
    frame = service.requests[service.features].copy()
    for column in service.system.dataset.categorical:
        levels = sorted(service.system.reference.train[column].dropna().unique())
        frame[column] = frame[column].map(dict(zip(levels, levels[::-1], strict=True)))
    return dict(service.answer(frame))


def other_run(service: Service) -> dict[str, np.ndarray]:
    """The answers of a model of a smoke run on few rows."""
    from ruleout.faults.system import train

    half = service.system.current
    return dict(service.answer(service.requests[service.features], train(half.config, half.train.head(60), half.code)))


@pytest.mark.parametrize(
    ("cause", "change", "name"),
    [
        ("pipeline.scaling", unscaled, "diamonds/linear"),
        ("pipeline.encoding", recoded, "diamonds/linear"),
        ("model.checkpoint", other_run, "flights/boosted"),
    ],
)
def test_what_happens_between_features_and_answers_is_told_by_what_reproduces_the_log(
    cause: str, change: Callable[[Service], dict[str, np.ndarray]], name: str
) -> None:
    problem = state_problem(served(name, change))
    found = look(cause, problem).findings
    assert found and found[0].evidence > 2
    right = page(cause).put_right(problem.case, found[0])
    assert right is not None
    assert problem.laboratory.outcome(right, "current").value > problem.laboratory.outcome(problem.case, "current").value + 0.02
    mine = max(f.evidence + 2 * f.specificity for f in found)
    for other in PAGES:
        claims = [f.evidence + 2 * f.specificity for f in look(other, problem).findings] if other != cause else []
        assert max(claims, default=0.0) < mine, other


def environments(change: Callable[[Table], Table]) -> Problem:
    """Two environments that answered the same requests; the features of the second are changed."""
    case = healthy("diamonds/linear", 600)
    log = case.current.serving
    assert log is not None and case.reference is not None and case.reference.model is not None
    keyed = log.with_column("request", np.arange(log.n_rows))
    changed = change(keyed)
    reference = replace(case.reference, serving=keyed)
    model = Artifact(estimator=case.reference.model.estimator, trusted=True)
    answer = model.open().predict(changed).prediction
    current = Side(serving=changed.with_column("prediction", np.round(np.asarray(answer, dtype=float), 6)), model=model)
    return state_problem(replace(case, reference=reference, current=current, key="request"))


def test_columns_that_differ_between_two_environments_are_taken_back_row_by_row() -> None:
    problem = environments(lambda log: log.with_column("carat", np.round(log.numbers("carat"))))
    assert problem.situation == "environment"
    (finding,) = look("pipeline.preprocessing", problem).findings
    assert finding.place == "serving.carat"
    right = page("pipeline.preprocessing").put_right(problem.case, finding)
    assert right is not None
    reference = problem.laboratory.outcome(problem.case, "reference").value
    assert problem.laboratory.outcome(right, "current").value == pytest.approx(reference, abs=1e-6)
    assert not look("pipeline.encoding", problem).findings and not look("pipeline.scaling", problem).findings


def test_a_word_for_null_that_is_null_elsewhere_is_what_pandas_changed() -> None:
    def without_words(log: Table) -> Table:
        values = log.values("cut")
        values[values == "nan"] = None
        return log.with_column("cut", values)

    case = healthy("diamonds/linear", 600)
    log = case.current.serving
    assert log is not None and case.reference is not None
    cuts = log.values("cut")
    cuts[::3] = "nan"
    first = log.with_column("request", np.arange(log.n_rows)).with_column("cut", cuts)
    reference = replace(case.reference, serving=first, environment=Environment({"pandas": "2.2.3", "numpy": "2.4.0"}))
    current = Side(serving=without_words(first), model=case.reference.model, environment=Environment({"pandas": "3.0.1", "numpy": "2.4.0"}))
    problem = state_problem(replace(case, reference=reference, current=current, key="request"))
    found = page("pipeline.dependency").suspect(problem).findings
    assert [f.place for f in found] == ["environment.pandas", "serving.cut"]
    assert page("pipeline.dependency").put_right(problem.case, found[0]).current.serving.values("cut")[0] == "nan"  # type: ignore[union-attr]
    assert not look("pipeline.feature-availability", problem).findings
    patched = replace(current, environment=Environment({"pandas": "2.2.4", "numpy": "2.4.0"}))
    again = page("pipeline.dependency").suspect(replace(problem, case=replace(problem.case, current=patched)))
    assert not again.findings


def test_numbers_that_wrapped_around_are_what_numpy_changed() -> None:
    problem = environments(lambda log: log.with_column("price_in", np.mod(log.numbers("carat").round(2) * 100, 256)))
    rows = beside(problem.case)
    assert rows is not None and not list(released(rows))
    first = problem.case.reference.serving.with_column("days", np.arange(600.0))  # type: ignore[union-attr]
    second = problem.case.current.serving.with_column("days", np.mod(np.arange(600.0), 256))  # type: ignore[union-attr]
    made = list(released(Beside(problem.case, first, second)))
    assert [(m.package, m.columns) for m in made] == [("numpy", ("days",))]


def test_environments_that_agree_are_not_accused() -> None:
    problem = environments(lambda log: log)
    for cause in PAGES:
        assert not look(cause, problem).findings, cause
