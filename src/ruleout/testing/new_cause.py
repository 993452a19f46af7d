"""python -m ruleout.testing.new_cause data.something: writes the files of a new cause, as far as they are the same for every cause.

What is written runs and is no page yet: nothing stands under the headings, the look finds nothing, the fault fits no system, and the
vocabulary's row does not say what went wrong. The laws name each of these.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ruleout.causes.page import HEADINGS
from ruleout.errors import RuleoutError

__all__ = ["new_cause"]

BUCKETS = ("data", "model", "pipeline")

EXTENSION = """
## Extension
Causes that came after the first vocabulary. Their ids are as stable.

| id | what went wrong | told apart from |
| --- | --- | --- |
"""

PAGE = '''"""The page of `{cause}`."""

from __future__ import annotations

from typing import ClassVar

from ruleout.case.case import Case
from ruleout.causes.page import Cause, Finding, Look
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["{name}"]


class {name}(Cause):
    """...

{headings}
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    cost: ClassVar[float] = 0.5

    def suspect(self, problem: Problem) -> Look:
        """Look where it could be; each place found is a `Finding`, and a look that finds none says its power and its n."""
        return Look()

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Put this one thing right and leave all else; None where the evidence does not say how."""
        return None

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Red on the broken side, green on the healthy one; the checks there are stand in `ruleout.guards.NAMES`."""
        return None
'''

FAULT = '''"""{title}."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.system import System


class {name}(Fault):
    """{title}, as it is broken on purpose; written from the vocabulary's row and not from the page."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Draw what is broken, where, and how far: `Plan(on_current(change), (place,), {{"size": size}})`."""
        raise Inapplicable(f"{{system.name}}: {cause} does not say yet how it breaks a system.")
'''

TEST = '''"""{cause}: its page is whole; it speaks on its own fault, is silent on health, and its repair brings the metric back."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ruleout import faults, testing
from ruleout.causes import page
from ruleout.problem.problem import Problem
from ruleout.problem.state import state_problem

PAGE = page("{cause}")
SYSTEMS = (("customers", "linear"), ("storms", "forest"))


@cache
def broken(number: int) -> tuple[faults.Broken, Problem]:
    system = faults.healthy_system(*SYSTEMS[number], seed=3, n_rows=1200)
    made = faults.fault("{cause}").inject(system, np.random.default_rng(5), "large")
    assert made.validated, f"{cause}: its fault does not move the metric: {{made.why}}"
    return made, state_problem(faults.as_case(made))


def test_the_page_is_whole() -> None:
    testing.page(PAGE)


def test_the_vocabulary_says_what_went_wrong() -> None:
    testing.vocabulary([PAGE.id()], Path(__file__).parents[{depth}] / "docs" / "causes.md")


@pytest.mark.parametrize("number", range(len(SYSTEMS)))
def test_it_speaks_on_its_own_fault_at_the_right_place(number: int) -> None:
    made, problem = broken(number)
    look = testing.pure(PAGE, problem)
    testing.speech(PAGE, look)
    testing.speaks(PAGE, look, made.truth.places[0])


@pytest.mark.parametrize("number", range(len(SYSTEMS)))
def test_putting_it_right_brings_the_metric_back(number: int) -> None:
    made, problem = broken(number)
    for finding in PAGE.suspect(problem).findings[:1]:
        testing.restores(PAGE, problem, finding)


@pytest.mark.parametrize("number", range(len(SYSTEMS)))
def test_its_guard_is_red_on_the_broken_side_and_green_on_the_healthy_one(number: int, tmp_path: Path) -> None:
    made, problem = broken(number)
    for finding in PAGE.suspect(problem).findings[:1]:
        testing.guarded(PAGE, problem, finding, tmp_path)


def test_it_is_silent_on_health() -> None:
    system = faults.healthy_system(*SYSTEMS[0], seed=4, n_rows=1200)
    made = faults.fault("healthy.another-sample").inject(system, np.random.default_rng(1))
    found = PAGE.suspect(state_problem(faults.as_case(made))).findings
    assert not [f for f in found if f.evidence > 2], found
'''


def new_cause(cause: str, root: Path) -> tuple[Path, ...]:
    """Write the page, the fault, the test and the vocabulary's row of a new cause; returns the files, the page first.

    Parameters
    ----------
    cause
        Its id: `data.something-new`.
    root
        The checkout: where `src/ruleout`, `tests` and `docs` lie.

    Raises
    ------
    RuleoutError
        The id is none, the cause is there already, or `root` is no checkout. Then nothing is written.
    """
    if not re.fullmatch(r"(data|model|pipeline)\.[a-z][a-z0-9]*(-[a-z0-9]+)*", cause):
        raise RuleoutError(
            f"{cause!r} is no cause's id: expected a bucket ({', '.join(BUCKETS)}), a dot and words with hyphens, as in data.unit-change."
        )
    bucket, words = cause.split(".")
    module, name = words.replace("-", "_"), "".join(part.capitalize() for part in words.split("-"))
    contract = root / "docs" / "causes.md"
    source = root / "src" / "ruleout"
    if not contract.is_file() or not (source / "causes" / bucket).is_dir():
        raise RuleoutError(f"{root}: expected a checkout of ruleout, with docs/causes.md and src/ruleout/causes/{bucket}; run it there.")
    page, fault = (source / room / bucket / f"{module}.py" for room in ("causes", "faults"))
    test = root / "tests" / "causes" / f"test_{module}.py"
    row, text = f"| `{cause}` |", contract.read_text(encoding="utf-8")
    there = [str(path.relative_to(root)) for path in (page, fault, test) if path.exists()] + (["docs/causes.md"] if row in text else [])
    if there:
        raise RuleoutError(f"{cause} is there already: {', '.join(there)}; choose another id, or take these away first.")
    headings = "\n\n".join(f"    {heading}\n    {'-' * len(heading)}\n    ..." for heading in HEADINGS)
    given = {"cause": cause, "name": name, "headings": headings, "title": words.replace("-", " ").capitalize(), "depth": 2}
    for path, template in ((page, PAGE), (fault, FAULT), (test, TEST)):
        path.write_text(template.format(**given), encoding="utf-8")
    extended = text if "\n## Extension\n" in text else text.rstrip("\n") + "\n" + EXTENSION
    contract.write_text(f"{extended.rstrip(chr(10))}\n{row}  |  |\n", encoding="utf-8")
    return page, fault, test, contract


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say what to do next; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ruleout.testing.new_cause", description=__doc__)
    parser.add_argument("cause", help="the id: data.something-new")
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: here)")
    options = parser.parse_args(arguments)
    try:
        written = new_cause(options.cause, options.root)
    except RuleoutError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    roles = (
        "the page: its docstring is the handbook",
        "what breaks a system in this way",
        "what it is held to",
        "its row in the vocabulary",
    )
    for path, role in zip(written, roles, strict=True):
        print(f"wrote {path}  ({role})")
    print(
        f"Now `pytest {written[2]}` says what is missing, and `pytest tests/testing -k {options.cause}` holds it to the laws of every page."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
