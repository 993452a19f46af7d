from dataclasses import replace

import numpy as np
import pytest

from ruleout.conclusion import investigate


def swapped_labels(frame):
    frame = frame.copy()
    rng = np.random.default_rng(5)
    flip = (frame["benign"] == "yes") & (rng.random(len(frame)) < 0.3)
    frame.loc[flip, "benign"] = "no"
    return frame


def in_centimetres(frame):
    return frame.assign(**{"mean radius": frame["mean radius"] / 10})


def test_a_healthy_retraining_is_no_problem_and_nothing_is_accused(retraining):
    found = investigate(retraining())
    assert found.verdict == "no-problem"
    assert found.exit_code == 0
    assert found.causes == ()
    assert "within the noise" in found.summary


def test_one_broken_column_is_named_proved_and_guarded(retraining):
    found = investigate(retraining(break_train=in_centimetres, break_validation=None))
    assert found.verdict == "cause-found"
    main = found.causes[0]
    assert main.cause == "data.unit-change"
    assert main.where == ("train.mean radius",)
    assert main.share > 0.8
    assert main.interval[0] <= main.share <= main.interval[1]
    assert [g.cause for g in found.guards] == ["data.unit-change"]


def test_validation_rows_without_their_labels_are_seen_and_nothing_is_measured_on_them(retraining):
    case = retraining(break_validation=lambda frame: frame.assign(benign=None))
    reference, current = replace(case.reference, metrics={"accuracy": 0.95}), replace(case.current, metrics={"accuracy": None})
    found = investigate(replace(case, reference=reference, current=current))
    assert found.causes[0].cause in ("pipeline.silent-metrics", "data.missing-values")
    told = [step.finding for step in found.examination.steps]
    assert told and not [finding for finding in told if "nan" in finding.split()]


def test_a_changed_setting_is_put_right_alone(retraining):
    found = investigate(retraining(C=1e-5))
    assert [c.cause for c in found.causes] == ["model.regularization"]
    assert found.causes[0].where == ("config.C",)
    assert "data.unit-change" in found.ruled_out


def test_two_faults_share_the_change_and_the_shares_add_up(retraining):
    found = investigate(retraining(break_train=swapped_labels, C=0.0005))
    assert {c.cause for c in found.causes} == {"data.label-errors", "model.regularization"}
    assert sum(c.share for c in found.causes) == pytest.approx(1.0, abs=0.15)


def test_the_same_case_and_seed_give_the_same_conclusion(retraining):
    def told(conclusion):
        whole = conclusion.to_dict()
        for step in whole["steps"]:
            step.pop("seconds")
        whole["cost"].pop("training_seconds")
        return whole

    case = retraining(break_train=in_centimetres)
    assert told(investigate(case, seed=3)) == told(investigate(case, seed=3))


def test_every_step_says_intent_action_finding_and_reflection(retraining):
    steps = []
    investigate(retraining(break_train=in_centimetres), listen=lambda event: steps.append(event.payload) if event.kind == "step" else None)
    assert [s.number for s in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        assert all((step.intent, step.action, step.finding, step.reflection)), step
        assert sum(step.buckets.values()) == pytest.approx(1.0)
    assert steps[-1].kind == "intervention"


def test_a_spent_budget_stops_the_walk_and_says_so(retraining):
    found = investigate(retraining(break_train=in_centimetres), budget=0.0)
    assert "budget" in found.summary
    assert found.examination.figures["n_refits"] == 0
    assert all(cause.observed and cause.share is None for cause in found.causes)


def test_without_models_a_stand_in_is_fitted_and_said(retraining):
    from dataclasses import replace

    case = retraining(break_train=in_centimetres)
    bare = replace(case, reference=replace(case.reference, model=None, config=None), current=replace(case.current, model=None, config=None))
    found = investigate(bare)
    assert "stand in" in found.summary
    assert found.causes[0].cause == "data.unit-change"


def test_one_failing_page_leaves_the_others_standing(retraining, monkeypatch):
    from ruleout.causes.data.new_categories import NewCategories

    def broken(self, problem):
        raise ZeroDivisionError("a bug in one page")

    monkeypatch.setattr(NewCategories, "suspect", broken)
    found = investigate(retraining(break_train=in_centimetres))
    assert found.causes[0].cause == "data.unit-change"
    failed = next(h for h in found.examination.hypotheses if h.cause == "data.new-categories")
    assert failed.status == "untestable"
    assert "ZeroDivisionError" in failed.reason


@pytest.mark.parametrize(("content", "cause"), [(b"", "pipeline.empty-artifact"), (None, "pipeline.serialization")])
def test_an_artifact_that_is_none_is_the_cause_whatever_was_reported_for_it(retraining, tmp_path, content, cause):
    from dataclasses import replace

    import joblib

    from ruleout.models.artifact import Artifact

    case = retraining()
    path = tmp_path / "model.joblib"
    joblib.dump(case.current.model.estimator, path)
    path.write_bytes(path.read_bytes()[:300] if content is None else content)
    broken = replace(case.current, model=Artifact(path=path, trusted=True), metrics={"accuracy": 0.95})
    found = investigate(replace(case, current=broken, trusted=True))
    assert found.verdict == "cause-found"
    assert found.causes[0].cause == cause
