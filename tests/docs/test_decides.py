"""docs/decides.md says the numbers that the code holds."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "decides.md"
ROWS = re.findall(r"^\| [^|]+ \| (\S+) \| `((?:\w+/)+)(\w+)\.py` `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

WHOLE = (
    *(
        f"causes/{name}"
        for name in (
            "answered_elsewhere",
            "asking",
            "batches",
            "beyond",
            "codes",
            "data/new_categories",
            "formula",
            "given_away",
            "making",
            "nulls_between",
            "old_records",
            "own_time",
            "parts",
            "pipeline/caching",
            "pipeline/feature_order",
            "repeated_rows",
        )
    ),
    *(f"causes/{name}" for name in ("released", "smoothed", "strayed")),
    "examination/depth",
    "models/by_dummies",
)
"""Files of which every number is in the table."""


def test_the_table_of_numbers_is_read_whole() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## The numbers")[1]
    assert len(ROWS) == len(re.findall(r"^\| ", table, re.MULTILINE)) - 2


@pytest.mark.parametrize(("value", "room", "module", "name"), ROWS, ids=[f"{r}{m}.{n}" for _, r, m, n in ROWS])
def test_a_number_is_the_one_in_the_code(value: str, room: str, module: str, name: str) -> None:
    assert getattr(importlib.import_module(f"ruleout.{room.replace('/', '.')}{module}"), name) == float(value)


@pytest.mark.parametrize("module", WHOLE)
def test_every_number_of_what_is_seen_between_features_and_answers_is_told(module: str) -> None:
    text = (PAGE.parents[1] / "src" / "ruleout" / f"{module}.py").read_text(encoding="utf-8")
    held = re.findall(r"^(_?[A-Z][A-Z_]+)(?:: \w+)? = -?[0-9][0-9_.e]*$", text, re.MULTILINE)
    room, _, name = module.rpartition("/")
    assert sorted(set(held) - {constant for _, r, m, constant in ROWS if (r, m) == (f"{room}/", name)}) == []


def test_every_file_it_names_exists() -> None:
    source = PAGE.parents[1] / "src" / "ruleout"
    named = re.findall(r"`((?:\w+/)+\w+\.\w+)`", PAGE.read_text(encoding="utf-8"))
    assert named and not [name for name in named if not (source / name).exists()]


def test_every_situation_is_told() -> None:
    from typing import get_args

    from ruleout.problem.situation import Situation

    table = PAGE.read_text(encoding="utf-8").split("## The walk")[0]
    assert [name for name in get_args(Situation) if f"| `{name}` |" not in table] == []


def test_the_family_of_candidates_is_wrong_one_time_in_twenty() -> None:
    from ruleout.examination.depth import FAMILY_Z, MOST_CANDIDATES
    from ruleout.statistics.difference import normal_sf

    assert MOST_CANDIDATES * normal_sf(FAMILY_Z) == pytest.approx(0.05, abs=0.001)
