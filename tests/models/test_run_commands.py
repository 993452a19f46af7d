from __future__ import annotations

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ruleout.errors import CommandError
from ruleout.models.command import fill, placeholders, run_predict, run_train
from ruleout.tables.table import Table

TRAIN = """
import json, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
start = open(arguments["--train"], "rb").read(4)
what = {"config": open(arguments["--config"]).read(), "format": "parquet" if start == b"PAR1" else "csv", "seed": arguments.get("--seed"),
        "folder": __import__("os").getcwd(), "python": sys.executable, "names": [arguments["--train"], arguments["--config"]]}
json.dump(what, open(arguments["--model"], "w"))
"""
COMMAND = "python train.py --train {train} --config {config} --model {model}"

PREDICT = """
import sys
model, data, out = sys.argv[1:4]
n = len(open(data).read().splitlines()) - 1
open(out, "w").write("prediction,score\\n" + "".join(f"{['no', 'yes'][i % 2]},{i / n}\\n" for i in range(n)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "a case's folder"
    inside.mkdir()
    (inside / "train.py").write_text(TRAIN)
    (inside / "predict.py").write_text(PREDICT)
    return inside


def test_train_runs_in_the_folder_with_this_python_and_the_seed(folder: Path, cancer: Table) -> None:
    path = run_train(
        COMMAND + " --seed {seed}", folder=folder, table=cancer, config={"C": 1.0, "hidden": [8]}, seed=7, scratch=folder / "out put"
    )
    told = json.loads(path.read_text())
    assert json.loads(told["config"]) == {"C": 1.0, "hidden": [8]}
    assert told["seed"] == "7"
    assert Path(told["folder"]) == folder
    assert told["format"] == "parquet"
    assert Path(told["python"]).parent == Path(sys.executable).parent
    assert path.is_relative_to(folder / "out put")


def test_formats_are_those_of_the_original(folder: Path, cancer: Table) -> None:
    table = Table(cancer.arrow, name="train", origin="current/train.csv")
    told = json.loads(run_train(COMMAND, folder=folder, table=table, config={"C": 1.0, "none": None}, config_format="toml").read_text())
    assert told["format"] == "csv"
    assert told["seed"] is None
    assert told["names"][0].endswith("train.csv")
    assert told["names"][1].endswith("config.toml")
    assert tomllib.loads(told["config"]) == {"C": 1.0}
    told = json.loads(run_train(COMMAND, folder=folder, table=table, config={"C": [1, 2]}, config_format="yaml").read_text())
    assert told["config"] == "C:\n- 1\n- 2\n"


def test_predict_reads_predictions_and_scores(folder: Path, cancer: Table) -> None:
    table = Table(cancer.arrow, name="validation", origin="validation.csv").take(np.arange(10))
    command = "python predict.py {model} {data} {predictions}"
    answer = run_predict(command, folder=folder, model=folder / "model.joblib", table=table)
    assert answer.prediction.tolist() == ["no", "yes"] * 5
    assert answer.score is not None
    np.testing.assert_allclose(answer.score, np.arange(10) / 10)
    (folder / "predict.py").write_text(PREDICT.replace("range(n))", "range(n - 1))"))
    with pytest.raises(CommandError, match=r"has 9 rows, expected 10 as in validation\.csv"):
        run_predict(command, folder=folder, model=folder / "model.joblib", table=table)
    (folder / "predict.py").write_text(PREDICT.replace("prediction,", "predictions,"))
    with pytest.raises(CommandError, match=r"no column 'prediction' \(it has predictions, score\)\. Did you mean \"predictions\"\?"):
        run_predict(command, folder=folder, model=folder / "model.joblib", table=table)


def test_placeholders_are_quoted_and_unknown_ones_are_errors() -> None:
    assert placeholders("a {train} {seed} {train} {{x}}") == ("train", "seed")
    assert fill("a {train} {{x}}", {"train": "a; rm 'b'"}, field="train") == "a 'a; rm '\"'\"'b'\"'\"'' {x}"
    with pytest.raises(CommandError, match=r"\{trian\} is no placeholder, expected \{train\}\. Did you mean \"train\"\?"):
        fill("a {trian}", {"train": "x"}, field="train")
    with pytest.raises(CommandError, match=r"nothing to put in \{config\} here; train can name \{train\}"):
        fill("a {config}", {"train": "x"}, field="train")


def test_failures_are_told_with_their_code_and_last_words(folder: Path, cancer: Table) -> None:
    def train(text: str, **options: float) -> None:
        (folder / "train.py").write_text(text)
        run_train(COMMAND, folder=folder, table=cancer, config={}, **options)  # type: ignore[arg-type]  # timeout alone is given

    with pytest.raises(CommandError, match=r"failed with exit code 1; its last words: .*ValueError: no such column\."):
        train("raise ValueError('no such column')")
    with pytest.raises(CommandError, match=r"failed with exit code 3\."):
        train("raise SystemExit(3)")
    with pytest.raises(CommandError, match=r"wrote nothing to \{model\}"):
        train("")
    with pytest.raises(CommandError, match=r"what it wrote to \{model\} is empty"):
        train("import sys; open(sys.argv[6], 'w').close()")
    with pytest.raises(CommandError, match=r"case\.toml .run. train = .*it cannot be started"):
        run_train(COMMAND, folder=folder / "missing", table=cancer, config={})


def test_what_takes_too_long_is_ended_with_all_that_it_started(folder: Path, cancer: Table) -> None:
    mark = folder / "alive"
    child = f"import time; time.sleep(1.5); open({str(mark)!r}, 'w')"
    (folder / "train.py").write_text(f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)")
    start = time.monotonic()
    with pytest.raises(CommandError, match=r"took longer than 0\.5 seconds and was ended"):
        run_train(COMMAND, folder=folder, table=cancer, config={}, timeout=0.5)
    assert time.monotonic() - start < 5
    time.sleep(1.8)
    assert not mark.exists()
