"""Values on the wrong rows."""

from __future__ import annotations

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.service import Service, ServiceFault, Serving
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


class RowMisalignmentServing(ServiceFault):
    """Answers or features stand on other rows of the log than those they belong to."""

    variants = ("answers", "ahead", "shuffled", "sorted")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Answers come back in another order, or some rows too high; or weighty features are joined after sorting, before the model."""
        features = service.requests[service.features]
        n = len(features)
        if variant in ("answers", "ahead"):
            source = np.arange(n)
            if variant == "ahead":
                source = np.roll(source, -int(rng.integers(1, 20)))
            else:
                size = {"small": 3, "medium": 8, "large": 50}[severity]
                source = np.concatenate([part[rng.permutation(len(part))] for part in np.array_split(source, max(1, n // size))])
            answers = {name: values[source] for name, values in service.answer(features).items()}
            accept = (
                () if "score" in answers or service.system.dataset.task == "regression" or variant == "ahead" else ("model.checkpoint",)
            )
            return Serving(service.log(features, answers), tuple(f"serving.{name}" for name in answers), {}, accept=accept)
        columns = weighty(service.system, "any", rng, {"small": 1, "medium": 1, "large": 2}[severity])
        frame = features.copy()
        order = rng.permutation(n) if variant == "shuffled" else np.argsort(features[columns[0]].astype(str).to_numpy(), kind="stable")
        for column in columns:
            frame[column] = features[column].take(order).to_numpy()
        places = tuple(f"serving.{c}" for c in columns)
        return Serving(service.log(frame, service.answer(frame)), places, {"columns": columns}, accept=("pipeline.temporal-misalignment",))
