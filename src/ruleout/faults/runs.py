"""Training runs that are broken in one way, each a small network that was really trained: its history and configuration as a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ruleout.case.case import Case, Side
from ruleout.errors import UnknownCause, nearest
from ruleout.faults.network import Recipe, as_config, train_network

__all__ = ["RUN_FAULTS", "BrokenRun", "break_run", "healthy_run"]

Shown = Literal["all", "usual", "losses"]

_USUAL = ("epoch", "step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm")
_LOSSES = ("epoch", "step", "train_loss", "val_loss")


@dataclass(frozen=True)
class BrokenRun:
    """A run as a case, and the truth: `causes` the main one first (none where it is healthy), `accept` what the files support as well."""

    case: Case
    causes: tuple[str, ...]
    places: tuple[str, ...]
    accept: tuple[str, ...]
    recipe: Recipe
    reference: Recipe | None


@dataclass(frozen=True)
class _Break:
    before: Callable[[Recipe, np.random.Generator], Recipe]
    after: Callable[[Recipe, np.random.Generator], Recipe]
    places: tuple[str, ...]
    accept: tuple[str, ...] = ()
    needs_reference: bool = False


def _same(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    return recipe


def _steep(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    return replace(recipe, learning_rate=recipe.learning_rate * float(rng.choice([60, 150])))


def _flat(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    return replace(recipe, learning_rate=recipe.learning_rate / float(rng.choice([300, 1000])))


def _wide(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    return replace(recipe, data=str(rng.choice(["digits", "rodents"])), n_train=300, wrong=0.2, epochs=70, hidden=(96,), weight_decay=0.01)


RUN_FAULTS: Mapping[str, tuple[_Break, ...]] = {
    "model.learning-rate": (
        _Break(_same, _steep, ("config.learning_rate", "history.lr"), ("model.non-finite",)),
        _Break(_same, _flat, ("config.learning_rate", "history.lr")),
    ),
    "model.regularization": (
        _Break(_wide, lambda r, _: replace(r, weight_decay=0.0), ("config.weight_decay",), ("model.overfitting",), needs_reference=True),
        _Break(_same, lambda r, _: replace(r, weight_decay=0.5), ("config.weight_decay",), ("model.underfitting",), needs_reference=True),
    ),
    "model.hyperparameter": (
        _Break(_same, lambda r, _: replace(r, epochs=2), ("config.epochs",), ("model.underfitting",), needs_reference=True),
        _Break(_same, lambda r, _: replace(r, hidden=(1,)), ("config.hidden",), ("model.underfitting",), needs_reference=True),
    ),
    "model.overfitting": (
        _Break(
            lambda r, rng: replace(_wide(r, rng), n_train=1500, weight_decay=0.0, wrong=0.0),
            lambda r, _: replace(r, n_train=120, wrong=0.3),
            ("model", "history.val_loss"),
            needs_reference=True,
        ),
    ),
    "model.non-finite": (
        _Break(
            _same, lambda r, rng: replace(r, poison=int(rng.integers(4, r.epochs - 2))), ("history.train_loss", "history.val_loss", "model")
        ),
    ),
    "model.gradients": (
        _Break(
            lambda r, _: replace(r, hidden=(32,) * 8, activation="sigmoid", gain=3.0),
            lambda r, _: replace(r, gain=1.0),
            ("history.grad_norm", "model"),
        ),
    ),
    "model.dead-units": (_Break(_same, lambda r, _: replace(r, bias=-30.0), ("history.dead_fraction", "model")),),
}
"""By cause: the ways in which a run is broken."""


def healthy_run(rng: np.random.Generator, *, reference: bool = True, shown: Shown = "all", config: bool = True) -> BrokenRun:
    """A run that converges, with another seed than its reference's: noisy, on a schedule, stopped early or short, as it comes."""
    base, changes = _recipe(rng), _HEALTHY[int(rng.integers(len(_HEALTHY)))]
    first = replace(base, **changes)
    return _run_case((), (), (), replace(first, seed=first.seed + 1000), first if reference else None, shown, config=config)


_HEALTHY: tuple[dict[str, Any], ...] = (
    {},
    {"schedule": "cosine"},
    {"schedule": "step"},
    {"schedule": "one-cycle"},
    {"schedule": "cyclic"},
    {"schedule": "warmup"},
    {"patience": 6},
    {"epochs": 10},
    {"batch_size": 16},
    {"every": 5, "epochs": 5},
)


def break_run(
    cause: str,
    rng: np.random.Generator,
    *,
    variant: int | None = None,
    reference: bool | None = None,
    shown: Shown = "all",
) -> BrokenRun:
    """Train a network that is broken in one of the ways of `cause`, and the one that it is held against.

    Parameters
    ----------
    variant
        Which way; drawn where None.
    reference
        Whether the run that worked is shown; by default only where nothing could be said without.
    shown
        Which columns the history has.

    Raises
    ------
    UnknownCause
        No run is broken in that way here.
    """
    if cause not in RUN_FAULTS:
        raise UnknownCause(f'no broken run for "{cause}" ({len(RUN_FAULTS)} causes).{nearest(cause, RUN_FAULTS)}')
    ways = RUN_FAULTS[cause]
    way = ways[int(rng.integers(len(ways))) if variant is None else variant]
    before = way.before(_recipe(rng), rng)
    after = way.after(before, rng)
    beside = before if (way.needs_reference if reference is None else reference) else None
    return _run_case((cause,), way.places, way.accept, after, beside, shown)


def _recipe(rng: np.random.Generator) -> Recipe:
    data = str(rng.choice(["digits", "rodents", "storms", "diamonds", "computers"]))
    rate = float(rng.choice([0.004, 0.01])) if data in ("diamonds", "computers") else float(rng.choice([0.01, 0.03, 0.05]))
    return Recipe(
        data=data,
        learning_rate=rate,
        hidden=(int(rng.choice([32, 48])),) * int(rng.choice([1, 1, 2])),
        epochs=int(rng.choice([15, 20, 30])),
        n_train=int(rng.choice([900, 1500])),
        seed=int(rng.integers(1000)),
    )


def _run_case(
    causes: tuple[str, ...],
    places: tuple[str, ...],
    accept: tuple[str, ...],
    recipe: Recipe,
    reference: Recipe | None,
    shown: Shown,
    *,
    config: bool = True,
) -> BrokenRun:
    current, before = (_side(r, shown, config=config) if r is not None else None for r in (recipe, reference))
    case = Case(current=current or Side(), reference=before, title=f"A network on {recipe.data}", changed="retraining")
    return BrokenRun(case, causes, places, accept, recipe, reference)


def _side(recipe: Recipe, shown: Shown, *, config: bool) -> Side:
    records = train_network(recipe)
    kept = {"all": None, "usual": _USUAL, "losses": _LOSSES}[shown]
    history: Any = [{k: v for k, v in record.items() if kept is None or k in kept} for record in records]
    return Side(history=history, config=as_config(recipe) if config else None)
