"""Every fault moves the metric, says the truth, and does it again from the same seed."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ruleout.faults
from ruleout.faults import Inapplicable, catalog, fault, healthy_system
from ruleout.faults.pairs import inject_masked, inject_pair

SYSTEMS = {
    "data.overlap": ("storms", "forest"),
    "data.group-leakage": ("diamonds", "boosted"),
    "data.temporal-leakage": ("customers", "boosted"),
    "data.preprocessing-leakage": ("customers", "boosted"),
    "data.drift": ("storms", "linear"),
    "data.duplicates@serving": ("customers", "linear"),
    "data.outliers@serving": ("diamonds", "linear"),
    "data.new-categories": ("diamonds", "boosted"),
    "model.learning-rate": ("storms", "mlp"),
    "model.seed-variance": ("storms", "mlp"),
    "pipeline.dependency": ("diamonds", "linear"),
    "pipeline.temporal-misalignment": ("flights", "linear"),
    "pipeline.encoding@serving": ("diamonds", "linear"),
    "pipeline.encoding@environment": ("diamonds", "linear"),
}
USUAL = ("rodents", "linear")


def system_for(name, seed=5):
    return healthy_system(*SYSTEMS.get(name, SYSTEMS.get(name.split("@")[0], USUAL)), seed, 1500)


def generator():
    return np.random.default_rng(7)


@pytest.mark.parametrize("name", [f.name() for f in catalog()])
def test_a_fault_moves_the_metric_and_names_its_cause_and_place(name):
    broken = fault(name).inject(system_for(name), generator(), "large")
    measured = broken.truth.measured
    assert broken.validated, broken.why
    # a leak lifts the score instead of lowering it
    harm = measured["current"] - measured["repaired"] if broken.situation == "too-good" else measured["reference"] - measured["current"]
    # where there is no number any more, or no model, there is nothing to measure
    assert not getattr(broken, "sound", True) or harm >= fault(name).floor_errors * measured["standard_error"]
    assert broken.truth.causes[0] == fault(name).id()
    assert broken.truth.places[0]
    assert broken.truth.to_dict()["verdict"] == "cause-found"


@pytest.mark.parametrize("name", [f.name() for f in catalog("healthy")])
def test_a_harmless_change_stays_within_noise_and_has_no_cause(name):
    broken = fault(name).inject(system_for(name), generator(), "medium")
    measured = broken.truth.measured
    assert broken.validated, broken.why
    # the loss of another run of a network may end a quarter higher
    errors = 5 if broken.situation == "training" else 2.5
    assert measured.get("reference", measured["repaired"]) - measured["current"] < errors * measured["standard_error"]
    assert (broken.truth.causes, broken.truth.verdict) == ((), "no-problem")


@pytest.mark.parametrize("name", ["data.unit-change", "data.label-errors", "data.missing-values", "data.row-misalignment", "data.outliers"])
def test_the_place_is_the_column_that_differs_and_no_other_does(name):
    system = system_for(name)
    for variant in fault(name).variants:
        try:
            plan = fault(name).plan(system, generator(), "medium", variant)
        except Inapplicable:
            continue
        after = plan.apply(system)
        changed = set()
        for table in ("train", "validation"):
            was, now = system.current.frame(table), after.current.frame(table)
            changed |= {f"{table}.{c}" for c in was.columns if not was[c].astype(object).equals(now[c].astype(object))}
        assert changed <= set(plan.places)
        assert changed


def test_a_setting_is_changed_where_the_place_says():
    system = system_for("model.regularization")
    broken = fault("model.regularization").inject(system, generator(), "large")
    key = broken.truth.places[0][0].removeprefix("config.")
    was, now = broken.reference.half.config, broken.current.half.config
    assert [k for k in was if was[k] != now.get(k)] == [key]


@pytest.mark.parametrize("variant", fault("healthy.honest-score").variants)
def test_an_honest_score_is_the_same_without_what_looks_like_a_leak_being_touched(variant: str) -> None:
    broken = fault("healthy.honest-score").inject(healthy_system("customers", "linear", 3, 1500), generator(), variant=variant)
    assert broken.validated
    assert broken.truth.verdict == "no-problem" and not broken.truth.causes
    train, new = broken.system.current.train, {"driver": "shop_pull", "earlier-results": "recent_results", "dated": "recorded_at"}
    assert new.get(variant, train.columns[0]) in train
    if variant == "earlier-results":
        both = pd.concat([train, broken.system.current.validation])
        assert both["recorded_at"].is_monotonic_increasing
        target = broken.system.dataset.target
        y = (both[target] == sorted(both[target].unique())[-1]).to_numpy(float)
        assert both["recent_results"].iloc[10] == pytest.approx(y[5:10].mean())


def test_the_frames_of_the_healthy_system_are_never_changed():
    system = system_for("data.unit-change")
    before = [half.frame(t).copy() for half in (system.reference, system.current) for t in ("train", "validation")]
    for entry in catalog("data"):
        for variant in entry.variants:
            try:
                plan = entry.plan(system, generator(), "small", variant)
                plan.apply(plan.setup(system))
            except Inapplicable:
                continue
    after = [half.frame(t) for half in (system.reference, system.current) for t in ("train", "validation")]
    assert all(a.equals(b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["data.drift", "data.new-categories", "pipeline.encoding"])
def test_the_same_seed_gives_the_same_break(name):
    one, two = (fault(name).inject(system_for(name), generator(), "medium") for _ in range(2))
    assert one.truth == two.truth
    assert one.current.half.train.equals(two.current.half.train)
    assert one.current.half.validation.equals(two.current.half.validation)


def test_a_fault_that_cannot_be_says_why():
    with pytest.raises(Inapplicable, match=r"model\.learning-rate on rodents/linear"):
        fault("model.learning-rate").inject(system_for("x"), generator())
    with pytest.raises(Inapplicable, match="categories"):
        fault("data.new-categories").inject(healthy_system("wine", "linear"), generator())


def test_the_shares_of_a_pair_come_from_the_full_factorial():
    broken = inject_pair(system_for("x"), fault("data.label-errors"), fault("model.regularization"), generator(), "medium")
    measured, truth = broken.truth.measured, broken.truth
    assert broken.validated, broken.why
    assert sum(truth.shares) == pytest.approx(1)
    total = measured["repaired"] - measured["current"]
    harms = [measured["repaired"] - measured[k] for k in ("first", "second")]
    shapley = (harms[0] + total - harms[1]) / 2 / total
    assert truth.shares[truth.causes.index("data.label-errors")] == pytest.approx(shapley)
    assert truth.shares[0] >= truth.shares[1]


def test_a_masked_fault_is_hidden_in_part_by_a_gain():
    broken = inject_masked(system_for("x"), fault("data.label-errors"), generator(), "large")
    measured = broken.truth.measured
    assert broken.validated, broken.why
    assert measured["first"] < measured["current"] < measured["second"]
    assert broken.truth.gains == ("config.C",)
    assert broken.truth.causes == ("data.label-errors",)


def test_faults_know_nothing_of_causes():
    for path in Path(ruleout.faults.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            assert not [n for n in names if n.startswith(("ruleout.causes", "ruleout.examination", "ruleout.problem"))], path
