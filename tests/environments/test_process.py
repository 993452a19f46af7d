"""The process in an installed environment: what an artifact may not do there, whatever is installed."""

from __future__ import annotations

import pickle
import socket
import sys
from pathlib import Path

import pytest

from ruleout.environments.process import Inhabitant
from ruleout.environments.stored import Installation
from ruleout.errors import ModelError
from ruleout.models.sandbox import NETWORK_REFUSED


class Caller:
    """Loaded, it looks for somebody to talk to."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __reduce__(self) -> tuple[object, ...]:
        return socket.create_connection, (("127.0.0.1", self.port), 5.0)


class Neighbour:
    """Loaded, it imports a module that lies beside the script by which the process began."""

    def __reduce__(self) -> tuple[object, ...]:
        return __import__, ("native_fit",)


def asked(tmp_path: Path, artifact: object) -> str:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(artifact))
    inhabitant = Inhabitant(Installation(tmp_path, "key", Path(sys.executable), "3", {}, 0.0))
    try:
        with pytest.raises(ModelError) as failed:
            inhabitant.ask({"do": "describe", "path": str(path), "search": []})
        return str(failed.value)
    finally:
        inhabitant.close()


def test_an_artifact_reaches_nobody_from_an_installed_environment(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        assert NETWORK_REFUSED in asked(tmp_path, Caller(listening.getsockname()[1]))
        with pytest.raises(TimeoutError):
            listening.accept()


def test_what_lies_beside_the_scripts_is_no_module_of_the_environment(tmp_path: Path) -> None:
    assert "needs the package 'native_fit', which this environment does not list" in asked(tmp_path, Neighbour())
