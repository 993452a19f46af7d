"""The bench scores as the contract says, plans the same items from the same seeds, and resumes."""

import json

import numpy as np
import pytest

from ruleout.bench import __main__ as command
from ruleout.bench import build, mark, plan_items, render_table, run_bench, totals
from ruleout.bench.baselines import BASELINES, answer_naively
from ruleout.bench.evidence import LOSSES, with_less
from ruleout.bench.items import systems_named
from ruleout.bench.run import run_item
from ruleout.bench.score import calibration
from ruleout.errors import UnknownCause
from ruleout.faults import SITUATIONS, as_case, catalog, fault, healthy_system

TRUTH = {
    "causes": ["data.drift"],
    "where": [["train.income"]],
    "accept": ["data.stale"],
    "accept_verdicts": [],
    "verdict": "cause-found",
    "shares": None,
}
PAIR = {**TRUTH, "causes": ["data.drift", "model.checkpoint"], "where": [["income"], ["model"]], "shares": [0.7, 0.3]}
HEALTHY = {**TRUTH, "causes": [], "where": [], "accept": [], "verdict": "no-problem"}


def answer(*causes, verdict="cause-found", **more):
    named = [{"cause": c, "where": [w], "share": s, "probability": p} for c, w, s, p in causes]
    return {"verdict": verdict, "causes": named, "open": [], **more}


class Said:
    """A conclusion that was made up."""

    def __init__(self, causes=(), verdict="no-problem"):
        self.document = {"conclusion": {"verdict": verdict, "causes": list(causes)}, "hypotheses": []}

    def to_dict(self):
        return self.document


def test_the_right_cause_at_the_right_column_counts_whatever_stands_before_the_dot():
    marked = mark(TRUTH, answer(("data.drift", "validation.Income", 1.0, 0.9)))
    assert (marked["top1"], marked["top3"], marked["place"]) == (True, True, True)
    assert mark(TRUTH, answer(("data.drift", "train.age", 1.0, 0.9)))["place"] is False


def test_an_equally_good_cause_is_right_and_a_wrong_one_is_not():
    assert mark(TRUTH, answer(("data.stale", "income", None, 0.5)))["top1"]
    wrong = mark(TRUTH, answer(("model.checkpoint", "model", None, 0.5), open=["data.drift"]))
    assert (wrong["top1"], wrong["top3"], wrong["place"]) == (False, True, None)


def test_harm_called_no_problem_is_denied_and_a_cause_on_health_is_an_alarm():
    assert mark(TRUTH, answer(verdict="no-problem"))["denied"]
    assert mark(HEALTHY, answer(verdict="no-problem"))["alarm"] is False
    assert mark(HEALTHY, answer(("data.drift", "x", None, 0.4)))["alarm"] is True


def test_a_pair_needs_both_and_its_shares_are_compared():
    marked = mark(PAIR, answer(("data.drift", "income", 0.6, 0.9), ("model.checkpoint", "model", 0.35, 0.9)))
    assert marked["both"]
    assert marked["share_error"] == pytest.approx(0.075)
    assert mark(PAIR, answer(("model.checkpoint", "model", 0.3, 0.9)))["top1"] is False


def test_the_calibration_error_is_the_gap_between_said_and_right():
    rows = [{"probability": 0.9, "right": k < 6} for k in range(10)]
    found = calibration(rows)
    assert found["error"] == pytest.approx(0.3)
    assert found["bins"] == [{"from": 0.9, "to": 1.0, "n": 10, "said": 0.9, "right": 0.6}]


def test_totals_leave_out_what_was_not_asked():
    total = totals([mark(TRUTH, answer(("data.drift", "income", 1.0, 0.9)))])
    assert total["AC@1"] == {"rate": 1.0, "n": 1}
    assert total["both"] is None
    assert total["false_alarms"] is None


def test_items_are_the_same_from_the_same_seeds_one_in_five_healthy():
    items = plan_items(seeds=(0, 1))
    assert items == plan_items(seeds=(0, 1))
    assert len({i.key for i in items}) == len(items)
    assert {i.severity for i in items if i.kind == "single" and i.seed == 0} == {"small", "medium", "large"}
    scenes = {entry.name(): entry.situation for entry in catalog("data", "model", "pipeline", "healthy")}
    for situation in SITUATIONS:
        here = [i.kind == "healthy" for i in items if scenes[i.faults[0]] == situation]
        assert sum(here) == (len(here) - sum(here)) // 4, f"{situation}: {sum(here)} of {len(here)} are healthy"
    assert {f for i in items if i.kind == "single" for f in i.faults} >= {"data.drift", "model.checkpoint", "pipeline.metric"}


def test_systems_are_named_by_data_set_estimator_or_both():
    assert systems_named(["diamonds/forest"]) == ("diamonds/forest",)
    assert all(s.endswith("/mlp") for s in systems_named(["mlp"]))
    with pytest.raises(UnknownCause, match="diamonds"):
        systems_named(["diamond"])


def test_an_item_gives_the_same_case_twice():
    item = plan_items(faults=["data.label-errors"], systems=["rodents/linear"])[0]
    one, two = build(item, 500), build(item, 500)
    assert one.truth == two.truth


def test_a_run_is_scored_printed_and_resumed(tmp_path):
    items = plan_items(
        faults=["data.label-errors", "data.row-misalignment"],
        systems=["rodents/linear"],
        seeds=(0, 1),
        severities=["large"],
        situations=("retraining",),
    )
    asked = []

    def investigate(case):
        asked.append(case)
        if len(asked) == 1:
            raise ValueError("not today")
        return Said([{"cause": "data.label-errors", "where": ["train.species"], "share": 1.0, "probability": 0.8}], "cause-found")

    results = tmp_path / "rows.jsonl"
    first = run_bench(investigate, items, n_rows=500, results=results)
    n = len(asked)
    assert n == len(items)
    again = run_bench(investigate, items, n_rows=500, results=results)
    assert len(asked) == n
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(again))
    assert first["ruleout"]["crashes"] == 1
    assert first["ruleout"]["AC@1"]["rate"] == pytest.approx(1 / 4)
    assert first["ruleout"]["false_alarms"] == {"rate": 1.0, "n": 1}
    text = render_table(first)
    assert all(word in text for word in ("ruleout", *BASELINES, "data.row-misalignment", "healthy.another-sample"))


def test_a_baseline_says_no_problem_where_the_metric_did_not_fall():
    healthy, sick = (
        build(plan_items(faults=[name], systems=["rodents/linear"], severities=["large"], healthy=False)[0], 600)
        for name in ("data.label-errors",) * 2
    )
    assert healthy is not None
    case = as_case(sick)
    for name in BASELINES:
        assert answer_naively(name, case)["verdict"] == "cause-found"
        assert answer_naively(name, case, smallest=1.0)["verdict"] == "no-problem"


def test_the_command_prints_the_table_and_writes_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "investigate", lambda case: Said())
    out = tmp_path / "bench.json"
    code = command.main(["--faults", "data.label-errors", "--systems", "rodents/linear", "--small", "--rows", "400", "--json", str(out)])
    printed = capsys.readouterr()
    assert code == 0
    assert "AC@1" in printed.out
    assert json.loads(out.read_text(encoding="utf-8"))["ruleout"]["n_cases"] == 1
    assert command.main(["--faults", "data.nothing"]) == 2


def test_every_situation_has_its_faults_and_its_healthy_controls():
    # A control comes after four faults: the situation that has one fault needs four seeds for it.
    items = plan_items(seeds=(0, 1, 2, 3), pairs=False)
    entries = {f.name(): f for f in catalog("data", "model", "pipeline", "healthy")}
    for situation in SITUATIONS:
        kinds = {i.kind for i in items if entries[i.faults[0]].situation == situation}
        assert kinds == {"single", "healthy"}, situation
    only = plan_items(situations=["silent"])
    assert {entries[i.faults[0]].situation for i in only} == {"silent"}
    both = plan_items(faults=["model.learning-rate"], healthy=False, pairs=False)
    assert [i.faults for i in both] == [("model.learning-rate",), ("model.learning-rate@training",)]


def test_partial_evidence_is_the_same_case_with_less_of_it():
    assert {i.evidence for i in plan_items()} == {"full", "partial"}
    whole, less = (
        plan_items(faults=["model.regularization"], systems=["rodents/linear"], situations=["retraining"], evidence=e, healthy=False)[0]
        for e in ("full", "partial")
    )
    assert (whole.draw, less.key) == (less.draw, f"{whole.key}:partial")
    broken = build(less, 500)
    assert broken.truth == build(whole, 500).truth
    case = as_case(broken)
    poorer, lost = with_less(case, broken.truth.causes, broken.truth.places[0], np.random.default_rng(2))
    # the configuration is where the fault lies
    assert lost and "config" not in lost
    assert all(LOSSES[name](poorer) is poorer for name in lost)
    assert poorer.current.config == case.current.config


def test_labels_stay_where_the_fault_lies_in_them():
    service = as_case(
        fault("data.label-shift@serving").inject(healthy_system("rodents", "boosted", 3, 500), np.random.default_rng(3), "large")
    )
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert "labels" not in with_less(service, ("data.label-shift",), (f"serving.{service.target}",), rng)[1]
        assert "labels" not in with_less(service, ("data.concept-drift",), ("serving",), rng)[1]


def test_a_night_is_read_from_its_files(tmp_path):
    item = plan_items(faults=["pipeline.empty-artifact"], systems=["rodents/boosted"], healthy=False)[0]
    seen = []

    def investigate(case):
        seen.append((case.current.model.path.is_file(), len(case.current.runlog)))
        return Said()

    row = run_item(investigate, 500, item)
    assert seen == [(True, 7)]
    assert (row["situation"], row["evidence"]) == ("silent", "full")


def test_a_model_of_an_array_is_no_stumbling_block_for_a_baseline():
    service = healthy_system("diamonds", "linear", 3, 800)
    made = fault("healthy.another-log").inject(service, np.random.default_rng(3), "small", variant="indicators")
    for name in BASELINES:
        # However little the metric moved, a baseline that asks the artifact comes to some answer.
        assert answer_naively(name, as_case(made), smallest=-1.0)["verdict"] in ("cause-found", "inconclusive", "no-problem")
