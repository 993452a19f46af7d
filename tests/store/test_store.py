"""The store: whole after a kill, bounded, shared by several writers, silent where it cannot be, and closed to strangers."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ruleout.models.kept import artifact_bytes, artifact_from, prediction_bytes, prediction_from
from ruleout.models.model import Prediction
from ruleout.store import Store, command_key, key_of

WRITER = """
import sys
from pathlib import Path
from ruleout.store import Store
store, n = Store(Path(sys.argv[1])), 0
while True:
    store.put(f"{sys.argv[2]}-{n}", b"x" * 1000)
    n += 1
    print(n, flush=True)
"""


def test_what_is_kept_is_there_again_and_nothing_else(tmp_path: Path) -> None:
    Store(tmp_path).put("a", b"one")
    assert Store(tmp_path).get("a") == b"one"
    assert Store(tmp_path).get("b") is None
    assert Store(None).get("a") is None


def test_what_was_kept_before_a_kill_is_whole(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "k"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 50:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store = Store(tmp_path)
    assert all(store.get(f"k-{n}") == b"x" * 1000 for n in range(50))
    store.put("after", b"it goes on")
    assert store.get("after") == b"it goes on"


def test_several_may_write_at_once(tmp_path: Path) -> None:
    stores = [Store(tmp_path) for _ in range(4)]

    def write(number: int) -> None:
        for n in range(30):
            stores[number].put(f"{number}-{n}", bytes([number]) * 2000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(Store(tmp_path).get(f"{number}-{n}") == bytes([number]) * 2000 for number in range(4) for n in range(30))


def test_what_was_not_asked_for_the_longest_time_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ruleout.store.store.time.time", lambda: now[0])
    store = Store(tmp_path, most_bytes=10_000)
    for n in range(9):
        now[0] += 100
        store.put(str(n), b"x" * 1000)
    now[0] += 100
    assert store.get("0") is not None
    for n in range(9, 12):
        now[0] += 100
        store.put(str(n), b"x" * 1000)
    assert store.get("0") is not None, "it was asked for"
    assert store.get("1") is None and store.get("11") is not None
    store.put("huge", b"x" * 5000)
    assert store.get("huge") is None


def test_a_place_that_cannot_be_written_to_keeps_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file" / "below")
    store.put("a", b"one")
    assert store.get("a") is None


def test_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "results-1.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    (tmp_path / "results-1.sqlite").chmod(0o600)
    store = Store(tmp_path)
    store.put("a", b"one")
    assert Store(tmp_path).get("a") == b"one"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_what_others_could_have_written_is_not_read(tmp_path: Path) -> None:
    Store(tmp_path).put("a", b"one")
    assert (tmp_path / "results-1.sqlite").stat().st_mode & 0o077 == 0, "nobody else can read it either"
    (tmp_path / "results-1.sqlite").chmod(0o666)
    store = Store(tmp_path)
    assert store.get("a") is None
    assert "written by others" in store.closed


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploded",)


def test_nothing_that_is_kept_is_ever_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path)
    store.put("a", pickle.dumps(Bomb()))
    assert prediction_from(store.get("a"), 3) is None
    assert store.get_json("a") is None
    objects = np.empty(1, dtype=object)
    objects[0] = Bomb()
    with pytest.raises(Exception):  # noqa: B017 - whatever refuses it
        prediction_bytes(Prediction(objects))
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    "answer",
    [
        Prediction(np.array([1.5, np.nan, -2.0])),
        Prediction(np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), (0, 1)),
        Prediction(np.array(["yes", "no", "yes"], dtype=object), np.array([0.9, 0.1, 0.7]), ("no", "yes")),
    ],
    ids=["numbers", "codes", "names"],
)
def test_answers_come_back_as_they_were(answer: Prediction) -> None:
    back = prediction_from(prediction_bytes(answer, {"seconds": 1.5}), 3)
    assert back is not None and back[1] == {"seconds": 1.5}
    assert np.array_equal(back[0].prediction, answer.prediction, equal_nan=answer.prediction.dtype.kind == "f")
    assert back[0].prediction.dtype == answer.prediction.dtype and back[0].classes == answer.classes
    assert (back[0].score is None) == (answer.score is None)
    assert answer.score is None or np.array_equal(back[0].score, answer.score)
    assert prediction_from(prediction_bytes(answer), 4) is None, "answers for other rows"
    assert prediction_from(prediction_bytes(answer)[:-3], 3) is None, "cut off"


def test_artifacts_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x00weights")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "a.txt").write_text("a")
    (tmp_path / "back").mkdir()
    for name in ("model.bin", "folder"):
        held = artifact_bytes(tmp_path / name)
        assert artifact_from(held, tmp_path / "back" / name)
    assert (tmp_path / "back" / "model.bin").read_bytes() == b"\x00weights"
    assert (tmp_path / "back" / "folder" / "deep" / "a.txt").read_text() == "a"
    assert not artifact_from(b"no archive", tmp_path / "back" / "other")


def test_a_command_is_what_it_names_and_the_code_beside_it(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for name, text in (("train.py", "a"), ("lib/steps.py", "b"), ("rows.csv", "c"), ("notes.txt", "d")):
        (tmp_path / name).write_text(text)
    keys = [command_key("python train.py rows.csv {train}", tmp_path)]
    (tmp_path / "notes.txt").write_text("nothing names it")
    assert command_key("python train.py rows.csv {train}", tmp_path) == keys[0]
    for name in ("train.py", "lib/steps.py", "rows.csv"):
        (tmp_path / name).write_text("other")
        keys.append(command_key("python train.py rows.csv {train}", tmp_path))
    keys.append(command_key("python train.py rows.csv {train} --fast", tmp_path))
    assert len(set(keys)) == 5
    assert key_of("a", 1, None) != key_of("a", None, 1)


def test_the_file_is_an_ordinary_database(tmp_path: Path) -> None:
    Store(tmp_path).put("a", b"one")
    with sqlite3.connect(tmp_path / "results-1.sqlite") as base:
        assert base.execute("SELECT key, size FROM kept").fetchall() == [("a", 3)]
        assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)
