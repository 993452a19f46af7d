"""Run inside an installed environment, by its own interpreter and with its own packages: artifacts are asked and fitted there.

Nothing of ruleout is there, so this file imports the standard library alone, numpy and pandas as they are found, and reads like an
older Python. A request and its answer are a line of JSON each, followed by the bytes that it announces.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import inspect
import json
import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any, BinaryIO

KEPT = 8
SEEDS = ("random_state", "random_seed")
DEFAULT = "ruleout: the default"
"""Stands for what this environment's own release of the class has as its default."""


class Refused(Exception):
    """What is asked cannot be done; the sentence says why."""


def read_request(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """Return one request and its payloads; None where the other side has gone."""
    line = stream.readline()
    if not line:
        return None
    request = json.loads(line.decode("utf-8"))
    return request, [stream.read(n) for n in request.pop("payloads", [])]


def write_answer(stream: BinaryIO, answer: dict[str, Any], payloads: list[bytes]) -> None:
    """Write one answer."""
    stream.write(json.dumps(dict(answer, payloads=[len(p) for p in payloads])).encode("utf-8") + b"\n")
    for payload in payloads:
        stream.write(payload)
    stream.flush()


def first_line(error: BaseException) -> str:
    """Return an exception in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def frame_of(said: dict[str, Any], payloads: list[bytes]) -> Any:
    """Return the rows as this environment's pandas makes them of plain columns."""
    import numpy as np
    import pandas as pd

    missing = float("nan") if said["null"] == "nan" else None
    made: dict[str, Any] = {}
    for column in said["columns"]:
        kind = column["kind"]
        if kind == "number":
            made[column["name"]] = np.frombuffer(payloads.pop(0), dtype=column["dtype"]).copy()
        elif kind == "time":
            counted = np.frombuffer(payloads.pop(0), dtype="int64")
            stamps = pd.Series(counted.astype(f"datetime64[{column['unit']}]"))
            made[column["name"]] = stamps.dt.tz_localize("UTC").dt.tz_convert(column["zone"]) if column["zone"] else stamps
        elif kind == "category":
            codes = np.frombuffer(payloads.pop(0), dtype="int64")
            made[column["name"]] = pd.Categorical.from_codes(codes, categories=column["categories"], ordered=column["ordered"])
        elif kind == "date":
            made[column["name"]] = [None if v is None else datetime.date.fromisoformat(v) for v in column["values"]]
        else:
            values = [missing if v is None else v for v in column["values"]]
            # Text takes the type that this pandas gives to text when it reads a file: object until pandas 2, str since pandas 3.
            made[column["name"]] = pd.Series(values) if any(isinstance(v, str) for v in values) else pd.Series(values, dtype=object)
    return pd.DataFrame(made, index=range(said["rows"]))


def packed(values: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Return an array of answers as a header and payloads."""
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind in "iubf":
        array = np.ascontiguousarray(array)
        return {"dtype": str(array.dtype), "shape": list(array.shape)}, [array.tobytes()]
    return {"dtype": "object", "values": [None if v is None else v if isinstance(v, (str, bool)) else plain(v) for v in array.tolist()]}, []


def plain(value: Any) -> Any:
    """Return a number as JSON has it, anything else as text."""
    if isinstance(value, (int, float)):
        return value
    return value.item() if hasattr(value, "item") else str(value)


class Shop:
    """The artifacts that were opened, by their files."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}

    def opened(self, path: str, search: list[str]) -> Any:
        """Load an artifact, or return it as it was loaded before."""
        if path not in self.held:
            sys.path += [folder for folder in search if folder not in sys.path]
            if len(self.held) >= KEPT:
                self.held.clear()
            self.held[path] = load(path)
        return self.held[path]

    def do(self, request: dict[str, Any], payloads: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Do what is asked."""
        if request["do"] == "describe":
            return self.do_describe(request)
        return self.do_predict(request, payloads) if request["do"] == "predict" else self.do_refit(request, payloads)

    def do_describe(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Say what an artifact is, as far as that can be said without looking into it."""
        model = self.opened(request["path"], request["search"])
        last = model.steps[-1][1] if hasattr(model, "steps") else model
        said: dict[str, Any] = {
            "estimator": type(last).__name__,
            "features": features_of(model),
            "parameters": {},
            "classes": None,
            "width": None,
        }
        with contextlib.suppress(Exception):
            said["parameters"] = {
                k: v for k, v in model.get_params(deep=True).items() if v is None or isinstance(v, (int, float, str, bool))
            }
        with contextlib.suppress(Exception):
            said["width"] = int(model.n_features_in_)
        with contextlib.suppress(Exception):
            said["classes"] = [v if isinstance(v, (str, bool)) else plain(v) for v in model.classes_.tolist()]
        said["steps"] = [type(step).__name__ for _, step in model.steps] if hasattr(model, "steps") else [type(model).__name__]
        return said, []

    def do_predict(self, request: dict[str, Any], payloads: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer every row."""
        import numpy as np

        model = self.opened(request["path"], request["search"])
        inputs = inputs_of(model, frame_of(request["table"], payloads), request.get("features"))
        answer, out = packed(np.asarray(model.predict(inputs)).reshape(request["table"]["rows"]))
        said: dict[str, Any] = {"prediction": answer, "score": None, "classes": None}
        classes = getattr(model, "classes_", None)
        ask = getattr(model, "predict_proba", None) or (getattr(model, "decision_function", None) if classes is not None else None)
        if ask is not None:
            score = np.asarray(ask(inputs), dtype="float64")
            if score.ndim == 1 or classes is None or score.shape[1] == len(classes):
                said["score"], more = packed(score)
                out = out + more
        if classes is not None and np.ndim(classes) == 1:
            said["classes"], more = packed(classes)
            out = out + more
        return said, out

    def do_refit(self, request: dict[str, Any], payloads: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Fit a clone of an artifact on the rows, and leave it in a file."""
        from sklearn.base import clone

        model = clone(self.opened(request["path"], request["search"]))
        known = model.get_params(deep=True)
        settings = dict(request["parameters"])
        for name, value in known.items():
            last = name.rsplit("__", 1)[-1]
            if last in SEEDS and request["seed"] is not None:
                settings.setdefault(name, request["seed"])
            if last == "n_jobs" and value not in (None, 1):
                settings.setdefault(name, 1)
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise Refused(f"{type(model).__name__} has no parameter {unknown[0]!r}")
        for name, value in settings.items():
            if value == DEFAULT:
                settings[name] = default_of(model, known, name)
            elif isinstance(known[name], tuple) and isinstance(value, list):
                settings[name] = tuple(value)
        model.set_params(**settings)
        frame = frame_of(request["table"], payloads)
        target = request["target"]
        frame = frame[frame[target].notna()].reset_index(drop=True)
        names = request.get("features") or [c for c in frame.columns if c != target]
        names = [c for c in names if c in frame.columns and c != target]
        inputs = frame[names] if request["named"] else frame[names].to_numpy()
        model.fit(inputs, frame[target])
        self.held[request["out"]] = model
        with Path(request["out"]).open("wb") as file:
            pickle.dump(model, file)
        return {"features": names}, []


def default_of(model: Any, known: dict[str, Any], name: str) -> Any:
    """Return the default that the class of a parameter's owner gives it."""
    owner, _, last = name.rpartition("__")
    found = inspect.signature(type(known[owner] if owner else model)).parameters.get(last)
    if found is None or found.default is found.empty:
        raise Refused(f"{name} has no default")
    return found.default


def load(path: str) -> Any:
    """Return the fitted model in a file of joblib or pickle."""
    try:
        try:
            import joblib
        except ImportError:
            with Path(path).open("rb") as file:
                found = pickle.load(file)
        else:
            found = joblib.load(path)
    except ModuleNotFoundError as error:
        package = (error.name or str(error)).split(".")[0]
        raise Refused(f"the artifact needs the package {package!r}, which this environment does not list") from error
    except Exception as error:  # a stranger's bytes may raise anything while they are loaded
        raise Refused(f"the artifact does not load there ({first_line(error)})") from error
    if not hasattr(found, "predict") and isinstance(found, dict):
        models = [v for v in found.values() if hasattr(v, "predict")]
        found = models[0] if len(models) == 1 else found
    if not hasattr(found, "predict"):
        raise Refused(f"the artifact holds a {type(found).__name__} there, expected a fitted model with a predict method")
    return found


def features_of(model: Any) -> list[str] | None:
    """Return the columns that a model was fitted with, in their order; None where it does not say."""
    ways: list[Any] = [lambda: model.feature_names_in_, lambda: model.steps[0][1].feature_names_in_, lambda: model.feature_name_]
    for read in ways:
        with contextlib.suppress(Exception):
            found = read()
            return [str(c) for c in found]
    return None


def inputs_of(model: Any, frame: Any, features: list[str] | None) -> Any:
    """Return the model's columns in its order, as a frame or an array, as it was fitted."""
    named = features_of(model)
    names = named or features or list(frame.columns)
    lacking = [c for c in names if c not in frame.columns]
    if lacking:
        raise Refused(f"the rows lack {len(lacking)} of the {len(names)} columns that it was fitted on: {lacking[0]!r}")
    return frame[names] if named else frame[names].to_numpy()


def main() -> None:
    """Answer requests until the other side has gone."""
    here = Path(__file__).resolve().parent
    # The folder of this script holds modules that an artifact must not take for its own.
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != here]
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if len(sys.argv) > 1 and int(sys.argv[1]):
        with contextlib.suppress(ImportError, ValueError, OSError):
            resource = importlib.import_module("resource")
            resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
    warnings.simplefilter("ignore")
    shop = Shop()
    while True:
        found = read_request(requests)
        if found is None:
            return
        request, payloads = found
        try:
            answer, out = shop.do(request, payloads)
        except Refused as error:
            answer, out = {"error": str(error)}, []
        except (Exception, SystemExit) as error:  # the artifact's own code and its packages; the next request is another matter
            answer, out = {"error": first_line(error)}, []
        write_answer(answers, answer, out)


if __name__ == "__main__":
    main()
