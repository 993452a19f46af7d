"""What every peer's script is given and what it leaves behind; standard library alone, since each runs in an environment of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def arguments() -> argparse.Namespace:
    """Two tables and where the answer goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reference")
    parser.add_argument("current")
    parser.add_argument("answer", type=Path)
    return parser.parse_args()


def write_answer(given: argparse.Namespace, looked_at: Iterable[str], drifted: Iterable[str] | None, package: str) -> None:
    """Write down which columns were looked at and which are said to have drifted; None where the tool does not judge."""
    answer = {
        "package": f"{package} {version(package)}",
        "looked_at": sorted(looked_at),
        "drifted": None if drifted is None else sorted(drifted),
    }
    given.answer.write_text(json.dumps(answer))
