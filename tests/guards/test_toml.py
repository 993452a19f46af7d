from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleout.guards import NAMES, Guard, read_guards, write_guards
from ruleout.guards.subject import GuardError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8).filter(lambda k: k != "null"), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=20), st.sampled_from(NAMES), st.dictionaries(st.text(max_size=8), VALUES, max_size=4), st.text(max_size=40))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, place: str, check: str, parameters: dict, said: str
) -> None:  # type: ignore[type-arg]
    guard = Guard("data.drift", place, check, "train", parameters, said)
    folder = tmp_path_factory.mktemp("guards")
    assert read_guards(write_guards([guard], folder)[0]) == (guard,)


def test_files_are_named_after_cause_and_place_and_never_overwrite_each_other(tmp_path: Path) -> None:
    guard = Guard("data.drift", "train.x y/z", "min_rows", "train", {"at_least": 3})
    first, second = write_guards([guard, guard], tmp_path / "new")
    assert (first.name, second.name) == ("data.drift-train.x-y-z.toml", "data.drift-train.x-y-z-2.toml")
    assert len(read_guards(tmp_path / "new")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guard = 3", "no [guard] table"),
        ("[guard", "is not TOML"),
        ('[guard]\ncause="a"\nplace="b"\ncheck="min_rows"\nsubject=3', "subject = 3: expected text"),
        ('[guard]\ncause="a"\nplace="b"\ncheck="min_row"\nsubject="train"', 'Did you mean "min_rows"'),
        ('[guard]\ncause="a"\nplace="b"\ncheck="min_rows"\nsubject="train"\nparameter={}', 'Did you mean "parameters"'),
        ('[guard]\ncause="a"\nplace="b"\ncheck="min_rows"\nsubject="train"\nparameters=3', "expected a table"),
        ('[guard]\nplace="b"\ncheck="min_rows"\nsubject="train"', "cause = None: expected text"),
    ],
)
def test_a_broken_file_says_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "guard.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GuardError) as caught:
        read_guards(path)
    assert said in str(caught.value) and "guard.toml" in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="cannot be read"):
        read_guards(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GuardError, match="cannot be read"):
        read_guards(tmp_path / "binary.toml")
