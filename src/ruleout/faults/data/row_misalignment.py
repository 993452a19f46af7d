"""Values on the wrong rows."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.system import Half, System, weighty


class RowMisalignment(Fault):
    """Columns of one table stand on the wrong rows: each alone looks right, together they do not."""

    variants = ("shift", "shuffle", "sorted", "target")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One to three weighty columns, or the target."""
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        columns = [system.dataset.target] if variant == "target" else weighty(system, "any", rng, n)
        table = str(rng.choice(["train", "validation"]))
        seed, shift = int(rng.integers(2**31)), int(rng.integers(1, 40))

        def change(half: Half) -> Half:
            frame = half.frame(table).copy()
            order = np.random.default_rng(seed).permutation(len(frame))
            for column in columns:
                was = half.frame(table)[column]
                if variant in ("shift", "target"):
                    moved = np.roll(np.arange(len(frame)), shift)
                elif variant == "shuffle":
                    moved = order
                else:
                    moved = was.reset_index(drop=True).sort_values(kind="stable").index.to_numpy()
                frame[column] = was.take(moved).set_axis(frame.index)
            return half.with_frame(table, frame)

        places = tuple(f"{table}.{c}" for c in columns)
        accept = ("data.label-errors",) if variant == "target" else ()
        return Plan(on_current(change), places, {"table": table, "columns": columns, "shift": shift}, accept=accept)
