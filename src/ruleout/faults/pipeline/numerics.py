"""Fewer bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.service import Service, ServiceFault, Serving, on_the_way


class Numerics(ServiceFault):
    """The numeric features are cast to a type that cannot hold them."""

    variants = ("bfloat16", "float16", "levels")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Mantissas are cut, halves are taken, or values are put on few levels."""
        numeric = list(service.system.dataset.numeric)
        del rng

        def cast(values: np.ndarray) -> np.ndarray:
            if variant == "bfloat16":
                keep = {"small": 0xFFFF, "medium": 0xFFFF, "large": 0xFFFF}[severity]
                bits = values.astype(np.float32).view(np.uint32) & np.uint32(keep << 16)
                return bits.view(np.float32).astype(float)
            if variant == "float16":
                return np.asarray(np.clip(values, -65_504, 65_504).astype(np.float16), dtype=float)
            low, high = np.nanmin(values), np.nanmax(values)
            return np.asarray(low + np.round((values - low) / max(high - low, 1e-12) * 255) / 255 * (high - low))

        def change(frame: Any) -> Any:
            for column in numeric:
                frame[column] = cast(frame[column].to_numpy(dtype=float))
            return frame

        places = (*[f"serving.{c}" for c in numeric], "serving.prediction")
        return Serving(on_the_way(service, change), places, {}, accept=("pipeline.preprocessing",))
