"""Plain English decides in one file: no other room reads a symptom, or looks for words of its own in names and messages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import ruleout
from ruleout.case import words

ROOMS = Path(ruleout.__file__).parent
DECIDES = [p for room in ("case", "problem", "causes", "examination", "conclusion") for p in sorted((ROOMS / room).rglob("*.py"))]
PLAIN = ("production", "yesterday", "overnight", "suspicious", "tomorrow", "upcoming", "customer", "refund", "timed out", "enrich")
"""One or two words of each list, as a pattern would hold them."""


def patterns(path: Path) -> list[str]:
    """The texts of the regular expressions that a file compiles."""
    calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    made = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "compile" and c.args]
    return [a.value for c in made for a in ast.walk(c.args[0]) if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def test_words_of_plain_english_stand_in_one_file() -> None:
    held = {path.relative_to(ROOMS).as_posix() for path in DECIDES if any(w in p for p in patterns(path) for w in PLAIN)}
    assert held == {"case/words.py"}


def test_a_symptom_is_read_in_one_place() -> None:
    reads = {p.relative_to(ROOMS).as_posix() for p in DECIDES if re.search(r"\bcase\.symptom\b", p.read_text(encoding="utf-8"))}
    assert reads == {"case/doubt.py"}


@pytest.mark.parametrize(
    ("name", "said", "silent"),
    [
        ("FAILS", "0.99 in validation, useless in production", "accuracy fell"),
        ("ROSE", "AUC jumped to 0.98 last week", "AUC is 0.98"),
        ("WONDERS", "too good to be true", "it is good"),
        ("AFTERWARDS", "closing_reason", "income"),
        ("FUTURE", "sales_next_week", "sales_last_week"),
        ("IDENTIFIER", "patient_id", "blood_pressure"),
        ("OLD", "partition late, falling back to the previous day", "read 1,000 rows"),
        ("JOINS", "merge accounts", "extract"),
        ("THINS", "dedup", "extract"),
        ("FAILED", "upload timed out", "done"),
    ],
)
def test_each_list_hears_what_it_is_for(name: str, said: str, silent: str) -> None:
    assert getattr(words, name).search(said)
    assert not getattr(words, name).search(silent)


def test_every_list_is_tried() -> None:
    (mark,) = [m for m in test_each_list_hears_what_it_is_for.pytestmark if m.name == "parametrize"]  # type: ignore[attr-defined]  # pytest's
    assert sorted(row[0] for row in mark.args[1]) == sorted(words.__all__)
