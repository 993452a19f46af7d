"""The search over mixes: one package, two that add up, either of two, two together, and mixes that cannot be run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ruleout.environments.upgrades import Upgrades, bundled
from ruleout.errors import BudgetSpent, InstallError


def searched(n: int, value: Callable[[set[str]], float], refused: Callable[[set[str]], bool] = lambda _: False) -> tuple[Upgrades, int]:
    """The finished search over p0 to p(n-1), and how many mixes it asked for besides the two sides."""
    asked: set[tuple[str, ...]] = set()

    def measure(mix: tuple[str, ...], seed: int) -> float:
        asked.add(mix)
        if refused(set(mix)):
            raise InstallError("no such mix")
        return value(set(mix))

    found = Upgrades(tuple(f"p{at}" for at in range(n)), min_effect=0.02)
    for _ in found.turns(measure):
        pass
    return found, len(asked) - 2


@pytest.mark.parametrize(("n", "guilty", "most"), [(1, 0, 0), (2, 1, 2), (3, 0, 6), (6, 5, 9), (12, 11, 16), (40, 0, 9), (40, 39, 24)])
def test_one_package_is_told_among_many(n: int, guilty: int, most: int) -> None:
    found, mixes = searched(n, lambda on: 0.9 - 0.1 * (f"p{guilty}" in on))
    assert (found.structure, found.harms, found.told_apart) == ("single", (f"p{guilty}",), True)
    assert mixes <= most


@pytest.mark.parametrize("n", [3, 6, 12, 40])
def test_how_two_act_together_is_told(n: int) -> None:
    one, two = "p1", f"p{n - 1}"
    for structure, value in (
        ("conjoint", lambda on: 0.9 - 0.1 * (one in on and two in on)),
        ("redundant", lambda on: 0.9 - 0.1 * (one in on or two in on)),
        ("additive", lambda on: 0.9 - 0.1 * (one in on) - 0.06 * (two in on)),
    ):
        found, mixes = searched(n, value)
        assert (found.structure, found.harms, found.told_apart) == (structure, (one, two), True)
        assert mixes <= 24


def test_nothing_is_accused_where_no_mix_differs() -> None:
    found, _ = searched(5, lambda on: 0.9)
    assert found.harms == ()


@pytest.mark.parametrize("n", [3, 6, 12])
def test_packages_that_only_come_together_are_not_told_apart(n: int) -> None:
    one, two = "p1", f"p{n - 1}"
    found, mixes = searched(n, lambda on: 0.9 - 0.1 * (one in on), lambda on: (one in on) != (two in on))
    assert found.harms == (one, two)
    assert not found.told_apart
    assert found.untested
    assert all((one in mix) != (two in mix) for mix in found.untested)
    assert mixes <= 25


def test_a_package_that_needs_another_is_proved_by_putting_it_back_alone() -> None:
    found, _ = searched(6, lambda on: 0.9 - 0.1 * ("p1" in on), lambda on: "p1" in on and "p5" not in on)
    assert (found.harms, found.told_apart) == (("p1",), True)
    assert ("p0", "p2", "p3", "p4", "p5") in found.measured


def test_a_failure_is_never_a_measurement() -> None:
    found, _ = searched(4, lambda on: 0.9 - 0.1 * ("p2" in on), lambda on: "p3" in on and len(on) < 4)
    assert not set(found.untested) & set(found.measured)
    assert all("p3" in mix for mix in found.untested)


def test_a_spent_budget_ends_the_search() -> None:
    def measure(mix: tuple[str, ...], seed: int) -> float:
        raise BudgetSpent("spent")

    with pytest.raises(BudgetSpent):
        list(Upgrades(("a", "b"), 0.02).turns(measure))


def test_bundles_keep_the_most_suspect_alone() -> None:
    names = [str(k) for k in range(20)]
    found = bundled(names, 6)
    assert [len(b) for b in found[:3]] == [1, 1, 1]
    assert len(found) == 6
    assert [p for bundle in found for p in bundle] == names
    assert bundled(names[:6], 6) == tuple((p,) for p in names[:6])
