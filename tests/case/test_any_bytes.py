"""Whatever bytes a file of evidence holds, reading it gives a value or one sentence, never a traceback."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleout.case import read_case
from ruleout.case.given import read_field
from ruleout.errors import RuleoutError

FILES = [
    ("config", "config.json"),
    ("config", "config.toml"),
    ("config", "config.yaml"),
    ("metrics", "metrics.json"),
    ("history", "history.csv"),
    ("history", "history.json"),
    ("history", "history.jsonl"),
    ("environment", "requirements.txt"),
    ("environment", "environment.json"),
    ("environment", "environment.yml"),
    ("environment", "uv.lock"),
    ("runlog", "runlog.jsonl"),
    ("runlog", "runlog.json"),
    ("code", "code.py"),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)


def contents() -> st.SearchStrategy[bytes]:
    import json

    pieces = [
        "a",
        "1",
        ",",
        "\n",
        '"',
        "{",
        "}",
        "[",
        "]",
        "=",
        ":",
        "-",
        "#",
        " ",
        "nan",
        "packages",
        "[[package]]",
        "dependencies:",
        "name",
    ]
    names = ["packages", "package", "_meta", "default", "name", "version", "dependencies", "python", "stage", "loss", "requires"]
    mapping = st.dictionaries(st.sampled_from(names), JSON, max_size=3)
    return st.one_of(
        st.binary(max_size=30),
        st.lists(st.sampled_from(pieces), max_size=15).map(lambda parts: "".join(parts).encode()),
        st.one_of(JSON, mapping, st.lists(mapping, max_size=2)).map(lambda value: json.dumps(value).encode()),
    )


@pytest.mark.parametrize(("field", "name"), FILES)
@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_bytes(field: str, name: str, data: Any) -> None:
    content = data.draw(contents())
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            read_field(field, path, name)
        except RuleoutError as error:
            assert str(error).startswith(name)


@given(data=st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_case_toml(data: Any) -> None:
    import tomli_w

    fields = [
        "title",
        "target",
        "metric",
        "task",
        "changed",
        "positive",
        "ignore",
        "key",
        "min_effect",
        "trust",
        "train",
        "config",
        "lr",
        "measure",
    ]
    scalar = st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=4)
    value = scalar | st.lists(scalar, max_size=2) | st.dictionaries(st.text(max_size=3), scalar, max_size=2)
    section = scalar | st.dictionaries(st.sampled_from(fields), value, max_size=3)
    content = data.draw(st.dictionaries(st.sampled_from(["case", "reference", "current", "run", "factors"]), section, max_size=4))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "case.toml"
        path.write_text(tomli_w.dumps(content))
        try:
            read_case(path)
        except RuleoutError as error:
            assert str(error)
