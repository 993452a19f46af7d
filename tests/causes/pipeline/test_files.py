from __future__ import annotations

from ruleout.case.case import Code as Sources
from ruleout.case.case import Environment, Side
from ruleout.causes.functions import changed_functions, columns_changed
from ruleout.causes.pipeline.code import Code
from ruleout.causes.pipeline.dependency import Dependency
from ruleout.guards import check
from ruleout.models.model import Description
from tests.causes.stand_in import Laboratory, Model, artifact, labelled, problem

WAS = '''
def features(raw):
    """Make features."""
    out = raw.copy()
    local = out["at"]
    out["minute"] = local.dt.hour * 60
    out["size"] = out["a"] + 1  # plus one
    return out.assign(wide=out["a"] > 3)

def other(x):
    return x
'''
NOW = WAS.replace('local = out["at"]', 'local = out["at"].dt.tz_convert("UTC")').replace("> 3", ">= 3")


def test_comments_docstrings_and_layout_are_no_change() -> None:
    again = WAS.replace("# plus one", "").replace('"""Make features."""', '"""Otherwise told."""').replace("x\n", "x  # same\n")
    assert changed_functions({"f.py": WAS}, {"f.py": again}) == []
    assert columns_changed({"f.py": WAS}, {"g.py": again}) == []


def test_columns_whose_making_changed_are_named_through_local_names() -> None:
    assert columns_changed({"f.py": WAS}, {"f.py": NOW}) == ["minute", "wide"]
    assert [c.function for c in changed_functions({"f.py": WAS}, {"f.py": NOW})] == ["features"]


def test_changed_code_is_suspect_and_more_so_where_all_else_is_the_same() -> None:
    rows = labelled("train")
    alone = problem(Side(code=Sources({"f.py": WAS}), train=rows), Side(code=Sources({"f.py": NOW}), train=rows))
    beside = problem(Side(code=Sources({"f.py": WAS}), train=rows), Side(code=Sources({"f.py": NOW}), train=labelled("train", seed=5)))
    strong, weak = (Code().suspect(p).findings for p in (alone, beside))
    assert [f.place for f in strong] == ["minute", "wide", "code.f.py"]
    assert strong[0].evidence > weak[0].evidence
    guard = Code().guard(alone, strong[0])
    assert guard is not None and alone.case.reference is not None
    assert check(guard, alone.case.reference).green and not check(guard, alone.case.current).green


def test_code_without_columns_is_named_by_its_function_and_put_right_as_the_reference_made_it() -> None:
    was, now = Sources({"train.py": "def fit(x):\n    return x"}), Sources({"train.py": "def fit(x):\n    return x + 1"})
    given = problem(Side(code=was), Side(code=now))
    finding, file = Code().suspect(given).findings
    assert (finding.place, file.place) == ("code.fit", "code.train.py")
    assert Code().put_right(given.case, finding) is None
    made = problem(
        Side(code=was, model=artifact(), train=labelled("train")), Side(code=now, model=artifact(), train=labelled("train", seed=1))
    )
    right, wrong = Code().put_right(made.case, finding), Code().put_wrong(made.case, finding)
    assert right is not None and right.current.code is was and right.current.model is None
    assert wrong is not None and wrong.reference is not None and wrong.reference.code is now


def test_code_that_does_not_parse_counts_by_its_text() -> None:
    assert changed_functions({"q.sql": "select a"}, {"q.sql": "select b"})
    assert not changed_functions({"q.sql": "select a"}, {"q.sql": "select a"})


def sides(old: dict[str, str], new: dict[str, str], **now: object) -> tuple[Side, Side]:
    was = Side(environment=Environment(old), model=artifact(), config={"C": 1}, train=labelled("train"))
    return was, Side(environment=Environment(new), model=artifact(), config={"C": now.pop("C", 1)}, train=labelled("train", seed=1))


def models(lost: tuple[str, ...] = ()) -> Laboratory:
    columns = ["x", "colour", "size"]
    made = [Model(Description("given", "Given", fitted={"used": [c for c in columns if c not in out]})) for out in ((), lost)]
    return Laboratory({"reference": made[0], "current": made[1]})


def test_patches_alone_are_no_suspicion() -> None:
    look = Dependency().suspect(
        problem(*sides({"scipy": "1.17.0", "numpy": "2.4.6"}, {"scipy": "1.17.1", "numpy": "2.4.6"}), laboratory=models())
    )
    assert not look.findings and "patches" in look.statement


def test_an_artifact_made_otherwise_charges_the_package_that_touches_results_most() -> None:
    old = {"joblib": "1.5.3", "numpy": "2.4.0", "pandas": "2.2.3"}
    new = {"joblib": "2.0.0", "numpy": "2.4.1", "pandas": "3.1.1"}
    given = problem(*sides(old, new), laboratory=models(lost=("colour",)))
    look = Dependency().suspect(given)
    assert look.findings[0].place == "environment.pandas"
    assert look.findings[0].evidence > 3 and "colour" in look.findings[0].statement
    right = Dependency().put_right(given.case, look.findings[0])
    assert right is not None and right.current.model is None and right.current.environment is not None
    assert right.current.environment.packages == old
    guard = Dependency().guard(given, look.findings[0])
    assert guard is not None and given.case.reference is not None
    assert check(guard, given.case.reference).green and not check(guard, given.case.current).green


def test_a_setting_that_changed_explains_the_artifact_instead() -> None:
    given = problem(*sides({"pandas": "2.2.3"}, {"pandas": "3.1.1"}, C=5), laboratory=models(lost=("colour",)))
    (finding,) = Dependency().suspect(given).findings
    assert finding.evidence < 1


def test_equal_versions_rule_it_out() -> None:
    look = Dependency().suspect(problem(*sides({"pandas": "3.1.1"}, {"pandas": "3.1.1"}), laboratory=models()))
    assert not look.findings and look.power >= 0.9
