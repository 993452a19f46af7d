"""ONNX: a graph of known operators, run by onnxruntime; it holds no code, and nothing of how it was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import ModelBroken, ModelError
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.native import NativeModel, Outputs, answer_of
from ruleout.models.scikit_learn import plain_values
from ruleout.tables.table import Table

__all__ = ["Onnx", "OnnxModel"]

NAMES = ("feature_names", "features", "columns", "input_columns")
"""Keys of the metadata under which exporters leave the columns, as a JSON list."""

KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class Onnx(Format):
    """A graph as skl2onnx, onnxmltools or `torch.onnx.export` wrote it."""

    name: ClassVar[str] = "ONNX"
    extra: ClassVar[str] = "onnx"
    modules: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx")
    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)

    def recognises(self, path: Path, start: bytes) -> bool:
        """By its name: the bytes of a protocol buffer have no mark."""
        return path.suffix.lower() == ".onnx" and start != b""

    def open(self, path: Path, opening: Opening) -> Model:
        """The session, and the graph as it lies in the file."""
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        session, notes = loaded_quietly(lambda: onnxruntime.InferenceSession(str(path), options, providers=providers), opening.name)
        graph, _ = loaded_quietly(lambda: onnx.load(str(path)).graph, opening.name)
        return OnnxModel(session, fingerprint=opening.fingerprint, name=opening.name, notes=notes, graph=graph)


class OnnxModel(NativeModel):
    """A graph that is run as it is.

    Parameters
    ----------
    estimator, fingerprint, name, notes
        As in `NativeModel`; the estimator is a session.
    graph
        What the file holds, for what a session does not tell: the classes and the weights.
    """

    engine = "ONNX"

    def __init__(self, estimator: Any, *, fingerprint: str, name: str = "", notes: Sequence[str] = (), graph: Any) -> None:
        super().__init__(estimator, fingerprint=fingerprint, name=name, notes=notes)
        self._graph = graph

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        """The attributes of all nodes by name; the last one counts, which is nearest to the answer."""
        from onnx import helper

        return {a.name: helper.get_attribute_value(a) for node in self._graph.node for a in node.attribute if a.name.startswith("class")}

    @cached_property
    def _labels(self) -> tuple[Any, ...] | None:
        """The classes in the order of their scores, where the graph names them."""
        for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
            found = self._attributes.get(name)
            if found:
                return tuple(v.decode() if isinstance(v, bytes) else int(v) for v in found)
        # What is no classifier's own operator keeps them as a constant, of which it takes the one with the largest score.
        from onnx import numpy_helper

        for tensor in self._graph.initializer:
            if tensor.name.startswith("classes"):
                values = numpy_helper.to_array(tensor).reshape(-1).tolist()
                return tuple(v.decode() if isinstance(v, bytes) else v for v in values)
        return None

    def _scalers(self, names: Sequence[str] | None) -> list[dict[str, Any]]:
        """What a scaler that the inputs go through first learned; its transform is (x - offset) * scale, column by column."""
        from onnx import helper

        first = self.estimator.get_inputs()
        node = next((n for n in self._graph.node if n.op_type == "Scaler"), None)
        if node is None or len(first) != 1 or list(node.input) != [first[0].name]:
            return []
        held = {a.name: np.asarray(helper.get_attribute_value(a), dtype=float) for a in node.attribute}
        offset, scale = held.get("offset", np.zeros(0)), held.get("scale", np.zeros(0))
        if len(offset) != len(scale) or not len(scale) or not np.all(scale):
            return []
        mean = offset.tolist()
        columns = list(names) if names is not None and len(names) == len(mean) else [f"x{i}" for i in range(len(mean))]
        return [{"kind": "Scaler", "columns": columns, "mean": mean, "centre": mean, "scale": (1.0 / scale).tolist(), "samples": None}]

    def _describe(self) -> Description:
        session, names = self.estimator, self._features()
        inputs = session.get_inputs()
        kind = self._label_output() is not None
        last = self._graph.node[-1].op_type if self._graph.node else ""
        told = next((n.op_type for n in reversed(self._graph.node) if n.op_type.endswith(("Classifier", "Regressor"))), last)
        width = inputs[0].shape[-1] if len(inputs) == 1 and len(inputs[0].shape) > 1 else len(inputs)
        return Description(
            engine=self.engine,
            estimator=told,
            steps=tuple(dict.fromkeys(n.op_type for n in self._graph.node)) or ("graph",),
            features=names,
            classes=self._labels if kind else None,
            fitted={
                "scalers": self._scalers(names),
                "categories": {},
                "used": list(names or ()),
                **({"warnings": list(self._notes)} if self._notes else {}),
            },
            finite=self._finite(),
            empty="" if self._graph.node else "the graph has no node",
            width=len(names) if names else width if isinstance(width, int) else None,
            refits=False,
            outputs="raw" if not kind and self._regressor() is None else "",
        )

    def _features(self) -> tuple[str, ...] | None:
        inputs = self.estimator.get_inputs()
        if len(inputs) > 1:
            return tuple(i.name for i in inputs)
        held = self.estimator.get_modelmeta().custom_metadata_map
        for key in NAMES:
            try:
                names = json.loads(held.get(key, "null"))
            except ValueError:
                names = held[key].split(",")
            if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
                return tuple(n.strip() for n in names)
        return None

    def _finite(self) -> bool:
        from onnx import TensorProto, numpy_helper

        numbers = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
        tensors = (numpy_helper.to_array(t) for t in self._graph.initializer if t.data_type in numbers and not t.external_data)
        floats = (np.asarray(a.floats) for node in self._graph.node for a in node.attribute if a.floats)
        return all(np.isfinite(values).all() for values in (*tensors, *floats))

    def _regressor(self) -> str | None:
        """The operator that says that the answer is a number."""
        return next((n.op_type for n in self._graph.node if n.op_type.endswith("Regressor")), None) if self._labels is None else None

    def _label_output(self) -> int | None:
        """The place of the output that holds the class of each row; None for numbers and bare scores."""
        outputs = self.estimator.get_outputs()
        found = [i for i, o in enumerate(outputs) if o.type in ("tensor(int64)", "tensor(string)", "tensor(int32)")]
        return found[0] if found and (len(outputs) > 1 or self._labels is not None) else None

    def _kind(self) -> Outputs:
        return "number" if self._regressor() else "raw"

    def _outputs(self, table: Table) -> Any:
        inputs = self.estimator.get_inputs()
        frame = frame_of(table)
        if len(inputs) == 1:
            fed = {inputs[0].name: self._array(frame, inputs[0], table)}
        else:
            fed = {i.name: self._array(frame[[i.name]], i, table) for i in inputs}
        size = inputs[0].shape[0] if inputs[0].shape else None
        answers = self.estimator.run(None, fed) if not isinstance(size, int) else self._in_batches(fed, size, table.n_rows)
        label = self._label_output()
        if label is None:
            return answers[0]
        return self._classified(answers, label, table)

    def _classified(self, answers: Sequence[Any], label: int, table: Table) -> Prediction:
        """The classes as the graph answers them, with their scores where it gives them."""
        classes = plain_values(answers[label]).reshape(-1)
        if len(classes) != table.n_rows:
            raise ModelBroken(f"{self._name}: predicting {table.origin} answered {len(classes)} classes for {table.n_rows} rows.")
        rest = next((a for i, a in enumerate(answers) if i != label), None)
        if isinstance(rest, list) and rest and isinstance(rest[0], Mapping):
            known = tuple(rest[0])
            return Prediction(classes, np.array([[row[k] for k in known] for row in rest], dtype=float), known)
        scores = None if rest is None else np.asarray(rest, dtype=float)
        if scores is None or self._labels is None:
            return Prediction(classes, None, self._labels)
        told = answer_of(scores, "classes", self._labels)
        return Prediction(classes, told.score, self._labels)

    def _array(self, frame: Any, wanted: Any, table: Table) -> np.ndarray:
        kind = KINDS.get(wanted.type)
        if kind is None:
            raise ModelError(f"{self._name}: its input {wanted.name!r} is {wanted.type}, which no table gives; give [run] predict.")
        texts = [c for c in frame.columns if frame[c].dtype.kind not in "biuf"]
        if kind is not np.object_ and texts:
            raise ModelError(f"{self._name}: {table.origin} holds text in {texts[0]!r} where the graph takes {wanted.type}.")
        if kind is np.object_:
            array = frame.astype(object).where(frame.notna(), "").map(str).to_numpy(dtype=object)
        elif kind in (np.int64, np.int32) and frame.isna().to_numpy().any():
            raise ModelError(f"{self._name}: {table.origin} holds nulls where the graph takes whole numbers ({wanted.name!r}).")
        else:
            array = frame.to_numpy().astype(kind)
        made: np.ndarray = array.reshape(-1) if len(wanted.shape) == 1 else array
        return made

    def _in_batches(self, fed: Mapping[str, np.ndarray], size: int, n: int) -> list[Any]:
        """The outputs of a graph that takes so many rows at a time and no others: the last batch is filled up with its last row."""
        parts: list[list[Any]] = []
        for start in range(0, n, size):
            places = np.minimum(np.arange(start, start + size), n - 1)
            kept = min(size, n - start)
            parts.append([answer[:kept] for answer in self.estimator.run(None, {k: v[places] for k, v in fed.items()})])
        columns = zip(*parts, strict=True)
        return [[row for part in held for row in part] if isinstance(held[0], list) else np.concatenate(held) for held in columns]
