import pytest

from ruleout.statistics.beliefs import marginals


def test_without_evidence_the_symptom_alone_raises_every_prior():
    found = marginals({"a": 0.1, "b": 0.05}, {})
    assert found["a"] > 0.1
    assert found["b"] > 0.05
    assert found["a"] > found["b"]


def test_strong_evidence_for_one_cause_explains_the_others_away():
    before = marginals({"a": 0.1, "b": 0.1}, {})
    after = marginals({"a": 0.1, "b": 0.1}, {"a": 3.9})
    assert after["a"] > 0.9
    assert after["b"] < before["b"]


def test_more_causes_than_are_enumerated_all_get_a_probability():
    names = {f"c{k}": 0.05 for k in range(30)}
    found = marginals(names, {"c3": 3.0})
    assert set(found) == set(names)
    assert max(found, key=found.get) == "c3"
    assert all(0 <= p <= 1 for p in found.values())


@pytest.mark.parametrize("ratio", [-50.0, 0.0, 50.0])
def test_probabilities_stay_probabilities_under_extreme_evidence(ratio):
    assert 0 <= marginals({"a": 0.5}, {"a": ratio})["a"] <= 1
