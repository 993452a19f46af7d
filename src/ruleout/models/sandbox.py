"""What a child process that opens strangers' artifacts may not do: use more memory than it is given, or speak to the network.

Run as a script it is where the child process begins: nothing is imported before the limits hold, for a process with a second thread
can no longer be moved into another network. Given a script, it runs that one, so that an environment without ruleout has the same limits.

Where the system allows it (Linux, with user namespaces or as root) the process gets a network of its own in which there is nobody;
everywhere Python's own sockets refuse to connect. Its home, its cache and its temporary files lie in a scratch folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["NETWORK_REFUSED", "limit_memory", "scratch_environment", "without_network"]

NETWORK_REFUSED = "an artifact's child process has no network"

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of unshare(2)."""

REFUSED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"})


def limit_memory(limit: int) -> None:
    """Give this process at most so many bytes of address space, where the system has such limits."""
    try:
        import resource
    except ImportError:  # There are no such limits on Windows.
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def without_network() -> bool:
    """Cut this process off from the network; return whether the system itself does so, or Python alone."""
    cut = _own_network()
    if hasattr(sys, "addaudithook"):  # since Python 3.8; an installed environment may have an older one
        sys.addaudithook(_refuse)
    return cut


def scratch_environment(scratch: Path) -> dict[str, str]:
    """Return the variables that make a process keep its files in a scratch folder and find the user's packages all the same."""
    import site

    home = {name: str(scratch) for name in ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")}
    return {**home, "PYTHONUSERBASE": site.getuserbase(), "PYTHONDONTWRITEBYTECODE": "1"}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in REFUSED:
        return
    address = arguments[-1] if event.startswith("socket.") and len(arguments) > 1 else None
    if isinstance(address, (str, bytes)) and event in ("socket.connect", "socket.bind"):
        return  # A socket of this machine alone: processes that the artifact starts speak to each other by these.
    raise PermissionError(NETWORK_REFUSED)


def _own_network() -> bool:
    """Move this process into a network of its own, without any interface that is up."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    user, group = os.getuid(), os.getgid()
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
    except (OSError, AttributeError):
        return False
    if unshare(NEW_NETWORK) == 0:
        return True
    if unshare(NEW_USER | NEW_NETWORK) != 0:
        return False
    # The process goes on as who it was: files are its own as before.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(OSError):
            Path(f"/proc/self/{name}").write_text(text)
    return True


if __name__ == "__main__":
    without_network()
    if len(sys.argv) > 1 and int(sys.argv[1]):
        limit_memory(int(sys.argv[1]))
    if len(sys.argv) > 2:
        # An environment without ruleout: what is to run is a script, which must not take what lies beside this one for its own.
        import runpy

        sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]
        sys.argv = [sys.argv[2], *sys.argv[3:]]
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        from ruleout.models.worker import main

        main()
