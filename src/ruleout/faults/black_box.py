"""A training command that nobody can look into: a script of its own in plain Python, its rows, and the differences between its sides."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ruleout.case.case import Case
from ruleout.case.read import read_case
from ruleout.faults.fault import Broken, Inapplicable, Severity
from ruleout.faults.system import System
from ruleout.models.command import run_measure

__all__ = ["BlackBoxRun", "Box", "write_box"]

SEEDS = 4
"""Runs of each side by which the truth is measured."""

SCRIPT = '''"""Gaussian naive Bayes in plain Python: python train.py --rows FILE ... --seed N"""

import argparse
import csv
import json
import math
import random

parser = argparse.ArgumentParser()
for name in ("rows", "unit", "labels", "columns", "smoothing", "digits"):
    parser.add_argument(f"--{name}")
parser.add_argument("--seed", type=int)
given = parser.parse_args()
with open(given.rows, newline="") as file:
    rows = [(list(map(float, row[:-1])), row[-1]) for row in list(csv.reader(file))[1:]]
rng = random.Random(given.seed)
rng.shuffle(rows)
cut = 2 * len(rows) // 3
train, held = rows[:cut], rows[cut:]
classes = sorted({label for _, label in rows})
wrong = float(given.labels)
train = [(x, rng.choice(classes) if rng.random() < wrong else label) for x, label in train]
if wrong:
    train = [(x, classes[0] if rng.random() < wrong else label) for x, label in train]
kept = range(int(float(given.columns) * len(rows[0][0])))
digits = int(given.digits)
model = {}
for one in classes:
    members = [x for x, label in train if label == one] or [x for x, _ in train]
    columns = [[round(x[k], digits) for x in members] for k in kept]
    means = [sum(column) / len(column) for column in columns]
    spreads = [sum((v - m) ** 2 for v in column) / len(column) + float(given.smoothing) for column, m in zip(columns, means)]
    model[one] = (math.log(len(members) / len(train)), means, spreads)


def score(x, one):
    prior, means, spreads = model[one]
    told = (x[k] * float(given.unit) for k in kept)
    return prior - sum(0.5 * math.log(s) + (v - m) ** 2 / (2 * s) for v, m, s in zip(told, means, spreads))


right = sum(max(classes, key=lambda one: score(x, one)) == label for x, label in held)
print(json.dumps({"metric": right / len(held)}))
'''

NAMES = ("rows", "unit", "labels", "columns", "smoothing", "digits")
COMMAND = f"python train.py {' '.join(f'--{name} {{{name}}}' for name in (*NAMES, 'seed'))}"


@dataclass(frozen=True)
class Box:
    """A folder with the script and its rows, and each factor's two values."""

    folder: Path
    factors: Mapping[str, tuple[str, str]]
    min_effect: float = 0.03

    def metrics(self, side: str, *, put_right: str = "") -> list[float]:
        """The metric of a side with a few seeds, one factor put right where it is named."""
        values = {name: pair[side == "current" and name != put_right] for name, pair in self.factors.items()}
        return [run_measure(COMMAND, folder=self.folder, values=values, seed=1000 + seed) for seed in range(SEEDS)]


@dataclass(frozen=True)
class BlackBoxRun(Broken):
    """A black box and its truth; the folder goes with this object."""

    box: Box | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        assert self.box is not None
        weakref.finalize(self, shutil.rmtree, self.box.folder, ignore_errors=True)

    @property
    def in_files(self) -> bool:
        """A command is a file."""
        return True

    def case(self) -> Case:
        """The case, in the box's own folder."""
        assert self.box is not None
        return read_case(self.write(self.box.folder), trust=True)

    def write(self, folder: Path) -> Path:
        """Write the case as a folder, the truth not in it; returns its `case.toml`."""
        import tomli_w

        assert self.box is not None
        if folder != self.box.folder:
            shutil.copytree(self.box.folder, folder, dirs_exist_ok=True)
        document = {
            "case": {"title": f"{self.system.dataset.title}, a run in a box", "metric": "accuracy", "min_effect": self.box.min_effect},
            "factors": {name: list(pair) for name, pair in self.box.factors.items()},
            "run": {"measure": COMMAND},
        }
        path = folder / "case.toml"
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return path


def write_box(system: System, rng: np.random.Generator, harmful: str, severity: Severity, n_rows: int = 600) -> Box:
    """Write the script and two samples of the system's rows; the factor that is named does the harm, the others next to none.

    Raises
    ------
    Inapplicable
        The system has fewer than two numeric features.
    """
    data = system.dataset
    frame = system.reference.train
    numeric = [c for c in frame.columns if c not in (data.target, data.key, data.time) and frame[c].dtype.kind in "fi"]
    frame = frame[[*numeric, data.target]].dropna()
    numeric = [c for c in numeric if frame[c].std() > 0]
    if len(numeric) < 2:
        raise Inapplicable(f"pipeline.factor on {system.name}: {len(numeric)} numeric features, the command needs 2")
    frame = frame.assign(**{c: (frame[c] - frame[c].mean()) / frame[c].std() for c in numeric})
    # The most telling column first, so that leaving out the later ones does next to no harm and leaving out all but one a great deal.
    names = {"small": "0.5", "medium": "0.7", "large": "0.9"}[severity]
    factors = {
        "rows": ("a.csv", "b.csv"),
        "unit": ("1", {"small": "5", "medium": "20", "large": "100"}[severity] if harmful == "unit" else "1.0"),
        "labels": ("0", names if harmful == "labels" else "0.0"),
        "columns": ("1", f"{1.01 / len(numeric):.4f}" if harmful == "columns" else "1.0"),
        "smoothing": ("0.001", "0.002"),
        "digits": ("6", "4"),
    }
    folder = Path(tempfile.mkdtemp(prefix="ruleout-box-"))
    for name in ("a.csv", "b.csv"):
        picked = frame.sample(min(n_rows, len(frame)), random_state=int(rng.integers(2**31)))
        picked[[*numeric, data.target]].to_csv(folder / name, index=False)
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    return Box(folder, factors)
