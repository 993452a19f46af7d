"""An engine by its address, as `engine = "…"` and `--engine` give it."""

from __future__ import annotations

import re
import socket

from ruleout.errors import EngineError, nearest
from ruleout.tables.engines.task import Engine
from ruleout.tables.engines.threads import THREADS

__all__ = ["check_address", "close_engines", "open_engine"]

_NAMES = ("threads", "spark", "dask")
_HOSTS = re.compile(r"(spark|tcp|tls)://([\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})(,([\w.-]+):(\d{1,5}))*")
_KNOCK_SECONDS = 5

_opened: dict[str, Engine] = {}


def check_address(address: str, said: str) -> None:
    """Raise `EngineError` where this is no address of an engine; `said` is where it was given, as errors begin."""
    if address in _NAMES or _HOSTS.fullmatch(address):
        return
    raise EngineError(
        f"{said}: expected threads, spark, spark://host:7077, dask or tcp://host:8786.{nearest(address, _NAMES)} Write one of these."
    )


def open_engine(address: str) -> Engine:
    """The engine at an address, connected; asked again, the same one.

    Parameters
    ----------
    address
        `threads`, `spark`, `spark://host:port`, `dask` or `tcp://host:port`.

    Raises
    ------
    EngineError
        It is no such address, or nothing answers there.
    MissingExtra
        What speaks to it is not installed.
    """
    check_address(address, f'engine "{address}"')
    if address == "threads":
        return THREADS
    if address not in _opened:
        _opened[address] = _connected(address)
    return _opened[address]


def close_engines() -> None:
    """Leave every cluster that this process has joined."""
    while _opened:
        _, engine = _opened.popitem()
        engine.close()


def _connected(address: str) -> Engine:
    if "://" in address:
        _knock(address)
    if address.startswith("spark"):
        from ruleout.tables.engines.spark import open_spark

        return open_spark(address)
    from ruleout.tables.engines.dask import open_dask

    return open_dask(address)


def _knock(address: str) -> None:
    """See that something listens, before a client spends its own long patience. Of several masters one is enough."""
    for place in address.split("://", 1)[1].split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        else:
            return
    raise EngineError(
        f"engine {address}: nothing answers there ({reason}); see that the {'master' if address.startswith('spark') else 'scheduler'} "
        "runs, and that this machine reaches it."
    )
