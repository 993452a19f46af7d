"""What is to be installed for what was recorded, and what a mix of two environments holds."""

from __future__ import annotations

from ruleout.case.environment import Environment, parse_requirements
from ruleout.environments.requirements import differing, mixed, requirements_of

WAS = Environment({"numpy": "1.26.4", "pandas": "2.2.3", "gone": "1.0", "same": "3.1"}, {"python": "3.11.7"})
NOW = Environment({"numpy": "2.1.0", "pandas": "2.2.3", "same": "3.1", "new": "0.1"}, {"python": "3.12.1"})


def test_versions_ranges_addresses_and_folders() -> None:
    text = "numpy==1.26.4\nscipy>=1.10,<2\nrequests\nkit @ git+https://example.org/kit@abc\n-e ./mine\nruleout==0.1.0\n"
    found = requirements_of(parse_requirements(text, "requirements.txt"))
    assert found.lines == ("kit @ git+https://example.org/kit@abc", "numpy==1.26.4", "requests", "scipy>=1.10,<2")
    assert found.left_out == ("mine",)
    assert found.python is None


def test_a_range_of_python_is_its_lower_end() -> None:
    assert requirements_of(Environment({}, {"python": ">=3.10,<3.13"})).python == "3.10"
    assert requirements_of(WAS).python == "3.11.7"


def test_only_what_differs_is_named() -> None:
    assert differing(WAS, NOW) == ("python", "gone", "new", "numpy")
    assert differing(WAS, WAS) == ()


def test_an_interpreter_that_one_side_did_not_record_is_no_difference() -> None:
    assert differing(WAS, Environment(WAS.packages, {})) == ()


def test_a_mix_takes_packages_away_that_its_side_had_not() -> None:
    assert mixed(WAS, NOW, ["gone"]).packages == {"numpy": "1.26.4", "pandas": "2.2.3", "same": "3.1"}
    assert mixed(WAS, NOW, ["new", "python"]).packages["new"] == "0.1"
    assert mixed(WAS, NOW, ["python"]).settings == {"python": "3.12.1"}


def test_the_corners_are_the_sides_themselves() -> None:
    assert mixed(WAS, NOW, differing(WAS, NOW)) is NOW
    assert mixed(WAS, NOW, []) is WAS
