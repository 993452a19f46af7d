"""A table of broken cases: each is one sentence that names the file, the field, what was given and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ruleout.case import read_case
from ruleout.errors import CaseError, FieldError, RuleoutError, TableError

Break = Callable[[Path], None]


def edit(was: str, now: str) -> Break:
    """Change the text of case.toml."""

    def change(folder: Path) -> None:
        file = folder / "case.toml"
        text = file.read_text()
        assert was in text
        file.write_text(text.replace(was, now, 1))

    return change


def write(path: str, content: str | bytes) -> Break:
    def change(folder: Path) -> None:
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def add(name: str, path: str, content: str | bytes) -> Break:
    """Name another file in [current], in place of the one for that field, and write it."""

    def change(folder: Path) -> None:
        import re

        file = folder / "case.toml"
        head, tail = file.read_text().split("[current]")
        tail = re.sub(rf"\n{name} = [^\n]+", f'\n{name} = "{path}"', tail, count=1)
        file.write_text(head + "[current]" + tail)
        write(path, content)(folder)

    return change


def as_folder(path: str) -> Break:
    def change(folder: Path) -> None:
        (folder / path).unlink()
        (folder / path).mkdir()

    return change


def remove(path: str) -> Break:
    def change(folder: Path) -> None:
        (folder / path).unlink()

    return change


def truncate(folder: Path) -> None:
    file = folder / "current/train.parquet"
    file.write_bytes(file.read_bytes()[:-200])


def no_code(folder: Path) -> None:
    (folder / "current/code/features.py").unlink()


def empty_tables_only(folder: Path) -> None:
    none = pq.read_table(folder / "current/train.parquet").slice(0, 0)
    pq.write_table(none, folder / "current/train.parquet")
    (folder / "case.toml").write_text('[case]\ntarget = "defaulted"\n[current]\ntrain = "current/train.parquet"\n')


def factors(lines: str, run: str = 'measure = "python run.py --lr {lr} --seed {seed}"') -> Break:
    return write("case.toml", f'[case]\nmetric = "accuracy"\n[factors]\n{lines}\n[run]\n{run}\n')


LATIN = '{"région": 1}'.encode("latin-1")

BROKEN: dict[str, tuple[Break, type[RuleoutError], tuple[str, ...]]] = {
    # the file itself
    "no-toml-syntax": (edit('symptom = "val', "symptom = val"), CaseError, ("case.toml: not TOML", "line 3", "mend that line")),
    "toml-duplicate-key": (edit('target = "d', 'target = "x"\ntarget = "d'), CaseError, ("case.toml: not TOML", "line 7")),
    "toml-not-utf-8": (
        write("case.toml", b'[case]\ntitle = "caf\xe9"\n'),
        CaseError,
        ("case.toml: not UTF-8", "0xe9 in line 2", "save it as UTF-8"),
    ),
    "toml-empty": (write("case.toml", ""), CaseError, ("case.toml: the file is empty", "write it again")),
    "toml-no-current": (write("case.toml", "[case]\n"), CaseError, ("case.toml: no current side", "--current DIR")),
    "toml-empty-side": (write("case.toml", "[current]\n"), CaseError, ("case.toml [current]", "the section is empty", "train")),
    "unknown-section": (
        edit("[reference]", "[referense]"),
        FieldError,
        ("case.toml referense: no such field", 'Did you mean "reference"?'),
    ),
    "field-outside-section": (
        edit("[case]", 'target = "x"\n[case]'),
        FieldError,
        ("case.toml target", "outside every section", "[case] above it"),
    ),
    "side-file-outside-section": (edit("[case]", 'train = "x.csv"\n[case]'), FieldError, ("case.toml train", "write [current] above it")),
    # [case]
    "unknown-field": (
        edit("target =", "targit ="),
        FieldError,
        ("case.toml [case] targit: no such field", 'Did you mean "target"?', "correct or remove"),
    ),
    "trust-in-the-file": (edit("[case]", "[case]\ntrust = true"), FieldError, ("case.toml [case] trust", "cannot grant trust", "--trust")),
    "trust-in-run": (edit("[run]", "[run]\ntrusted = true"), FieldError, ("case.toml [run] trusted", "cannot grant trust", "--trust")),
    "title-number": (
        edit('"Loan default, March retraining"', "5"),
        FieldError,
        ("case.toml [case] title = 5", "expected text", "in quotes"),
    ),
    "symptom-list": (edit('"validation accuracy fell"', '["a"]'), FieldError, ('case.toml [case] symptom = ["a"]', "expected text")),
    "changed-misspelt": (
        edit('"retraining"', '"retrainig"'),
        FieldError,
        ('changed = "retrainig"', 'Did you mean "retraining"?', "deployment"),
    ),
    "task-misspelt": (
        edit('"classification"', '"clasification"'),
        FieldError,
        ('task = "clasification"', 'Did you mean "classification"?'),
    ),
    "task-number": (edit('"classification"', "1"), FieldError, ("case.toml [case] task = 1", "expected classification or regression")),
    "task-against-target": (
        edit('"classification"', '"regression"'),
        FieldError,
        ('task = "regression"', '"defaulted"', "text", "name another target"),
    ),
    "target-misspelt": (
        edit('"defaulted"', '"defaultd"'),
        FieldError,
        ('case.toml [case] target = "defaultd": current/train.parquet has no such column (7 columns). Did you mean "defaulted"?',),
    ),
    "target-unlike-any": (edit('"defaulted"', '"qqq"'), FieldError, ('target = "qqq"', "no such column", "Name one of application_id")),
    "target-list": (
        edit('"defaulted"', '["defaulted"]'),
        FieldError,
        ('target = ["defaulted"]', "expected the name of a column", "in quotes"),
    ),
    "target-empty": (edit('"defaulted"', '""'), FieldError, ('case.toml [case] target = ""', "cannot be empty", "take the field out")),
    "metric-misspelt": (edit('"accuracy"', '"acuracy"'), FieldError, ('metric = "acuracy"', 'Did you mean "accuracy"?', "module:function")),
    "metric-colloquial": (edit('"accuracy"', '"AUC"'), FieldError, ('metric = "AUC"', 'Did you mean "roc_auc"?')),
    "metric-number": (edit('"accuracy"', "0.5"), FieldError, ("case.toml [case] metric = 0.5", "expected the name of a scorer")),
    "positive-unknown": (
        edit('"yes"', '"yess"'),
        FieldError,
        ('positive = "yess"', 'Did you mean "yes"?', "reference/train.parquet", "Write one of"),
    ),
    "positive-list": (edit('"yes"', '["yes"]'), FieldError, ('positive = ["yes"]', "expected one value of the target")),
    "time-misspelt": (
        edit('"applied_at"', '"aplied_at"'),
        FieldError,
        ('time = "aplied_at"', "no such column", 'Did you mean "applied_at"?'),
    ),
    "entity-misspelt": (edit('"customer_id"', '"customerid"'), FieldError, ('entity = "customerid"', 'Did you mean "customer_id"?')),
    "key-misspelt": (edit('"application_id"', '"aplication_id"'), FieldError, ('key = "aplication_id"', 'Did you mean "application_id"?')),
    "key-is-target": (edit('"application_id"', '"defaulted"'), FieldError, ('key = "defaulted"', "is the target already", "name another")),
    "ignore-text": (edit('["note"]', '"note"'), FieldError, ('ignore = "note"', "expected a list of column names", 'ignore = ["note"]')),
    "ignore-unknown": (edit('["note"]', '["nota"]'), FieldError, ('ignore = ["nota"]', "no such column 'nota'", 'Did you mean "note"?')),
    "ignore-target": (edit('["note"]', '["defaulted"]'), FieldError, ('ignore = ["defaulted"]', "is the target", "take it out")),
    "direction": (edit("[case]", '[case]\ndirection = "up"'), FieldError, ('direction = "up"', "expected higher or lower")),
    "min-effect-negative": (edit("[case]", "[case]\nmin_effect = -1"), FieldError, ("min_effect = -1", "above 0", "0.02")),
    "min-effect-text": (edit("[case]", '[case]\nmin_effect = "2 %"'), FieldError, ('min_effect = "2 %"', "above 0")),
    # sides
    "side-number": (
        write("case.toml", "current = 3\n"),
        FieldError,
        ("case.toml current = 3", "expected a section [current]", "or a folder"),
    ),
    "side-folder-missing": (
        write("case.toml", 'current = "curent/"\n'),
        CaseError,
        ('case.toml current = "curent/"', "no such folder", "correct the path"),
    ),
    "side-folder-is-file": (
        write("case.toml", 'current = "case.toml"\n'),
        CaseError,
        ('current = "case.toml"', "is a file", "expected a folder"),
    ),
    "side-folder-unknown": (
        write("case.toml", 'current = "current/code"\n'),
        CaseError,
        ("the folder holds features.txt", "train.parquet", "rename them"),
    ),
    "unknown-side-field": (
        edit("history =", "histroy ="),
        FieldError,
        ("case.toml [current] histroy: no such field", 'Did you mean "history"?'),
    ),
    "file-number": (
        edit('"current/history.csv"', "7"),
        FieldError,
        ("case.toml [current] history = 7", "expected the path of a file", "in quotes"),
    ),
    "file-empty-name": (
        edit('"current/history.csv"', '""'),
        FieldError,
        ('case.toml [current] history = ""', "expected the path of a file"),
    ),
    # tables
    "train-missing": (
        remove("current/train.parquet"),
        FieldError,
        ('[current] train = "current/train.parquet"', "no such file", "correct the path"),
    ),
    "train-misnamed": (
        edit("current/train.parquet", "current/trian.parquet"),
        FieldError,
        ('[current] train = "current/trian.parquet"', 'Did you mean "train.parquet"?'),
    ),
    "train-folder-missing": (
        edit("current/train.parquet", "curent/train.parquet"),
        FieldError,
        ("no folder 'curent'", "relative to the folder"),
    ),
    "train-is-folder": (
        as_folder("current/train.parquet"),
        TableError,
        ('[current] train = "current/train.parquet"', "folder", "expected a file"),
    ),
    "train-truncated": (truncate, TableError, ('[current] train = "current/train.parquet"', "truncated", "again")),
    "train-junk": (
        write("current/train.parquet", b"\0\1\2junk" * 50),
        TableError,
        ('[current] train = "current/train.parquet"', "expected Parquet"),
    ),
    "validation-empty": (
        write("current/validation.csv", ""),
        TableError,
        ('[current] validation = "current/validation.csv"', "empty", "again"),
    ),
    "validation-binary": (
        write("current/validation.csv", b"PK\x03\x04\0\0"),
        TableError,
        ('validation = "current/validation.csv"', "expected CSV"),
    ),
    "glob-without-match": (
        edit("current/train.parquet", "current/part-*.parquet"),
        TableError,
        ('train = "current/part-*.parquet"', "no file matches"),
    ),
    "no-rows-at-all": (empty_tables_only, CaseError, ("current/train.parquet: 0 rows", "nothing else to examine", "add evidence")),
    # model
    "model-missing": (
        remove("current/model.joblib"),
        FieldError,
        ('[current] model = "current/model.joblib"', "no such file", "The folder holds"),
    ),
    # config
    "config-list": (
        write("current/config.json", "[1, 2]"),
        FieldError,
        ('[current] config = "current/config.json"', "a list of 2", "names and values"),
    ),
    "config-null": (
        write("current/config.json", "null"),
        FieldError,
        ('config = "current/config.json"', "nothing (null)", "names and values"),
    ),
    "config-broken": (
        write("current/config.json", '{"a": 1,\n "b" 2}'),
        FieldError,
        ('config = "current/config.json"', "not JSON at line 2, column 6"),
    ),
    "config-empty": (write("current/config.json", " \n"), FieldError, ('config = "current/config.json"', "the file is empty")),
    "config-latin": (write("current/config.json", LATIN), FieldError, ('config = "current/config.json"', "not UTF-8", "line 1")),
    "config-is-folder": (
        as_folder("current/config.json"),
        FieldError,
        ('config = "current/config.json"', "is a folder", "expected a file"),
    ),
    "config-suffix": (
        add("config", "current/c.ini", "[a]\nb=1"),
        FieldError,
        ('config = "current/c.ini"', ".ini given", ".json, .toml, .yaml"),
    ),
    "config-toml": (add("config", "current/c.toml", "a = 1\nb = \n"), FieldError, ('config = "current/c.toml"', "not TOML", "line 2")),
    "config-yaml": (
        add("config", "current/c.yaml", "a: 1\nb: [1\nc: 2"),
        FieldError,
        ('config = "current/c.yaml"', "not plain YAML", "line 3"),
    ),
    "config-yaml-date": (add("config", "current/c.yaml", "when: 2026-13-45"), FieldError, ("c.yaml", "not plain YAML", "month must be")),
    "config-long-number": (write("current/config.json", "9" * 5000), FieldError, ("config.json", "a number too long", "write it shorter")),
    "config-yaml-code": (
        add("config", "current/c.yaml", "a: !!python/object:os.system {}"),
        FieldError,
        ("c.yaml", "not plain YAML", "line 1"),
    ),
    # metrics
    "metrics-list": (
        write("current/metrics.json", "[0.8]"),
        FieldError,
        ('[current] metrics = "current/metrics.json"', "a list of 1", "accuracy"),
    ),
    "metrics-number": (write("current/metrics.json", "0.8"), FieldError, ('metrics = "current/metrics.json"', "float 0.8", "wrap it")),
    "metrics-broken": (
        write("current/metrics.json", '{"accuracy": '),
        FieldError,
        ('metrics = "current/metrics.json"', "not JSON", "line 1"),
    ),
    # history
    "history-ragged": (
        write("current/history.csv", "epoch,loss\n1,2\n2\n"),
        TableError,
        ('history = "current/history.csv" line 3', "1 values, expected 2"),
    ),
    "history-no-header": (
        write("current/history.csv", "1,0.5\n2,0.4\n"),
        TableError,
        ("history.csv", "line 1", "expected a header", "add one"),
    ),
    "history-twice": (write("current/history.csv", "epoch,epoch\n1,2\n"), TableError, ("history.csv", "'epoch' twice", "rename")),
    "history-binary": (write("current/history.csv", b"\0\xff\xfe"), FieldError, ("history.csv", "binary file", "expected UTF-8 text")),
    "history-jsonl": (add("history", "current/h.jsonl", '{"epoch": 1}\n{epoch: 2}\n'), FieldError, ("h.jsonl", "line 2", "not JSON")),
    "history-jsonl-number": (
        add("history", "current/h.jsonl", '{"epoch": 1}\n3\n'),
        TableError,
        ("h.jsonl", "row 2: 3 given", "expected an object"),
    ),
    "history-suffix": (
        add("history", "current/h.xlsx", "PK"),
        FieldError,
        ('history = "current/h.xlsx"', ".xlsx given", "expected .csv, .jsonl or events"),
    ),
    # environment
    "environment-prose": (
        write("current/requirements.txt", "numpy==2.4.0\nwe use the newest of everything\n"),
        FieldError,
        ('[current] environment = "current/requirements.txt" line 2', "'we use the newest of everything'", "expected name==version"),
    ),
    "environment-comments-only": (
        write("current/requirements.txt", "# nothing\n"),
        FieldError,
        ("requirements.txt", "names no package", "pip freeze"),
    ),
    "environment-binary": (write("current/requirements.txt", b"\x80\x04\0"), FieldError, ("requirements.txt", "binary file", "UTF-8")),
    "environment-json": (
        add("environment", "current/e.json", '{"packages": 3}'),
        FieldError,
        ("e.json", "packages = 3", "versions by name"),
    ),
    "environment-json-list": (add("environment", "current/e.json", "[1]"), FieldError, ("e.json", "entry 1: 1 given", '"name": "numpy"')),
    "environment-lock": (add("environment", "current/pylock.toml", "a = 1"), FieldError, ("pylock.toml", "no [[package]]", "lock file")),
    "environment-conda": (
        add("environment", "current/e.yml", "name: x"),
        FieldError,
        ("e.yml", "no list of dependencies", "conda env export"),
    ),
    # runlog
    "runlog-broken-line": (
        write("current/runlog.jsonl", '{"stage": "a"}\n\n{"stage": "b"\n'),
        FieldError,
        ('[current] runlog = "current/runlog.jsonl" line 3', '\'{"stage": "b"\'', "expected one object a line"),
    ),
    "runlog-number": (write("current/runlog.jsonl", "17\n"), FieldError, ("runlog.jsonl", "line 1: 17 given", "expected an object")),
    "runlog-empty": (write("current/runlog.jsonl", ""), FieldError, ("runlog.jsonl", "the file is empty")),
    # code
    "code-missing": (
        edit("current/code", "current/cod"),
        FieldError,
        ('[current] code = "current/cod"', "no such file", 'Did you mean "code"?'),
    ),
    "code-folder-empty": (no_code, FieldError, ('[current] code = "current/code"', "no source text", "name the folder")),
    "code-binary": (
        add("code", "current/model.joblib", b"\0\0"),
        FieldError,
        ('code = "current/model.joblib"', "binary file", "name the source file"),
    ),
    # [run] and [factors]
    "run-unknown": (edit("[run]\ntrain", "[run]\ntrian"), FieldError, ("case.toml [run] trian: no such field", 'Did you mean "train"?')),
    "run-list": (
        edit("[run]", '[run]\npredict = ["python"]'),
        FieldError,
        ('[run] predict = ["python"]', "expected a command line", "in quotes"),
    ),
    "run-text": (
        write("case.toml", "run = 1\n[current]\n"),
        FieldError,
        ("case.toml run = 1", "expected a section"),
    ),
    "run-placeholder": (edit("{config}", "{confg}"), FieldError, ("[run] train", "nothing fills in {confg}", 'Did you mean "config"?')),
    "factors-one-value": (factors('lr = ["0.1"]'), FieldError, ('case.toml [factors] lr = ["0.1"]', "expected two values", "name = [")),
    "factors-text": (factors('lr = "0.1"'), FieldError, ('case.toml [factors] lr = "0.1"', "expected two values")),
    "factors-nested": (factors('lr = [["0.1"], "2"]'), FieldError, ("[factors] lr", "expected text or numbers")),
    "factors-name": (factors('"l r" = ["1", "2"]'), FieldError, ("[factors] l r", "cannot be a factor's name", "rename")),
    "factors-unmeasured": (
        factors('lr = ["1", "2"]', ""),
        FieldError,
        ("case.toml [factors]", "no command that measures", "[run] measure"),
    ),
    "factors-placeholder": (factors('rate = ["1", "2"]'), FieldError, ("[run] measure", "nothing fills in {lr}", "{rate}, {seed}")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_case_is_one_sentence(name: str, case_folder: Path) -> None:
    change, kind, parts = BROKEN[name]
    if name == "side-folder-unknown":
        (case_folder / "current/code/features.py").rename(case_folder / "current/code/features.txt")
    change(case_folder)
    with pytest.raises(kind) as caught:
        read_case(case_folder)
    sentence = str(caught.value)
    for part in parts:
        assert part in sentence
    assert str(case_folder) not in sentence, "the sentence says the path as the user wrote it"
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    assert caught.value.exit_code == 2


def test_there_are_many_broken_cases() -> None:
    assert len(BROKEN) >= 45


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("loans/no.toml", ("no.toml: no such file or folder", "Give a case.toml")),
        ("loans/case.tml", ("no such file", 'Did you mean "case.toml"?')),
        ("loans/current/code", ("code: the folder holds neither case.toml nor reference/ and current/", "ruleout new")),
    ],
)
def test_a_path_that_is_no_case(path: str, parts: tuple[str, ...], case_folder: Path) -> None:
    with pytest.raises(CaseError) as caught:
        read_case(case_folder.parent / path)
    for part in parts:
        assert part in str(caught.value)


def test_nothing_given() -> None:
    with pytest.raises(CaseError, match=r"no case given: no current side.*--current DIR"):
        read_case()


def test_a_reference_folder_that_is_not_there(case_folder: Path) -> None:
    with pytest.raises(CaseError, match=r"nowhere: no such folder, expected a folder"):
        read_case(current=case_folder / "current", reference="nowhere")


def test_a_keyword_is_not_blamed_on_the_file(case_folder: Path) -> None:
    with pytest.raises(FieldError) as caught:
        read_case(case_folder, target="defaultd")
    assert str(caught.value).startswith('target = "defaultd": current/train.parquet has no such column')


def test_a_metric_of_two_classes_on_three(case_folder: Path) -> None:
    edit('positive = "yes"\n', "")(case_folder)
    with pytest.raises(FieldError) as caught:
        read_case(case_folder, target="region", metric="f1")
    assert 'metric = "f1": it needs two classes, "region" has 3 in reference/train.parquet; write metric = "f1_macro".' in str(caught.value)
