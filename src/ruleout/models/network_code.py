"""Weights of a network that were saved without it: the code beside them builds the network, and takes them."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruleout.errors import ModelError
from ruleout.models.scikit_learn import first_line

__all__ = ["Network", "built_network"]

HOLDERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "weights")
"""Keys under which a checkpoint holds its weights."""

SETTINGS = ("hyper_parameters", "config", "hparams", "args", "kwargs")
FILES = ("model.py", "network.py", "net.py", "architecture.py")
BUILDERS = ("build_model", "make_model", "create_model", "build", "get_model")
PREFIXES = ("model.", "module.", "net.", "_orig_mod.")
"""What Lightning, data parallelism and `torch.compile` put before the names of weights."""


@dataclass(frozen=True)
class Network:
    """A network with its weights, the file that built it, and what was saved beside the weights."""

    module: Any
    code: Path
    told: Mapping[str, Any] = field(default_factory=dict)


def built_network(path: Path, loaded: Any, name: str) -> Network:
    """Return the network of which a file holds the weights.

    The code is `NAME.py` beside `NAME.pt`, else `model.py`, `network.py`, `net.py` or `architecture.py` beside it or one folder above.
    In it `load_model(path)` returns the network, or `build_model(...)` does, or a class derived from `torch.nn.Module`; arguments that
    have no default are taken from what was saved beside the weights, or from `config.json`.

    Parameters
    ----------
    path
        The file of weights.
    loaded
        What it holds.
    name
        What errors call it.

    Raises
    ------
    ModelError
        There are no weights, no code, or the one does not fit the other.
    """
    weights, told = _weights(loaded, name)
    code = _code(path, name)
    module = _imported(code, name)
    settings = _settings(path, told)
    failures: list[str] = []
    load = getattr(module, "load_model", None)
    if callable(load):
        try:
            return Network(load(path).eval(), code, told)
        except Exception as error:  # The case's own code may raise anything.
            raise ModelError(f"{name}: load_model of {code.name} failed: {first_line(error)}.") from error
    for make in _makers(module):
        try:
            network = make(**_arguments(make, settings))
            network.load_state_dict(weights)
        except Exception as error:  # As above; another class of the file may be the one.
            failures.append(f"{make.__name__}: {first_line(error)}")
            continue
        return Network(network.eval(), code, told)
    why = failures[0] if failures else "it defines no network (a class derived from torch.nn.Module, or build_model)"
    raise ModelError(f"{name}: the weights do not fit {code.name}: {why}.")


def _weights(loaded: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights by name, and what was saved beside them."""
    import torch

    if not isinstance(loaded, Mapping) or not loaded:
        raise ModelError(f"{name}: the artifact holds a {type(loaded).__name__}, expected a network or the weights of one.")
    found: Any = loaded
    told: dict[str, Any] = {}
    if not all(isinstance(v, torch.Tensor) for v in loaded.values()):
        key = next((k for k in HOLDERS if isinstance(loaded.get(k), Mapping)), None)
        if key is None:
            raise ModelError(f"{name}: the artifact holds {', '.join(map(str, list(loaded)[:5]))} and no weights (a state_dict).")
        found, told = loaded[key], {str(k): v for k, v in loaded.items() if k != key}
    names = list(found)
    for prefix in PREFIXES:
        if all(n.startswith(prefix) for n in names):
            names = [n.removeprefix(prefix) for n in names]
    return dict(zip(names, found.values(), strict=True)), told


def _code(path: Path, name: str) -> Path:
    for folder in (path.parent, path.parent.parent):
        for file in dict.fromkeys((f"{path.stem}.py", *FILES)):
            if (folder / file).is_file():
                return folder / file
    raise ModelError(
        f"{name}: the artifact holds the weights of a network and not the network; put the code that builds it beside it as model.py, "
        "export it (torch.export.save), or give [run] predict."
    )


def _imported(code: Path, name: str) -> Any:
    """The file as a module of its own name, for the other side of the case may have a file of the same."""
    unique = f"_ruleout_{code.stem}_{hashlib.blake2b(str(code).encode(), digest_size=6).hexdigest()}"
    spec = importlib.util.spec_from_file_location(unique, code)
    if spec is None or spec.loader is None:
        raise ModelError(f"{name}: {code.name} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    sys.path.insert(0, str(code.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # The case's own code may raise anything.
        raise ModelError(f"{name}: {code.name}, which builds the network, does not run: {first_line(error)}.") from error
    finally:
        sys.path.remove(str(code.parent))
    return module


def _makers(module: Any) -> Iterator[Any]:
    """What may build the network: functions by their names first, then classes, the last defined first."""
    import torch

    yield from (f for name in BUILDERS if callable(f := getattr(module, name, None)))
    kinds = [k for k in vars(module).values() if isinstance(k, type) and issubclass(k, torch.nn.Module)]
    yield from reversed([k for k in kinds if k.__module__ == module.__name__])


def _settings(path: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """What arguments may be taken from: what was saved beside the weights, over the configuration beside the file."""
    found: dict[str, Any] = {}
    beside = path.parent / "config.json"
    if beside.is_file():
        try:
            held = json.loads(beside.read_text(encoding="utf-8"))
        except ValueError:
            held = {}
        found |= held if isinstance(held, dict) else {}
    found |= told
    for key in SETTINGS:
        if isinstance(told.get(key), Mapping):
            found |= told[key]
    return found


def _arguments(make: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    known = inspect.signature(make).parameters
    return {name: settings[name] for name in known if name in settings}
