"""The child process in which artifacts are loaded, asked and fitted. It is never the `__main__` that an artifact was saved from.

It reads requests from the pipe that it was started with and answers on the one it had as standard output. Whatever the
artifact prints goes to standard error, so that it cannot be taken for an answer.
"""

from __future__ import annotations

import importlib
import inspect
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ruleout.errors import ModelBroken, ModelError, RuleoutError, TrustRequired
from ruleout.models import wire
from ruleout.models.formats import Format, Opening, format_named
from ruleout.models.model import Model
from ruleout.models.scikit_learn import first_line
from ruleout.tables.table import Table

__all__ = ["imported_metric", "main"]

Answer = tuple[dict[str, Any], list[bytes]]


class _Shop:
    """The models and tables that the child holds, by the names its parent gave them."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.formats: dict[str, Format] = {}
        self.tables: dict[str, Table] = {}

    def answer(self, request: Mapping[str, Any], payloads: list[bytes]) -> Answer:
        """Return the answer to one request."""
        for handle in request.get("drop", ()):
            self.models.pop(handle, None)
            self.formats.pop(handle, None)
        for fingerprint in request.get("forget", ()):
            self.tables.pop(fingerprint, None)
        if (sent := request.get("send")) is not None:
            self.tables[sent["fingerprint"]] = Table(wire.unpack_table(payloads.pop(0)), name=sent["name"], origin=sent["origin"])
        if request["do"] == "metric":
            return self.do_metric(request, payloads)
        operation: Callable[[Mapping[str, Any]], Answer] = getattr(self, f"do_{request['do']}")
        return operation(request)

    def do_open(self, request: Mapping[str, Any]) -> Answer:
        """Load an artifact."""
        opening = Opening(request["name"], request["fingerprint"], trusted=bool(request["trusted"]))
        kind = format_named(request["format"])
        self._keep(request["handle"], kind.open(Path(request["path"]), opening), kind)
        return {}, []

    def do_reload(self, request: Mapping[str, Any]) -> Answer:
        """Save a model and load what was saved, in the format that it came in."""
        template, kind = self.models[request["of"]], self.formats[request["of"]]
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = kind.save(template, Path(folder))
            except ModelError as error:
                raise ModelError(f"{request['name']}: {error}") from error
            except Exception as error:  # A stranger's class may refuse to be saved in any way.
                raise ModelError(f"{request['name']}: saving it as {kind.name} failed: {first_line(error)}.") from error
            opening = Opening(request["name"], f"{template.fingerprint}-reloaded", trusted=True)
            self._keep(request["handle"], kind.open(path, opening), kind)
        return {}, []

    def do_describe(self, request: Mapping[str, Any]) -> Answer:
        """Describe a model."""
        return {"description": wire.description_to_dict(self.models[request["handle"]].describe())}, []

    def do_predict(self, request: Mapping[str, Any]) -> Answer:
        """Ask a model about a table."""
        return wire.pack_prediction(self.models[request["handle"]].predict(self._table(request)))

    def do_refit(self, request: Mapping[str, Any]) -> Answer:
        """Fit a model again on a table."""
        template = self.models[request["of"]]
        fitted = template.refit(self._table(request), request["target"], parameters=request["parameters"], seed=request["seed"])
        self._keep(request["handle"], fitted, self.formats[request["of"]])
        return {}, []

    def do_metric(self, request: Mapping[str, Any], payloads: list[bytes]) -> Answer:
        """Evaluate a metric of the case's own."""
        truth, prediction = wire.unpack_values(payloads[0]), wire.unpack_values(payloads[1])
        shape = request["score"]
        score = None if shape is None else np.frombuffer(payloads[2], dtype=np.float64).reshape(shape)
        function = imported_metric(request["spec"])
        try:
            value = float(_call(function, truth, prediction, score))
        except Exception as error:  # The case's own code; whatever it raises is reported.
            raise ModelError(f"case.toml [case] metric = {request['spec']!r}: evaluating it failed: {first_line(error)}.") from error
        return {"value": value}, []

    def _keep(self, handle: str, model: Model, kind: Format) -> None:
        self.models[handle], self.formats[handle] = model, kind

    def _table(self, request: Mapping[str, Any]) -> Table:
        return self.tables[request["table"]]


def imported_metric(spec: str) -> Callable[..., Any]:
    """Import the function that "module:function" names.

    Raises
    ------
    ModelError
        There is no such module or function.
    """
    module_name, _, function_name = spec.partition(":")
    if not module_name or not function_name:
        raise ModelError(f'case.toml [case] metric = {spec!r}: expected "module:function".')
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # Importing the case's own code may raise anything.
        raise ModelError(f"case.toml [case] metric = {spec!r}: importing {module_name} failed: {first_line(error)}.") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(f"case.toml [case] metric = {spec!r}: {module_name} has no function {function_name!r}.")
    return function  # type: ignore[no-any-return]  # callable() does not narrow to Callable[..., Any]


def _call(function: Callable[..., Any], truth: np.ndarray, prediction: np.ndarray, score: np.ndarray | None) -> Any:
    """Call a metric with what it asks for: (truth, prediction), and the score as a third argument or by name."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return function(truth, prediction)
    for parameter in parameters[2:]:
        if parameter.name in {"score", "scores", "y_score", "y_proba", "y_prob", "proba"}:
            return function(truth, prediction, **{parameter.name: score})
    required = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(required) >= 3:
        return function(truth, prediction, score)
    if len(required) >= 2 and required[1].name in {"y_score", "y_proba", "y_prob", "score"}:
        return function(truth, score)
    return function(truth, prediction)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the protocol's pipes out of the artifact's reach: standard output becomes standard error, input is empty."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    requests, answers = _pipes()
    warnings.simplefilter("ignore")
    # Imported before the first request, while the parent is still reading its tables.
    for module in ("pandas", "joblib", "sklearn.pipeline"):
        importlib.import_module(module)
    shop = _Shop()
    while True:
        try:
            request, payloads = wire.receive(requests)
        except (EOFError, wire.BrokenFrameError):
            return
        header: dict[str, Any]
        out: list[bytes] = []
        try:
            header, out = shop.answer(request, payloads)
        except wire.MissingModuleError as error:
            header = {"error": str(error), "module": error.module}
        except TrustRequired as error:
            header = {"error": str(error), "trust": True}
        except RuleoutError as error:
            header = {"error": str(error), "broken": isinstance(error, ModelBroken)}
        except MemoryError:
            header = {
                "error": f"{request.get('name', 'model')}: out of memory in the child process; use a smaller table or raise the limit.",
                "broken": True,
            }
        except (Exception, SystemExit) as error:  # The artifact's own code; the child goes on with the next request.
            header = {"error": f"{request.get('name', 'model')}: {first_line(error)}."}
        wire.send(answers, header, out)
