from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ruleout.errors import ModelError, TrustRequired
from ruleout.models import child
from ruleout.models.artifact import Artifact
from ruleout.models.child import ChildModel, call_metric, shared_worker
from ruleout.models.model import Prediction
from ruleout.models.worker_metric import metric_function
from ruleout.tables.table import Table

Odd = Callable[..., ChildModel]


def test_a_model_in_the_child_answers_as_in_process(artifact: Artifact, pipeline: object, cancer: Table) -> None:
    there, here = artifact.open(), Artifact(estimator=pipeline).open()
    assert isinstance(there, ChildModel)
    one, other = there.predict(cancer), here.predict(cancer)
    assert one.prediction.tolist() == other.prediction.tolist()
    assert one.classes == other.classes == ("benign", "malignant")
    assert one.score is not None
    assert other.score is not None
    np.testing.assert_array_equal(one.score, other.score)
    assert there.describe() == here.describe()
    assert there.fingerprint == artifact.fingerprint


def test_a_refit_on_the_same_rows_is_the_same_model(artifact: Artifact, cancer: Table) -> None:
    model = artifact.open()
    again = model.refit(cancer, "diagnosis")
    np.testing.assert_array_equal(again.predict(cancer).score, model.predict(cancer).score)
    assert again.fingerprint != model.fingerprint
    assert again.fingerprint == model.refit(cancer, "diagnosis").fingerprint
    assert again.fingerprint != model.refit(cancer, "diagnosis", seed=1).fingerprint


def test_a_refit_takes_parameters_and_names_the_nearest_of_a_wrong_one(artifact: Artifact, cancer: Table) -> None:
    model = artifact.open()
    weak = model.refit(cancer, "diagnosis", parameters={"model__C": 1e-6})
    assert weak.describe().parameters["model__C"] == 1e-6
    assert set(weak.predict(cancer).prediction) == {"benign"}
    with pytest.raises(ModelError, match=r'no parameter \'model__c\' .*Did you mean "model__C"\?'):
        model.refit(cancer, "diagnosis", parameters={"model__c": 1})
    with pytest.raises(ModelError, match="must be numbers, texts or lists"):
        model.refit(cancer, "diagnosis", parameters={"model__C": object()})


def test_a_table_is_sent_once(artifact: Artifact, cancer: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    model = artifact.open()
    table = cancer.filter(np.arange(cancer.n_rows) % 2 == 0)
    sent: list[int] = []
    pack = child.wire.pack_table
    monkeypatch.setattr(child.wire, "pack_table", lambda arrow: sent.append(1) or pack(arrow))
    model.predict(table)
    model.predict(Table(table.arrow))
    assert len(sent) == 1


def test_a_table_that_had_to_make_room_is_sent_again(artifact: Artifact, cancer: Table) -> None:
    from ruleout.models.engines import open_artifact

    model = open_artifact(artifact, limits=child.Limits(tables=cancer.arrow.nbytes + 1))
    other = cancer.take(np.arange(cancer.n_rows)[::-1])
    first = model.predict(cancer).prediction
    model.predict(other)
    assert model.predict(cancer).prediction.tolist() == first.tolist()


def test_models_that_nobody_holds_are_dropped(artifact: Artifact, cancer: Table) -> None:
    model = artifact.open()
    assert isinstance(model, ChildModel)
    refit = model.refit(cancer, "diagnosis")
    handle = refit.handle
    assert handle in model.worker._live
    del refit
    model.predict(cancer)
    assert handle not in model.worker._live


def test_a_model_that_ends_the_process_is_an_error_and_the_next_question_is_answered(odd: Odd, cancer: Table) -> None:
    sane, bad = odd("none"), odd("exit")
    refit = sane.refit(cancer, "diagnosis")
    assert sane.worker is bad.worker
    with pytest.raises(
        ModelError,
        match=r"exit\.joblib: its prediction ended the child process \(exit code 3\); its last words: the last words of a model\.",
    ):
        bad.predict(cancer)
    assert set(sane.predict(cancer).prediction) == {"benign"}
    assert set(refit.predict(cancer).prediction) == {"benign"}


def test_a_model_that_leaves_by_exit_is_an_error(odd: Odd, cancer: Table) -> None:
    with pytest.raises(ModelError, match=r"SystemExit: 4\."):
        odd("sys.exit").predict(cancer)


def test_an_artifact_that_ends_the_process_on_loading_is_an_error(odd: Odd) -> None:
    with pytest.raises(ModelError, match=r"load\.joblib: its opening ended the child process \(exit code 5\)"):
        odd("load")


def test_a_model_that_hangs_is_ended(odd: Odd, cancer: Table) -> None:
    # Opened before it is timed: starting the process takes longer than the limit on a busy machine.
    model = odd("hang", seconds=20.0)
    model.worker.limits = child.Limits(seconds=0.3)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"its prediction took longer than 0\.3 seconds and was ended\."):
        model.predict(cancer)
    assert time.monotonic() - start < 5


def test_what_a_model_prints_is_no_answer(odd: Odd, cancer: Table) -> None:
    assert set(odd("print").predict(cancer).prediction) == {"benign"}


def test_junk_on_the_pipes_is_an_error(odd: Odd, cancer: Table) -> None:
    with pytest.raises(ModelError, match="answered with what is no answer"):
        odd("junk").predict(cancer)


def test_answers_in_the_wrong_shape_are_an_error(odd: Odd, cancer: Table) -> None:
    with pytest.raises(ModelError, match=r"predict of reference/train\.parquet answered in shape \(568,\), expected \(569,\)"):
        odd("shape").predict(cancer)


def test_too_much_memory_is_an_error(odd: Odd, cancer: Table) -> None:
    with pytest.raises(ModelError, match=r"(?i)memory"):
        odd("eat").predict(cancer)


def test_old_words_are_not_the_last_words(odd: Odd, cancer: Table) -> None:
    talks, dies = odd("print"), odd("exit")
    talks.predict(cancer)
    with pytest.raises(ModelError, match=r"its last words: the last words of a model\.$"):
        dies.predict(cancer)
    talks.predict(cancer)
    with pytest.raises(ModelError, match=r"\(exit code 5\)\.$"):
        odd("load")


SURROUNDINGS = """
import ctypes, os, socket, tempfile


def connect(truth, prediction):
    socket.create_connection(("127.0.0.1", 9), timeout=1)
    return 1.0


def look_up(truth, prediction):
    socket.getaddrinfo("localhost", 80)
    return 1.0


def others(truth, prediction):
    return float(len([line for line in open("/proc/net/dev") if ":" in line and not line.strip().startswith("lo:")]))


def scratch(truth, prediction):
    here = os.path.realpath(os.getcwd())
    return float(all(os.path.realpath(p) == here for p in (os.environ["HOME"], tempfile.gettempdir())))
"""


def test_the_child_has_no_network_and_keeps_its_files_in_a_scratch_folder(tmp_path: Path) -> None:
    (tmp_path / "surroundings_of_child.py").write_text(SURROUNDINGS)

    def evaluate(name: str) -> float:
        return call_metric(f"surroundings_of_child:{name}", np.zeros(2), np.zeros(2), folder=tmp_path, trusted=True)

    for name in ("connect", "look_up"):
        with pytest.raises(ModelError, match="PermissionError: an artifact's child process has no network"):
            evaluate(name)
    assert evaluate("scratch") == 1.0
    assert not (tmp_path / "__pycache__").exists(), "nothing is written beside the case's own code"
    if shutil.which("unshare") and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0:
        assert evaluate("others") == 0.0


def test_several_threads_may_ask(artifact: Artifact, cancer: Table) -> None:
    model = artifact.open()
    parts = [cancer.take(np.arange(start, start + 50)) for start in range(0, 400, 50)]
    expected = [model.predict(part).prediction.tolist() for part in parts]
    with ThreadPoolExecutor(4) as pool:
        assert [answer.prediction.tolist() for answer in pool.map(model.predict, parts)] == expected


def test_an_untrusted_metric_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("raise SystemError('it ran')")
    with pytest.raises(TrustRequired, match="--trust"):
        call_metric("score:cost", np.zeros(3), np.zeros(3), folder=tmp_path)


def test_a_metric_of_the_case_is_evaluated_in_the_child(tmp_path: Path) -> None:
    (tmp_path / "cost_of_case.py").write_text(
        "import os\n"
        "def cost(truth, prediction): return (truth != prediction).mean()\n"
        "def best(truth, prediction, score): return score.max()\n"
        "def pid(truth, prediction): return os.getpid()\n"
        "def text(truth, prediction): return 'high'\n"
    )
    truth, prediction = np.array(["a", "b", "b"], dtype=object), np.array(["a", "a", "b"], dtype=object)

    def evaluate(name: str) -> float:
        score = np.array([[0.5, 0.25], [0.75, 0.5], [0.0, 1.5]])
        return call_metric(f"cost_of_case:{name}", truth, prediction, score, folder=tmp_path, trusted=True)

    assert evaluate("cost") == pytest.approx(1 / 3)
    assert evaluate("best") == 1.5
    assert evaluate("pid") == shared_worker(search=(tmp_path.resolve(),))._process.pid  # type: ignore[union-attr]  # it runs
    with pytest.raises(ModelError, match="evaluating it failed: ValueError"):
        evaluate("text")
    with pytest.raises(ModelError, match="has no function 'costs'"):
        evaluate("costs")
    with pytest.raises(ModelError, match="numbers or text, not both"):
        call_metric("cost_of_case:cost", np.array([1, "a"], dtype=object), prediction, folder=tmp_path, trusted=True)
    best = metric_function("cost_of_case:best", tmp_path)
    assert best(truth[:2], Prediction(prediction[:2], np.array([[0.9, 0.1], [0.75, 0.25]]), ("a", "b"))) == 0.25
    with pytest.raises(ModelError, match="importing no_such_module failed"):
        call_metric("no_such_module:cost", truth, prediction, folder=tmp_path, trusted=True)
