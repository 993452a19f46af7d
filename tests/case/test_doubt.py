"""What a symptom says of a score: a failure, a sudden rise, and the score elsewhere; a mere question says nothing."""

from __future__ import annotations

import pytest

from ruleout.case.case import Case, Side
from ruleout.case.doubt import doubt

SAID = {
    "0.96 on our rows, 0.81 in production": (True, False, 0.81),
    "jumped from 71% to 96% with the new columns": (False, True, 0.71),
    "a second look gives 20 points less": (True, False, 0.77),
    "AUC 0.97 since the tables were merged": (False, True, None),
    "is it honest?": (False, False, None),
    "97% on validation, nobody here knows 12 reasons": (True, False, None),
}


@pytest.mark.parametrize("symptom", SAID)
def test_a_symptom_is_read(symptom: str) -> None:
    found = doubt(Case(current=Side(), symptom=symptom), 0.97)
    fails, rose, level = SAID[symptom]
    assert (found.fails, found.rose) == (fails, rose)
    assert found.level == (pytest.approx(level) if level is not None else None)
    assert found.claims == (fails or rose)


def test_without_a_score_no_level_is_read() -> None:
    assert doubt(Case(current=Side(), symptom="0.96 on our rows, 0.81 in production")).level is None
