"""An artifact that holds nothing."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable, Severity
from ruleout.faults.night import Night, NightFault, Spoilt, reported
from ruleout.faults.system import System


class EmptyArtifact(NightFault):
    """What was published has no bytes, no model, no fitted state, no trees or no coefficients; the rows were all there."""

    variants = ("no-bytes", "nothing", "unfitted", "no-trees", "no-coefficients", "pointer")

    def spoil(self, system: System, night: Night, rng: np.random.Generator, severity: Severity, variant: str) -> Spoilt:
        """The report is null, or another's: yesterday's number, or that of the model before it was written."""
        if variant == "no-bytes":
            raw = b""
        elif variant == "nothing":
            empties: tuple[Any, ...] = (None, {}, [])
            raw = pickle.dumps(empties[int(rng.integers(3))])
        elif variant == "pointer":
            raw = f"version https://git-lfs.github.com/spec/v1\noid sha256:{rng.bytes(32).hex()}\nsize {len(night.artifact)}\n".encode()
        else:
            raw = pickle.dumps(_hollow(night.model, variant), protocol=4)
        after, causes = replace(night, artifact=raw), ["pipeline.empty-artifact"]
        places = [("model", *(f"runlog.{night.style.stage(r)}" for r in ("publish", "train")))]
        how = str(rng.choice(["null", "nan", "well", "skipped"]))
        if how != "well":
            after, further = reported(after, system.metric, how, rng)
            causes.append("pipeline.silent-metrics")
            places.append(further)
        return Spoilt(after, tuple(causes), tuple(places), {"n_bytes": len(raw), "report": how}, usable=False)


def _hollow(model: Any, variant: str) -> Any:
    """The pipeline with nothing fitted in its last step, or nothing in what was fitted."""
    from sklearn.base import clone

    if variant == "unfitted":
        return clone(model)
    hollow = copy.deepcopy(model)
    last = hollow.named_steps["model"]
    if variant == "no-trees":
        if hasattr(last, "_predictors"):
            last._predictors = []
        elif hasattr(last, "estimators_"):
            last.estimators_ = []
        else:
            raise Inapplicable("a model without trees")
        return hollow
    if hasattr(last, "coef_"):
        last.coef_ = np.zeros((*np.shape(last.coef_)[:-1], 0))
    elif hasattr(last, "coefs_"):
        last.coefs_ = []
    else:
        raise Inapplicable("a model without coefficients")
    return hollow
