"""Where a table may lie besides a path: `s3://bucket/part-*.parquet`, `postgresql://host/base?table=loans`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from ruleout.errors import TableError

__all__ = ["Location", "is_address", "located", "shown_address"]

Location = str | Path
"""A path, or an address as text."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FILES = ("sqlite", "duckdb", "file", "local")
"""Addresses of files on this machine."""


def is_address(text: Location) -> bool:
    """Whether this is an address with a scheme, and no path: `s3://…`, but not `C:/…`."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def located(text: str, base: Path) -> Location:
    """A path or address as it was written, seen from a folder: what is relative lies there, `sqlite:///loans.db` included.

    Raises
    ------
    TableError
        Addresses are chained (`simplecache::s3://…`), which could run more than a reader.
    """
    if "::" in text and "://" in text:
        raise TableError(f"{text}: chained addresses are not read, expected one like s3://bucket/train.parquet; give the last part alone.")
    if not is_address(text):
        return base / Path(text).expanduser()
    scheme, rest = text.split("://", 1)
    if scheme.lower() in _FILES:
        path = rest.removeprefix("/") if scheme.lower() in {"sqlite", "duckdb"} else rest
        return f"{scheme.lower()}://{'/' if scheme.lower() in {'sqlite', 'duckdb'} else ''}{base / path}"
    return text


def shown_address(address: str) -> str:
    """The address as findings and errors say it: without the password that it may hold."""
    parts = urlsplit(address)
    hidden = re.sub(r"(?i)((?:password|secret|token|key)=)[^&]*", r"\1***", parts.query)
    host = re.sub(r"^([^@/]*):[^@/]*@", r"\1:***@", parts.netloc)
    return f"{parts.scheme}://{host}{parts.path}{'?' + hidden if hidden else ''}"
