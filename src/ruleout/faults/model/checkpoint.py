"""An artifact that is not the model that was meant."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.service import Service, ServiceFault, Serving
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


class CheckpointServing(ServiceFault):
    """Another artifact answers than the one that was validated: last month's, a trial run's, an early one, or a damaged one."""

    variants = ("earlier", "trial", "early", "damaged", "other-labels")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """The features are logged as they were received; what was deployed may be at hand, or not."""
        half, size = service.system.reference, {"small": 0, "medium": 1, "large": 2}[severity]
        target = service.system.dataset.target
        if variant == "damaged":
            model = copy.deepcopy(service.fitted.model)
            _damage(model.named_steps["model"], rng, (0.5, 1.0, 3.0)[size])
        elif variant == "trial":
            rows = rng.permutation(len(half.train))[: (120, 70, 40)[size]]
            model = train(half.config, half.train.iloc[rows], half.code)
        elif variant == "early":
            algorithm = half.config["algorithm"]
            if algorithm not in ("mlp", "boosting", "forest"):
                raise Inapplicable("no epochs")
            model = train({**half.config, "epochs" if algorithm == "mlp" else "n_estimators": (2, 1, 1)[size]}, half.train, half.code)
        elif variant == "earlier":
            # an earlier world: what is wanted today was something else for a part of the rows
            part = rng.random(len(half.train)) < (0.25, 0.35, 0.45)[size]
            old = half.train[target].where(~part, half.train[target].to_numpy()[rng.permutation(len(half.train))])
            model = train(half.config, half.train.assign(**{target: old}), half.code)
        else:
            if service.system.dataset.task == "regression":
                raise Inapplicable("no classes")
            labels = np.array(sorted(half.train[target].unique()), dtype=object)
            moved = half.train[target].map(dict(zip(labels, np.roll(labels, 1), strict=True)))
            kept = rng.random(len(half.train)) < (0.5, 0.4, 0.3)[size]
            model = train(half.config, half.train.assign(**{target: half.train[target].where(kept, moved)}), half.code)
        features = service.requests[service.features]
        shown = model if rng.random() < 0.5 else None
        log = service.log(features, service.answer(features, model))
        places = ("model", "serving.prediction", "serving.score")
        return Serving(log, places, {"shown": shown is not None}, accept=("pipeline.preprocessing",), artifact=shown)


class CheckpointEnvironment(CheckpointServing):
    """The second machine has another artifact than the first."""

    situation = "environment"
