"""Another setting that changed without intention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.network import Recipe
from ruleout.faults.runs import Course, RunFault, drawn
from ruleout.faults.setting import Choices, draw_setting
from ruleout.faults.system import System


def _heavy_rare_class(times: float) -> object:
    def weights(system: System) -> dict[str, float]:
        if system.dataset.task == "regression":
            raise Inapplicable("class weights are for classes")
        shares = system.reference.train[system.dataset.target].value_counts()
        return {str(c): times if c == shares.index[-1] else 1.0 for c in shares.index}

    return weights


_WEIGHTS = {"small": (_heavy_rare_class(6.0),), "medium": (_heavy_rare_class(12.0),), "large": (_heavy_rare_class(25.0),)}
_CHOICES: Choices = {
    "logistic": (
        ("max_iter", {"small": (2,), "medium": (1,), "large": (1,)}),
        ("class_weight", _WEIGHTS),
        ("fit_intercept", {"small": (False,), "medium": (False,), "large": (False,)}),
    ),
    "ridge": (("fit_intercept", {"small": (False,), "medium": (False,), "large": (False,)}),),
    "boosting": (("n_estimators", {"small": (5, 6), "medium": (2, 3), "large": (1,)}),),
    "forest": (
        ("n_estimators", {"small": (2, 3), "medium": (1,), "large": (1,)}),
        ("max_samples", {"small": (0.03,), "medium": (0.01,), "large": (0.004,)}),
        ("max_features", {"small": (1,), "medium": (1,), "large": (1,)}),
        ("class_weight", _WEIGHTS),
    ),
    "mlp": (
        ("hidden", {"small": ([2],), "medium": ([1],), "large": ([1, 1],)}),
        ("epochs", {"small": (2,), "medium": (1,), "large": (1,)}),
        ("activation", {"small": ("identity",), "medium": ("identity",), "large": ("identity",)}),
        ("batch_size", {"small": (1000,), "medium": (2000,), "large": (3000,)}),
    ),
}


class Hyperparameter(Fault):
    """A setting other than regularisation and learning rate was changed without intention."""

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Number of trees, of iterations, of units, an intercept, class weights, samples for a tree."""
        plan = draw_setting(system, rng, severity, _CHOICES)
        accept = ("model.class-imbalance",) if plan.places == ("config.class_weight",) else ("model.underfitting",)
        return Plan(plan.apply, plan.places, plan.parameters, accept=accept)


class HyperparameterTraining(RunFault):
    """Another setting of the run was changed: its length, its width, its batches, its clipping."""

    variants = ("epochs", "width", "batch", "clip")

    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """One key of the configuration."""
        both, size = frozenset({"config", "reference"}), {"small": 0, "medium": 1, "large": 2}[severity]
        if variant == "epochs":
            return Course(recipe, replace(recipe, epochs=(3, 2, 1)[size]), ("config.epochs",), ("model.underfitting",), needs=both)
        if variant == "width":
            return Course(recipe, replace(recipe, hidden=((2,), (1,), (1,))[size]), ("config.hidden",), ("model.underfitting",), needs=both)
        if variant == "batch":
            return Course(recipe, replace(recipe, batch_size=recipe.n_train), ("config.batch_size",), ("model.underfitting",), needs=both)
        clip = drawn(rng, 1e-4, 3e-3)
        return Course(recipe, replace(recipe, clip=clip), ("config.grad_clip",), ("model.underfitting",), needs=both)
