"""Fewer bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.service import Served, Service, ServiceFault, Serving, on_the_way
from ruleout.faults.system import SideName, System, weighty

_ORIGIN = {"bfloat16": 1_980.0, "float16": 24_000.0, "int8": 400.0, "int8-by-column": 400.0, "low-bits": 400.0}


class Numerics(ServiceFault):
    """The numeric features are cast to a type that cannot hold them: numbers that stand far from zero, as stamps of time do."""

    variants = ("bfloat16", "float16", "int8", "int8-by-column", "low-bits")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Served:
        """As for other services, on a system some of whose weighty columns count from a far origin, in training as well."""
        chosen = variant or self.variants[int(rng.integers(len(self.variants)))]
        columns = weighty(system, "numeric", rng, {"small": 2, "medium": 3, "large": 5}[severity])
        sides: tuple[SideName, SideName] = ("reference", "current")
        scale = {c: float(np.nanstd(system.reference.train[c].astype(float))) or 1.0 for c in columns}
        for side in sides:
            half = system.half(side)
            for table in ("train", "validation"):
                frame = half.frame(table).copy()
                for column in columns:
                    frame[column] = _ORIGIN[chosen] + 3 * frame[column].astype(float) / scale[column]
                half = half.with_frame(table, frame)
            system = system.with_half(side, half)
        return super().inject(system, rng, severity, variant=chosen, tries=tries)

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Every numeric feature keeps 8 bits of mantissa, or 11, or 8 bits in all: with one step for all columns, or each its own.

        Or some of them lose their low bits, as a register drops them.
        """
        numeric = list(service.system.dataset.numeric)
        dropped = float(2 ** int(rng.integers(1, 4)))
        registers = weighty(service.system, "numeric", rng, {"small": 2, "medium": 3, "large": 4}[severity])
        largest = service.requests[numeric].astype(float).abs().max()

        def cast(values: np.ndarray) -> np.ndarray:
            if variant == "float16":
                return np.asarray(np.clip(values, -65_504, 65_504).astype(np.float16), dtype=float)
            cut = (values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
            return np.asarray(np.where(np.isfinite(values), cut, np.nan), dtype=float)

        def change(frame: Any) -> Any:
            if variant == "low-bits":
                return frame.assign(**{c: np.floor(frame[c].astype(float) / dropped) * dropped for c in registers})
            for column in numeric if variant.startswith("int8") else ():
                step = float(largest.max() if variant == "int8" else largest[column]) / 127 or 1.0
                frame[column] = (frame[column].astype(float) / step).round() * step
            for column in () if variant.startswith("int8") else numeric:
                frame[column] = cast(frame[column].to_numpy(dtype=float))
            return frame

        places = (*[f"serving.{c}" for c in (registers if variant == "low-bits" else numeric)], "serving.prediction")
        return Serving(on_the_way(service, change), places, {}, accept=("pipeline.preprocessing",))


class NumericsEnvironment(Numerics):
    """Two machines answer the same requests with another number of bits."""

    situation = "environment"
