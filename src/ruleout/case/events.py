"""A training history out of TensorBoard event files: their scalars, one row a step."""

from __future__ import annotations

import importlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruleout.case.text import LARGEST_BYTES, present
from ruleout.errors import FieldError, TableError

__all__ = ["holds_events", "read_events"]

MARK = "tfevents"
MESSAGES = ("tensorboardX.proto.event_pb2", "tensorboard.compat.proto.event_pb2")
"""Where the format's messages are generated, the smaller package first."""

FLOAT, DOUBLE = 1, 2


def holds_events(path: Path) -> bool:
    """Whether a path is an event file, or a folder with one in it or below."""
    return MARK in path.name if not path.is_dir() else next(path.rglob(f"*{MARK}*"), None) is not None


def read_events(path: Path, said: str) -> dict[str, list[Any]]:
    """Every scalar by its tag, and `step`: columns of equal length, null where a tag was not written at a step.

    Parameters
    ----------
    path
        One event file, or the folder of a run: the files in it are one run, told one after the other. Where they lie in several
        folders (`train/`, `validation/`), the folder is a part of the column's name.

    Raises
    ------
    FieldError, TableError
        The package that reads the format is not installed, a file is none of this format, or there are no scalars in it.
    """
    files = [present(path, said)] if path.is_file() else sorted(f for f in path.rglob(f"*{MARK}*") if f.is_file())
    event = _message(said)
    apart = len({f.parent for f in files}) > 1
    rows: dict[int, dict[str, float]] = {}
    for file in files:
        above = f"{file.parent.relative_to(path).as_posix()}/".removeprefix("./") if apart else ""
        for step, tag, number in _scalars(file, event, said):
            rows.setdefault(step, {})[above + tag] = number
    if not rows:
        raise TableError(f"{said}: no scalars in it, expected curves such as loss; name the folder of the run.")
    tags = dict.fromkeys(tag for step in sorted(rows) for tag in rows[step])
    columns: dict[str, list[Any]] = {"step": sorted(rows)}
    columns |= {tag: [rows[step].get(tag) for step in sorted(rows)] for tag in tags}
    return columns


def _message(said: str) -> Any:
    for name in MESSAGES:
        try:
            return importlib.import_module(name).Event
        except ImportError:
            continue
    raise FieldError(
        f'{said}: an event file, which needs the extra "tensorboard"; pip install "ruleout[tensorboard]", or export it as .csv.'
    )


def _scalars(path: Path, message: Any, said: str) -> Iterator[tuple[int, str, float]]:
    """Step, tag and number of every scalar in a file, in the order in which they were written."""
    for number, record in enumerate(_records(path, said)):
        event = message()
        try:
            event.ParseFromString(record)
        except Exception as error:  # each version of protobuf raises a class of its own
            raise TableError(f"{said}: record {number + 1} of {path.name} is damaged; export the curves as .csv.") from error
        for value in event.summary.value:
            found = _number(value)
            if found is not None:
                yield int(event.step), str(value.tag), found


def _records(path: Path, said: str) -> Iterator[bytes]:
    """The records of a file: length, checksum, bytes, checksum; one that is cut short ends a run that was killed."""
    if path.stat().st_size > LARGEST_BYTES:
        raise TableError(f"{said}: {path.stat().st_size / 2**20:,.0f} MiB, expected at most {LARGEST_BYTES // 2**20}; export it as .csv.")
    raw, at = path.read_bytes(), 0
    while at + 12 <= len(raw):
        (length,) = struct.unpack_from("<Q", raw, at)
        if at == 0 and b"brain.Event:" not in raw[12 : 12 + min(length, 64)]:
            raise TableError(f"{said}: {path.name} does not begin as an event file does; name the file that the training wrote.")
        if at + 12 + length > len(raw):
            return
        yield raw[at + 12 : at + 12 + length]
        at += 16 + length


def _number(value: Any) -> float | None:
    """A summary's value as a number, be it written as a scalar or as a tensor of one; None for histograms, images and texts."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or value.tensor.dtype not in (FLOAT, DOUBLE):
        return None
    tensor = value.tensor
    if math.prod(d.size for d in tensor.tensor_shape.dim) != 1:
        return None
    single = tensor.dtype == FLOAT
    if tensor.tensor_content:
        return float(struct.unpack("<f" if single else "<d", tensor.tensor_content)[0])
    numbers = tensor.float_val if single else tensor.double_val
    return float(numbers[0]) if len(numbers) else 0.0
