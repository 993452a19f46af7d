"""An artifact that is not the model that was meant."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.system import Half, System, train


class Checkpoint(Fault):
    """The saved artifact is another one than training gave: an early epoch, another run, damaged weights, exchanged classes."""

    variants = ("early", "other-run", "damaged", "other-labels")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Data and configuration are as they should be; a refit would give the right model."""
        seed, algorithm = int(rng.integers(2**31)), system.current.config["algorithm"]
        size = {"small": 0, "medium": 1, "large": 2}[severity]
        if variant == "early" and algorithm not in ("mlp", "boosting"):
            raise Inapplicable("no epochs")
        if variant == "other-labels" and system.dataset.task == "regression":
            raise Inapplicable("no classes")
        rows = (120, 70, 40)[size]

        def tamper(model: Any, half: Half) -> Any:
            generator = np.random.default_rng(seed)
            if variant == "early":
                key = "epochs" if algorithm == "mlp" else "n_estimators"
                early = train({**half.config, key: (2, 1, 1)[size]}, half.train, half.code)
                name = "max_iter"
                early.named_steps["model"].set_params(**{name: model.named_steps["model"].get_params()[name]})
                return early
            if variant == "other-run":
                frame = half.train.iloc[generator.permutation(len(half.train))[:rows]]
                return train({**half.config, "seed": seed % 1000}, frame, half.code)
            damaged = copy.deepcopy(model)
            if variant == "other-labels":
                target = system.dataset.target
                labels = np.array(sorted(half.train[target].unique()), dtype=object)
                moved = dict(zip(labels, np.roll(labels, 1), strict=True))
                kept = generator.random(len(half.train)) < (0.5, 0.4, 0.3)[size]
                return train(
                    half.config, half.train.assign(**{target: half.train[target].where(kept, half.train[target].map(moved))}), half.code
                )
            _damage(damaged.named_steps["model"], generator, (0.5, 1.0, 3.0)[size])
            return damaged

        note = "early epoch" if variant == "early" else variant
        return Plan(on_current(lambda half: replace(half, tamper=tamper)), ("model",), {"artifact": note})


def _damage(step: Any, rng: np.random.Generator, size: float) -> None:
    """Disturb the weights of a fitted step in place, by `size` times their own spread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(step, "coef_"):
            step.coef_ = step.coef_ + rng.normal(0, size, np.shape(step.coef_)) * np.std(step.coef_)
        elif hasattr(step, "coefs_"):
            step.coefs_ = [w + rng.normal(0, size, w.shape) * w.std() for w in step.coefs_]
        elif hasattr(step, "_predictors"):
            for stage in step._predictors:
                for tree in stage:
                    values = tree.nodes["value"]
                    tree.nodes["value"] = rng.permutation(values) if rng.random() < min(1.0, size) else values
        else:
            for tree in step.estimators_:
                values = tree.tree_.value
                if rng.random() < min(0.95, 0.3 + 0.3 * size):
                    values[:] = values[rng.permutation(len(values))]
