"""PyTorch: an exported program, a TorchScript module, a whole module, or the weights of one beside the code that builds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.formats.archive import ZIP, names_in
from ruleout.models.formats.format import Format, Opening
from ruleout.models.formats.joblib_pickle import loaded_quietly
from ruleout.models.frame import frame_of
from ruleout.models.learned import NOT_JSON, json_able
from ruleout.models.model import UNSAVED, Description, Model
from ruleout.models.native import NativeModel
from ruleout.tables.table import Table

__all__ = ["PyTorch", "TorchModel"]

SUFFIXES = (".pt2", ".pt", ".pth", ".ckpt", ".safetensors")
ANSWERS = ("logits", "probabilities", "prediction", "predictions", "output", "outputs")
"""What a network that answers a mapping calls its answers."""


class PyTorch(Format):
    """A network in any of the forms that PyTorch saves.

    None of them is safe to load: a pickled module is a program, the code beside a state dict is one, and `torch.export.load` falls back
    on unpickling what it cannot read as bare tensors (PyTorch's security policy: models are programs).
    """

    name: ClassVar[str] = "PyTorch"
    extra: ClassVar[str] = "torch"
    modules: ClassVar[tuple[str, ...]] = ("torch",)
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    trust: ClassVar[str] = "always"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By its name, or by the entries of its archive."""
        if start == b"":
            return False
        return path.suffix.lower() in SUFFIXES or (start.startswith(ZIP) and any(n.endswith("/data.pkl") for n in names_in(path)))

    def open(self, path: Path, opening: Opening) -> Model:
        """The network, set to evaluation."""
        import torch

        torch.set_num_threads(1)
        held = names_in(path)
        options: dict[str, Any] = {"fingerprint": opening.fingerprint, "name": opening.name}
        if any(n.endswith("archive_format") for n in held) or path.suffix.lower() == ".pt2":
            program, notes = loaded_quietly(lambda: torch.export.load(str(path)), opening.name)
            return TorchModel(program.module(), notes=notes, program=program, **options)
        if any(n.endswith("/constants.pkl") for n in held) and any("/code/" in n for n in held):
            module, notes = loaded_quietly(lambda: torch.jit.load(str(path), map_location="cpu"), opening.name)
            return TorchModel(module.eval(), notes=notes, **options)
        loaded, notes = loaded_quietly(lambda: _loaded(path), opening.name)
        if isinstance(loaded, torch.nn.Module):
            return TorchModel(loaded.eval(), notes=notes, **options)
        from ruleout.models.network_code import built_network

        network = built_network(path, loaded, opening.name)
        return TorchModel(network.module, notes=notes, code=network.code, told=network.told, **options)

    def save(self, model: Model, folder: Path) -> Path:
        """Save the network in the form that it came in; the code beside weights is copied with them."""
        import shutil

        import torch

        if not isinstance(model, TorchModel) or isinstance(model.estimator, torch.jit.ScriptModule):
            raise ModelError(f"a TorchScript module {UNSAVED}.")
        if model.program is not None:
            torch.export.save(model.program, folder / "model.pt2")
            return folder / "model.pt2"
        path = folder / "model.pt"
        if model.code is None:
            torch.save(model.estimator, path)
            return path
        shutil.copy(model.code, folder / model.code.name)
        torch.save({**model.told, "state_dict": model.estimator.state_dict()}, path)
        return path


def _loaded(path: Path) -> Any:
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=False)


class TorchModel(NativeModel):
    """A network that takes its columns as one array, or one input a column.

    Parameters
    ----------
    estimator, fingerprint, name, notes
        As in `NativeModel`; the estimator is a module.
    program
        The exported program that the module is of, where it is.
    code
        The file that builds the module, where weights alone were saved.
    told
        What was saved beside the weights: `features`, `classes`, hyperparameters.
    """

    engine = "PyTorch"

    def __init__(
        self,
        estimator: Any,
        *,
        fingerprint: str,
        name: str = "",
        notes: Sequence[str] = (),
        program: Any = None,
        code: Path | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(estimator, fingerprint=fingerprint, name=name, notes=notes)
        self.program, self.code, self.told = program, code, dict(told or {})
        if program is None and hasattr(estimator, "eval"):
            estimator.eval()

    def _says(self, *names: str) -> tuple[Any, ...] | None:
        """A list that was saved beside the weights, or is an attribute of the module."""
        for name in names:
            found = self.told.get(name, getattr(self.estimator, name, None))
            if isinstance(found, (list, tuple)) and found and not callable(found):
                return tuple(found)
        return None

    def _inputs(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Name and shape of each input of an exported program."""
        wanted = set(self.program.graph_signature.user_inputs)
        return [(n.name, tuple(n.meta["val"].shape)) for n in self.program.graph.nodes if n.op == "placeholder" and n.name in wanted]

    def _describe(self) -> Description:
        import torch

        weights = [*self.estimator.parameters(), *self.estimator.buffers()]
        features = self._says("features", "feature_names", "columns")
        if features is None and self.program is not None and len(self._inputs()) > 1:
            features = tuple(name for name, _ in self._inputs())
        matrices = [w for w in self.estimator.parameters() if w.ndim == 2]
        width = int(matrices[0].shape[1]) if matrices else None
        if self.program is not None and len(self._inputs()) == 1 and len(self._inputs()[0][1]) > 1:
            last = self._inputs()[0][1][-1]
            width = int(last) if isinstance(last, int) else width
        kinds = [type(m).__name__ for m in self.estimator.modules()]
        settings = {str(k): plain for k, v in self._hyperparameters().items() if (plain := json_able(v)) is not NOT_JSON}
        return Description(
            engine=self.engine,
            estimator=kinds[0] if self.program is None else "ExportedProgram",
            steps=tuple(kinds[:1]) if self.program is None else ("ExportedProgram",),
            parameters=settings,
            features=None if features is None else tuple(str(f) for f in features),
            classes=self._says("classes", "classes_", "labels"),
            fitted={
                "scalers": [],
                "categories": {},
                "used": [str(f) for f in features or ()],
                **({"warnings": list(self._notes)} if self._notes else {}),
            },
            finite=all(bool(torch.isfinite(w).all()) for w in weights if w.is_floating_point()),
            empty="" if weights else "the network has no weight",
            width=len(features) if features is not None else width,
            refits=False,
            outputs="raw",
        )

    def _hyperparameters(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(
            (self.told[k] for k in ("hyper_parameters", "config", "hparams") if isinstance(self.told.get(k), Mapping)), {}
        )
        return dict(found)

    def _outputs(self, table: Table) -> Any:
        import torch

        frame = frame_of(table)
        texts = [c for c in frame.columns if frame[c].dtype.kind not in "biuf"]
        if texts:
            raise ModelError(f"{self._name}: {table.origin} holds text in {texts[0]!r} and a network takes numbers; give [run] predict.")
        first = next((w for w in self.estimator.parameters() if w.is_floating_point()), None)
        kind = torch.float32 if first is None else first.dtype
        inputs = self._inputs() if self.program is not None else []
        if len(inputs) > 1:
            fed = [_shaped(torch.tensor(frame[name].to_numpy(dtype=float), dtype=kind), shape) for name, shape in inputs]
        else:
            fed = [torch.tensor(frame.to_numpy(dtype=float), dtype=kind)]
        size = inputs[0][1][0] if inputs and inputs[0][1] and isinstance(inputs[0][1][0], int) else None
        with torch.no_grad():
            if size is None or size == table.n_rows:
                return _array(self.estimator(*fed))
            parts = []
            for start in range(0, table.n_rows, size):
                # A program exported for so many rows takes no others: the last batch is filled up with its last row.
                places = torch.clamp(torch.arange(start, start + size), max=table.n_rows - 1)
                parts.append(_array(self.estimator(*(x[places] for x in fed)))[: min(size, table.n_rows - start)])
        return np.concatenate(parts)


def _shaped(values: Any, shape: Sequence[Any]) -> Any:
    return values.reshape(-1, 1) if len(shape) == 2 else values


def _array(answer: Any) -> np.ndarray:
    """The answers in what a network gives: a tensor, the first one of several, or the one of a mapping that is called so."""
    if isinstance(answer, Mapping):
        answer = next((answer[k] for k in ANSWERS if k in answer), next(iter(answer.values())))
    if isinstance(answer, (list, tuple)):
        answer = answer[0]
    array: np.ndarray = answer.detach().cpu().numpy().astype(np.float64)
    return array
