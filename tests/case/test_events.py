"""TensorBoard event files as a history."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from ruleout.case.events import MESSAGES
from ruleout.case.history import read_history
from ruleout.case.read import read_case
from ruleout.errors import FieldError, TableError


def written(folder: Path, name: str, values: list[float]) -> Path:
    """A run's event file as the training program writes it."""
    module: Any = pytest.importorskip("tensorboardX", reason="the extra tensorboard is not installed")
    writer = module.SummaryWriter(str(folder))
    for step, value in enumerate(values):
        writer.add_scalar(name, value, step)
    writer.close()
    return next(folder.glob("*tfevents*"))


def test_scalars_become_columns(tmp_path: Path) -> None:
    history = read_history(written(tmp_path, "train/loss", [1.0, 0.5, math.inf]), "history")
    assert history.columns == ("step", "train/loss")
    assert history.numbers("train/loss").tolist() == [1.0, 0.5, math.inf]


def test_folders_of_one_run_are_told_apart_in_the_names(tmp_path: Path) -> None:
    written(tmp_path / "train", "epoch_loss", [1.0, 0.5])
    written(tmp_path / "validation", "epoch_loss", [1.1, 0.7])
    history = read_history(tmp_path, "history")
    assert set(history.columns) == {"step", "train/epoch_loss", "validation/epoch_loss"}


def test_a_tensor_of_one_number_is_a_scalar(tmp_path: Path) -> None:
    event: Any = pytest.importorskip(MESSAGES[0], reason="the extra tensorboard is not installed").Event()
    file = written(tmp_path, "loss", [1.0])
    event.step = 1
    value = event.summary.value.add(tag="loss")
    value.tensor.dtype = 1
    value.tensor.float_val.append(0.25)
    record = event.SerializeToString()
    file.write_bytes(file.read_bytes() + len(record).to_bytes(8, "little") + bytes(4) + record + bytes(4))
    assert read_history(file, "history").numbers("loss").tolist() == [1.0, 0.25]


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = written(tmp_path, "loss", [1.0, 0.5])
    file.write_bytes(file.read_bytes()[:-7])
    assert read_history(file, "history").numbers("loss").tolist() == [1.0]


def test_events_in_a_side_s_folder_are_its_history(tmp_path: Path) -> None:
    written(tmp_path / "current", "val_loss", [1.0, 0.5])
    (tmp_path / "case.toml").write_text('current = "current"\n', encoding="utf-8")
    case = read_case(tmp_path / "case.toml")
    assert case.current.history is not None and "val_loss" in case.current.history


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    pytest.importorskip(MESSAGES[0], reason="the extra tensorboard is not installed")
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(b"no event file at all")
    with pytest.raises(TableError, match="does not begin as an event file does"):
        read_history(file, "history")


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MESSAGES:
        monkeypatch.setitem(sys.modules, name, None)
    importlib.invalidate_caches()
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(b"\0" * 32)
    with pytest.raises(FieldError, match=r"ruleout\[tensorboard\]"):
        read_history(file, "history")
