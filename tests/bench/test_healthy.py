"""Healthy pairs: planned the same from the same seeds, of real other seasons too, and each alarm is counted and told."""

from __future__ import annotations

import numpy as np
import pytest

from ruleout import faults
from ruleout.bench.healthy import alarms, main, plan_healthy, render_alarms


def row(kind: str, verdict: str, *said: str, state: str = "ok"):
    return {
        "key": f"{kind}@x",
        "faults": [kind],
        "state": state,
        "verdict": verdict,
        "said": list(said),
        "alarm": verdict == "cause-found",
        "error": "",
        "system": "x/y",
        "why": "0.9 to 0.9",
    }


def test_every_harmless_change_has_its_turn_and_the_plan_is_the_same_again():
    items = plan_healthy(40)
    assert items == plan_healthy(40)
    assert len({item.key for item in items}) == 40
    assert {item.faults[0] for item in items} == {entry.name() for entry in faults.catalog("healthy")}
    assert {item.severity for item in items} == {"small", "medium", "large"}


def test_alarms_are_counted_by_kind_with_their_intervals():
    found = alarms([row("a", "no-problem"), row("a", "cause-found", "data.drift"), row("b", "inconclusive"), {"state": "skipped"}])
    assert (found["all"]["n"], found["all"]["named"], found["all"]["real"], found["n_skipped"]) == (3, 1, 2, 1)
    assert found["by_kind"]["a"]["named_interval"] == pytest.approx((0.0945, 0.9055), abs=1e-3)
    said = render_alarms(found)
    assert "a@x  x/y  0.9 to 0.9  said data.drift" in said
    assert "1 pairs were left out" in said


def test_none_in_two_hundred_is_not_none():
    assert alarms([row("a", "no-problem")] * 200)["all"]["named_interval"] == pytest.approx((0.0, 0.0188), abs=1e-3)


def test_another_season_is_of_another_time_and_does_no_harm():
    made = faults.fault("healthy.another-season").inject(
        faults.healthy_system("rodents", "linear", seed=2, n_rows=900), np.random.default_rng(0), "large"
    )
    assert made.validated, made.why
    assert made.reference.half.train["year"].max() <= made.current.half.train["year"].min()
    assert made.truth.verdict == "no-problem"
    with pytest.raises(faults.Inapplicable, match="no order of time"):
        faults.fault("healthy.another-season").inject(faults.healthy_system("wine", "linear"), np.random.default_rng(0))


def test_the_command_fails_where_more_than_two_in_a_hundred_raise_an_alarm(capsys):
    class Accusing:
        def to_dict(self):
            cause = {"cause": "data.drift", "where": ["x"], "share": 1.0, "probability": 0.9}
            return {"conclusion": {"verdict": "cause-found", "causes": [cause]}, "hypotheses": []}

    arguments = ["--pairs", "2", "--rows", "300", "--kinds", "healthy.another-sample"]
    assert main(arguments, investigate=lambda case: Accusing()) == 1
    assert "2 (0.342 to 1.000)" in capsys.readouterr().out
