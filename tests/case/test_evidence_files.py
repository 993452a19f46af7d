"""Configurations, environments, histories and code, in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ruleout.case.code import read_code
from ruleout.case.config import read_config
from ruleout.case.environment import parse_requirements, read_environment
from ruleout.case.history import history_table, read_history
from ruleout.case.runlog import read_runlog
from ruleout.errors import FieldError

FREEZE = """\
# made by pip freeze
--index-url https://example.org/simple
-r other.txt
numpy==2.4.0
Scikit_Learn[extra, more] == 1.9.1 ; python_version < "3.14"
torch==2.9.0+cpu \\
    --hash=sha256:aa \\
    --hash=sha256:bb
pandas>=2.2,<4  # a comment
zope.interface
-e git+https://example.org/team/tool.git@abc123#egg=Our_Tool
mylib @ file:///wheels/mylib-0.3.1-py3-none-any.whl
other @ https://example.org/other.zip
./wheels/local_pkg-1.2-py3-none-any.whl
numpy==1.0
"""


def test_requirements_in_all_their_forms() -> None:
    assert parse_requirements(FREEZE, "r.txt").packages == {
        "local-pkg": "1.2",
        "mylib": "0.3.1",
        "numpy": "2.4.0",
        "other": "https://example.org/other.zip",
        "our-tool": "git+https://example.org/team/tool.git@abc123",
        "pandas": ">=2.2,<4",
        "scikit-learn": "1.9.1",
        "torch": "2.9.0+cpu",
        "zope-interface": "",
    }


@pytest.mark.parametrize(
    ("name", "text", "packages", "settings"),
    [
        (
            "environment.json",
            json.dumps({"python": "3.11.7", "device": "tpu", "packages": {"NumPy": "2.4.6", "a_b": "1"}}),
            {"numpy": "2.4.6", "a-b": "1"},
            {"python": "3.11.7", "device": "tpu"},
        ),
        ("list.json", json.dumps([{"name": "Jinja2", "version": "3.1"}]), {"jinja2": "3.1"}, {}),
        (
            "nested.json",
            json.dumps({"packages": [{"name": "x", "version": "1"}, "y==2"], "os": "linux"}),
            {"x": "1", "y": "2"},
            {"os": "linux"},
        ),
        (
            "flat.json",
            json.dumps({"numpy": "2.4.6", "python": "3.12", "device": "cpu"}),
            {"numpy": "2.4.6"},
            {"python": "3.12", "device": "cpu"},
        ),
        (
            "uv.lock",
            'requires-python = ">=3.11"\n[[package]]\nname = "click"\nversion = "8.1"\n'
            '[[package]]\nname = "me"\nversion = "0"\nsource = { editable = "." }\n',
            {"click": "8.1"},
            {"python": ">=3.11"},
        ),
        (
            "poetry.lock",
            '[[package]]\nname = "A.B"\nversion = "2"\n[metadata]\npython-versions = "^3.11"\n',
            {"a-b": "2"},
            {"python": "^3.11"},
        ),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "c"\nversion = "3"\n', {"c": "3"}, {}),
        (
            "Pipfile.lock",
            json.dumps({"_meta": {"requires": {"python_version": "3.11"}}, "default": {"d": {"version": "==4"}}, "develop": {"e": {}}}),
            {"d": "4", "e": ""},
            {"python": "3.11"},
        ),
        (
            "environment.yml",
            "name: x\ndependencies:\n - python=3.11\n - conda-forge::numpy=2.4.0=py311_0\n - scipy >=1.13\n - pip:\n   - torch==2.9\n",
            {"numpy": "2.4.0", "scipy": ">=1.13", "torch": "2.9"},
            {"python": "3.11"},
        ),
    ],
)
def test_environments(name: str, text: str, packages: dict[str, str], settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    found = read_environment(tmp_path / name, name)
    assert dict(found.packages) == packages
    assert dict(found.settings) == settings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"lr": 1e-3, "flag": true, "none": null, "model": {"depth": 3}, "names": ["a", "b"]}'),
        ("c.toml", 'lr = 1e-3\nflag = true\nnames = ["a", "b"]\n[model]\ndepth = 3\n'),
        ("c.yaml", "lr: 1e-3\nflag: true\nnone:\nmodel:\n  depth: 3\nnames: [a, b]\n"),
    ],
)
def test_configurations(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    config = read_config(tmp_path / name, name)
    assert config["lr"] == 0.001
    assert config["flag"] is True
    assert config.get("none") is None
    assert config["model"] == {"depth": 3}
    assert config["names"] == ["a", "b"]


def test_yaml_of_others_is_left_alone(tmp_path: Path) -> None:
    import yaml  # type: ignore[import-untyped]  # the distribution carries no types

    (tmp_path / "c.yml").write_text("lr: 1e-3\nwhen: e\nname: 1e-3x\n")
    assert read_config(tmp_path / "c.yml", "c") == {"lr": 0.001, "when": "e", "name": "1e-3x"}
    assert yaml.safe_load("lr: 1e-3") == {"lr": "1e-3"}


def test_a_history_keeps_what_diverged(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("epoch,loss,lr,note\n1,0.5,0.1,warm\n2,inf,,\n3,-inf,NA,x\n4,nan,1e-3,NaN\n")
    table = read_history(tmp_path / "h.csv", "h.csv")
    assert str(table.schema.field("epoch").type) == "int64"
    np.testing.assert_array_equal(table.numbers("loss"), [0.5, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(table.numbers("lr"), [0.1, np.nan, np.nan, 0.001])
    assert table.arrow.column("loss").null_count == 0
    assert table.arrow.column("lr").null_count == 2
    assert table.values("note").tolist() == ["warm", None, "x", "NaN"]


def test_histories_in_memory_and_in_json(tmp_path: Path) -> None:
    columns = history_table({"loss": [1.0, float("inf")], "epoch": [1, 2]}, "h")
    rows = history_table([{"loss": 1.0, "epoch": 1}, {"loss": float("inf"), "epoch": 2}], "h")
    assert columns.arrow.equals(rows.arrow)
    (tmp_path / "h.json").write_text('{"loss": [1.0, Infinity], "epoch": [1, 2]}')
    assert read_history(tmp_path / "h.json", "h").arrow.equals(columns.arrow)
    with pytest.raises(FieldError, match="unequal length"):
        history_table({"loss": [1.0], "epoch": [1, 2]}, "h")


def test_a_run_log_may_be_a_list(tmp_path: Path) -> None:
    (tmp_path / "runlog.json").write_text('[{"stage": "a"}, {"stage": "b", "rows_out": NaN}]')
    assert [stage["stage"] for stage in read_runlog(tmp_path / "runlog.json", "r")] == ["a", "b"]


def test_code_is_text_alone(tmp_path: Path) -> None:
    (tmp_path / "pkg/__pycache__").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("x")
    (tmp_path / "pkg/__pycache__/a.py").write_text("x")
    (tmp_path / "pkg/features.py").write_bytes(b"a = 1\r\nb = 2\r\n")
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    (tmp_path / "weights.bin").write_bytes(b"\0\1")
    (tmp_path / "data.csv").write_text("a,b\n")
    (tmp_path / "huge.py").write_text("x" * (2**20 + 1))
    code = read_code(tmp_path, "code")
    assert dict(code.files) == {"latin.py": "# café\n", "pkg/features.py": "a = 1\nb = 2\n"}
    assert dict(read_code(tmp_path / "latin.py", "code").files) == {"latin.py": "# café\n"}


def test_a_history_of_columns_of_unequal_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"epoch": [1, 2], "loss": [0.5]}', encoding="utf-8")
    with pytest.raises(FieldError, match="unequal length"):
        read_history(path, "history")
