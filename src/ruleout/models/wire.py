"""What passes between ruleout and its child process: a JSON header and Arrow payloads, in frames of known length.

Answers come from a process that has run a stranger's code, so they are read as data only and never unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ruleout.errors import ModelError
from ruleout.models.model import Description, Prediction

__all__ = [
    "BrokenFrameError",
    "MissingModuleError",
    "description_from_dict",
    "description_to_dict",
    "pack_prediction",
    "pack_table",
    "pack_values",
    "receive",
    "send",
    "unpack_prediction",
    "unpack_table",
    "unpack_values",
]

MAGIC = b"RULEOUT1"
LONGEST_HEADER = 1 << 28
LONGEST_PAYLOAD = 1 << 40


class MissingModuleError(ModelError):
    """An artifact needs a module that the child cannot import; `module` is its dotted name."""

    def __init__(self, message: str, module: str) -> None:
        super().__init__(message)
        self.module = module


class BrokenFrameError(Exception):
    """What was read is no frame: the other side died half-way, or wrote something else."""


def send(stream: BinaryIO, header: Mapping[str, Any], payloads: Sequence[bytes] = ()) -> None:
    """Write one frame: magic, length and text of the header, then length and bytes of each payload."""
    text = json.dumps({**header, "payloads": [len(p) for p in payloads]}).encode()
    stream.write(MAGIC + struct.pack("<Q", len(text)) + text)
    for payload in payloads:
        stream.write(payload)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]]:
    """Read one frame; raises `EOFError` where the other side has gone and `BrokenFrameError` where it wrote something else."""
    start = stream.read(len(MAGIC) + 8)
    if not start:
        raise EOFError
    if len(start) < len(MAGIC) + 8 or not start.startswith(MAGIC):
        raise BrokenFrameError(start[:40].decode("utf-8", "replace"))
    (length,) = struct.unpack("<Q", start[len(MAGIC) :])
    if length > LONGEST_HEADER:
        raise BrokenFrameError(f"a header of {length:,} bytes")
    try:
        header = json.loads(_exactly(stream, length))
        lengths = [int(n) for n in header.pop("payloads")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenFrameError(str(error)) from error
    if sum(lengths) > LONGEST_PAYLOAD or min(lengths, default=0) < 0:
        raise BrokenFrameError(f"payloads of {sum(lengths):,} bytes")
    return header, [_exactly(stream, n) for n in lengths]


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise BrokenFrameError(f"{len(data):,} bytes where {length:,} were announced")
    return data


def pack_table(table: pa.Table) -> bytes:
    """An Arrow table as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack_table(data: bytes) -> pa.Table:
    """The Arrow table that `pack_table` wrote."""
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


def pack_values(values: np.ndarray) -> bytes:
    """A one-dimensional array as bytes: numbers, booleans or text; raises `pa.ArrowInvalid` for mixed objects."""
    array = pa.array(values.tolist(), from_pandas=True) if values.dtype == object else pa.array(values)
    return pack_table(pa.table({"values": array}))


def unpack_values(data: bytes) -> np.ndarray:
    """The array that `pack_values` wrote; text comes as objects."""
    column = unpack_table(data).column("values")
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values


def pack_prediction(answer: Prediction) -> tuple[dict[str, Any], list[bytes]]:
    """A prediction as a header and payloads."""
    payloads = [pack_values(answer.prediction)]
    if answer.classes is not None:
        classes = np.empty(len(answer.classes), dtype=object)
        classes[:] = answer.classes
        payloads.append(pack_values(classes))
    if answer.score is not None:
        payloads.append(np.ascontiguousarray(answer.score, dtype=np.float64).tobytes())
    return {"classes": answer.classes is not None, "score": None if answer.score is None else list(answer.score.shape)}, payloads


def unpack_prediction(header: Mapping[str, Any], payloads: Sequence[bytes]) -> Prediction:
    """The prediction that `pack_prediction` wrote; raises `BrokenFrameError` where its parts do not fit together."""
    rest = list(payloads)
    try:
        prediction = unpack_values(rest.pop(0))
        classes = tuple(unpack_values(rest.pop(0)).tolist()) if header["classes"] else None
        shape = header["score"]
        score = None if shape is None else np.frombuffer(rest.pop(0), dtype=np.float64).reshape([int(n) for n in shape])
    except (IndexError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise BrokenFrameError(str(error)) from error
    return Prediction(prediction, score, classes)


def description_to_dict(description: Description) -> dict[str, Any]:
    """A description as JSON."""
    return {
        "engine": description.engine,
        "estimator": description.estimator,
        "steps": list(description.steps),
        "parameters": dict(description.parameters),
        "features": None if description.features is None else list(description.features),
        "classes": None if description.classes is None else list(description.classes),
        "fitted": dict(description.fitted),
        "finite": description.finite,
        "empty": description.empty,
        "width": description.width,
        "refits": description.refits,
        "outputs": description.outputs,
    }


def description_from_dict(data: Mapping[str, Any]) -> Description:
    """The description that `description_to_dict` wrote; raises `BrokenFrameError` where it is none."""
    try:
        return Description(
            engine=str(data["engine"]),
            estimator=str(data["estimator"]),
            steps=tuple(data["steps"]),
            parameters=dict(data["parameters"]),
            features=None if data["features"] is None else tuple(data["features"]),
            classes=None if data["classes"] is None else tuple(data["classes"]),
            fitted=dict(data["fitted"]),
            finite=bool(data["finite"]),
            empty=str(data["empty"]),
            width=None if data.get("width") is None else int(data["width"]),
            refits=bool(data.get("refits", True)),
            outputs=str(data.get("outputs", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenFrameError(str(error)) from error
