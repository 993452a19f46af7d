"""A small neural network in plain numpy that is really trained, and writes down every epoch as a training program does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ruleout.faults.datasets import load_dataset

__all__ = ["Recipe", "as_config", "train_network"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: what a configuration says, and what befalls it on the way.

    Parameters
    ----------
    data
        A data set of `ruleout.faults.datasets`.
    n_train
        Training rows; as many validation rows, at most 1,200.
    schedule
        How the rate goes over the steps: constant, cosine to 0, a tenth after two thirds, one cycle, triangles, linear warm-up, or
        (which helps nobody) a thousandth after the first twentieth, and ever steeper.
    gain
        Factor of the healthy initial weights (He et al., 2015).
    bias
        Initial bias of the hidden units: far below zero none of them ever answers.
    quiet
        Share of the hidden units that have this bias.
    poison
        Epoch at which one batch holds a value that is no number; None for never.
    poison_value
        That value: NaN or an infinity.
    blind
        Share of the features whose values stand on other rows, so that there is nothing in them to learn.
    wrong
        Share of training labels that are wrong.
    stopped
        Epoch at which the job was ended from outside; None for never.
    frozen
        The hidden layers stay as they were drawn: only the last layer learns.
    patience
        Epochs without a better validation loss after which it stops; None for never.
    every
        Optimiser steps from record to record; 0 for one record an epoch.
    rare
        The task is to tell the rarest class from all others, with so large a share of the rows left of it; 0 where it is as the data are.
    weighed
        How the classes weigh in the loss of such a task: alike in all, by their share, or row by row.
    """

    data: str = "digits"
    n_train: int = 900
    hidden: tuple[int, ...] = (48,)
    activation: Literal["relu", "sigmoid", "tanh"] = "relu"
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch_size: int = 64
    epochs: int = 30
    schedule: Literal["constant", "cosine", "step", "one-cycle", "cyclic", "warmup", "early-drop", "climbing"] = "constant"
    dropout: float = 0.0
    clip: float | None = None
    gain: float = 1.0
    bias: float = 0.0
    quiet: float = 1.0
    poison: int | None = None
    poison_value: float = math.nan
    blind: float = 0.0
    wrong: float = 0.0
    stopped: int | None = None
    frozen: bool = False
    patience: int | None = None
    every: int = 0
    rare: float = 0.0
    weighed: Literal["balanced", "by-share", "rows"] = "rows"
    seed: int = 0


def as_config(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a team's configuration file has it: settings only, nothing of what befell the run."""
    config: dict[str, Any] = {
        "hidden": list(recipe.hidden),
        "activation": recipe.activation,
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.learning_rate,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "weight_decay": recipe.weight_decay,
    }
    if recipe.optimizer == "sgd":
        config["momentum"] = recipe.momentum
    optional = {
        "lr_schedule": recipe.schedule,
        "dropout": recipe.dropout,
        "grad_clip": recipe.clip,
        "early_stopping_patience": recipe.patience,
    }
    healthy = Recipe()
    defaults = {
        "lr_schedule": healthy.schedule,
        "dropout": healthy.dropout,
        "grad_clip": healthy.clip,
        "early_stopping_patience": healthy.patience,
    }
    config |= {key: value for key, value in optional.items() if value != defaults[key]}
    if recipe.rare:
        labels = _task(recipe)[1].astype(int)
        weights = [float(f"{w:.4g}") for w in _weights(recipe, labels)]
        config |= {"class_weight": {"balanced": "balanced", "by-share": weights, "rows": None}[recipe.weighed]}
        config["class_counts"] = {"other": int((labels == 0).sum()), "rare": int((labels == 1).sum())}
    return {**config, "seed": recipe.seed}


@lru_cache(maxsize=32)
def _rows(data: str, n_train: int, wrong: float, blind: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Standardised features and labels of training and validation rows, and the number of classes (0 for a number)."""
    import pandas as pd

    held = load_dataset(data)
    frame = held.frame.dropna(subset=[*held.features, held.target])
    frame = frame.sample(n=min(len(frame), n_train + 1200), random_state=11)
    features = pd.get_dummies(frame[list(held.features)], columns=list(held.categorical)).to_numpy(dtype=float)
    cut = min(n_train, int(0.7 * len(frame)))
    mean, scale = features[:cut].mean(axis=0), features[:cut].std(axis=0)
    features = (features - mean) / np.where(scale > 0, scale, 1.0)
    if blind:
        mixing = np.random.default_rng(9)
        for column in np.flatnonzero(mixing.random(features.shape[1]) < blind):
            features[:, column] = features[mixing.permutation(len(features)), column]
    if held.task == "regression":
        target = frame[held.target].to_numpy(dtype=float)
        target = (target - target[:cut].mean()) / target[:cut].std()
        n_classes = 0
    else:
        _, codes = np.unique(frame[held.target].astype(str), return_inverse=True)
        target, n_classes = codes.astype(float), int(codes.max()) + 1
        rng = np.random.default_rng(5)
        flipped = rng.random(cut) < wrong
        target[:cut][flipped] = rng.integers(0, n_classes, int(flipped.sum()))
    return features[:cut], target[:cut], features[cut:], target[cut:], n_classes


def _task(recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """The rows of the recipe's task, with hardly any of the rarest class left where the recipe says so."""
    rows, target, held_rows, held_target, n_classes = _rows(recipe.data, recipe.n_train, recipe.wrong, recipe.blind)
    if not recipe.rare:
        return rows, target, held_rows, held_target, n_classes
    rarest = int(np.argmin(np.bincount(target.astype(int), minlength=n_classes)))
    chance, parts = np.random.default_rng(21), []
    for a, b in ((rows, target), (held_rows, held_target)):
        is_rare = b == rarest
        left = recipe.rare / (1 - recipe.rare) * float((~is_rare).sum())
        stays = ~is_rare | (chance.random(len(b)) < left / max(float(is_rare.sum()), 1.0))
        parts += [a[stays], is_rare[stays].astype(float)]
    return parts[0], parts[1], parts[2], parts[3], 2


def _weights(recipe: Recipe, labels: np.ndarray) -> np.ndarray:
    """What a row of each of two classes weighs, one on average: inverse to its share (King, Zeng, 2001), like it, or the same."""
    share = np.bincount(labels, minlength=2) / len(labels)
    raw = {"balanced": 1 / np.maximum(share, 1e-9), "by-share": share, "rows": np.ones(2)}[recipe.weighed]
    return np.asarray(raw / float((share * raw).sum()))


class _Network:
    def __init__(self, recipe: Recipe, n_features: int, n_outputs: int, rng: np.random.Generator) -> None:
        self.recipe = recipe
        sizes = [n_features, *recipe.hidden, n_outputs]
        fan = 2.0 if recipe.activation == "relu" else 1.0
        self.weights = [rng.normal(0.0, recipe.gain * math.sqrt(fan / a), (a, b)) for a, b in pairwise(sizes)]
        self.biases = [np.where(np.arange(b) < round(recipe.quiet * b), float(recipe.bias), 0.0) for b in sizes[1:-1]]
        self.biases.append(np.zeros(n_outputs))

    def forward(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> list[np.ndarray]:
        """The answers of every layer, the rows themselves first; with `rng` some units are dropped."""
        layers = [rows]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = layers[-1] @ weight + bias
            if number < len(self.weights) - 1:
                kind = self.recipe.activation
                z = np.maximum(z, 0.0) if kind == "relu" else np.tanh(z) if kind == "tanh" else 1.0 / (1.0 + np.exp(-z))
                if rng is not None and self.recipe.dropout:
                    z = z * (rng.random(z.shape) >= self.recipe.dropout) / (1.0 - self.recipe.dropout)
            layers.append(z)
        return layers

    def gradients(self, layers: list[np.ndarray], slope: np.ndarray) -> list[np.ndarray]:
        """Gradients of weights and biases, all weights first."""
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        for number in range(len(self.weights) - 1, -1, -1):
            weights.insert(0, layers[number].T @ slope + self.recipe.weight_decay * self.weights[number])
            biases.insert(0, slope.sum(axis=0))
            if number:
                a, kind = layers[number], self.recipe.activation
                slope = (slope @ self.weights[number].T) * ((a > 0) if kind == "relu" else 1 - a**2 if kind == "tanh" else a * (1 - a))
        return [*weights, *biases]

    def dead(self, rows: np.ndarray) -> float:
        """Share of hidden units that answer 0 for every row."""
        hidden = self.forward(rows)[1:-1]
        return float(np.mean(np.concatenate([(layer <= 0).all(axis=0) for layer in hidden])))


def train_network(recipe: Recipe) -> list[dict[str, Any]]:
    """Train as the recipe says and return the history, a record an epoch (or every so many steps).

    Returns
    -------
    Records with `epoch` or `step`, `train_loss`, `val_loss`, for classes also `train_accuracy` and `val_accuracy`, `lr`, `grad_norm`
    (mean over the steps), `grad_norm_1` … of every layer's weights, and `dead_fraction` for rectified units.
    """
    with np.errstate(all="ignore"):
        return _train(recipe)


def _train(recipe: Recipe) -> list[dict[str, Any]]:
    rows, target, held_rows, held_target, n_classes = _task(recipe)
    importance = _weights(recipe, target.astype(int))[target.astype(int)] if recipe.rare else np.ones(len(target))
    rng = np.random.default_rng([recipe.seed, 77])
    network = _Network(recipe, rows.shape[1], max(n_classes, 1), rng)
    moving = [[np.zeros_like(p) for p in (*network.weights, *network.biases)] for _ in range(2)]
    per_epoch = math.ceil(len(rows) / recipe.batch_size)
    history: list[dict[str, Any]] = []
    norms: list[np.ndarray] = []
    step, best, waited = 0, math.inf, 0
    for epoch in range(1, recipe.epochs + 1):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), recipe.batch_size):
            at = order[start : start + recipe.batch_size]
            batch = rows[at]
            if recipe.poison == epoch and start == 0:
                batch = batch.copy()
                batch[0, 0] = recipe.poison_value
            layers = network.forward(batch, rng)
            gradients = network.gradients(layers, _slope(layers[-1], target[at], n_classes) * importance[at, None])
            if recipe.frozen:
                n_layers = len(network.weights)
                gradients = [g if k % n_layers == n_layers - 1 else np.zeros_like(g) for k, g in enumerate(gradients)]
            norms.append(np.array([math.sqrt(float((g**2).sum())) for g in gradients]))
            step += 1
            rate = _rate(recipe, step, per_epoch * recipe.epochs)
            _move(network, gradients, moving, rate, step, norms[-1])
            if recipe.every and step % recipe.every == 0:
                history.append({"step": step, **_record(network, recipe, (rows, target, held_rows, held_target), n_classes, rate, norms)})
                norms = []
        if not recipe.every:
            history.append({"epoch": epoch, **_record(network, recipe, (rows, target, held_rows, held_target), n_classes, rate, norms)})
            norms = []
        if epoch == recipe.stopped:
            break
        if recipe.patience is not None and history:
            now = history[-1]["val_loss"]
            best, waited = (now, 0) if now < best else (best, waited + 1)
            if waited >= recipe.patience:
                break
    return history


def _slope(output: np.ndarray, target: np.ndarray, n_classes: int) -> np.ndarray:
    """Gradient of the mean loss by the output: cross-entropy for classes, half the squared error for a number."""
    if not n_classes:
        slope: np.ndarray = (output - target[:, None]) / len(target)
        return slope
    probability: np.ndarray = _softmax(output)
    probability[np.arange(len(target)), target.astype(int)] -= 1.0
    return probability / len(target)


def _softmax(output: np.ndarray) -> np.ndarray:
    shifted = np.exp(output - output.max(axis=1, keepdims=True))
    total: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return total


def _rate(recipe: Recipe, step: int, n_steps: int) -> float:
    done, rate = step / n_steps, recipe.learning_rate
    factors = {
        "constant": 1.0,
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "step": 1.0 if done < 2 / 3 else 0.1,
        "one-cycle": done / 0.3 if done < 0.3 else max(0.0, (1 - done) / 0.7),
        "cyclic": 0.2 + 0.8 * abs(1 - (done * 6) % 2),
        "warmup": min(1.0, done / 0.1),
        "early-drop": 1.0 if done < 0.05 else 1e-3,
        "climbing": 300.0**done,
    }
    return float(rate * factors[recipe.schedule])


def _move(
    network: _Network, gradients: list[np.ndarray], moving: list[list[np.ndarray]], rate: float, step: int, norms: np.ndarray
) -> None:
    """One step of gradient descent with momentum, or of Adam (Kingma and Ba, 2015)."""
    recipe, parameters = network.recipe, [*network.weights, *network.biases]
    whole = math.sqrt(float((norms**2).sum()))
    shrink = min(1.0, recipe.clip / whole) if recipe.clip is not None and whole > 0 else 1.0
    for parameter, gradient, first, second in zip(parameters, gradients, *moving, strict=True):
        if recipe.optimizer == "sgd":
            first *= recipe.momentum
            first += gradient * shrink
            parameter -= rate * first
            continue
        first += 0.1 * (gradient * shrink - first)
        second += 0.001 * ((gradient * shrink) ** 2 - second)
        parameter -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)


def _record(
    network: _Network, recipe: Recipe, data: tuple[np.ndarray, ...], n_classes: int, rate: float, norms: list[np.ndarray]
) -> dict[str, Any]:
    rows, target, held_rows, held_target = data
    out: dict[str, Any] = {}
    for name, (a, b) in {"train": (rows, target), "val": (held_rows, held_target)}.items():
        output = network.forward(a)[-1]
        if n_classes:
            shifted = output - output.max(axis=1, keepdims=True)
            logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            out[f"{name}_loss"] = -float(logs[np.arange(len(b)), b.astype(int)].mean())
            right = output.argmax(axis=1) == b if np.isfinite(output).all() else np.zeros(len(b), dtype=bool)
            out[f"{name}_accuracy"] = float(right.mean())
            if recipe.rare:
                out[f"{name}_balanced_accuracy"] = float(np.mean([right[b == c].mean() for c in (0, 1)]))
        else:
            out[f"{name}_loss"] = float(((output[:, 0] - b) ** 2).mean())
    mean = np.mean(norms, axis=0)
    out |= {"lr": rate, "grad_norm": float(np.sqrt((np.array(norms) ** 2).sum(axis=1)).mean())}
    out |= {f"grad_norm_{k + 1}": float(v) for k, v in enumerate(mean[: len(network.weights)])}
    if recipe.activation == "relu":
        out["dead_fraction"] = network.dead(held_rows)
    return {key: value if isinstance(value, int) else float(f"{value:.6g}") for key, value in out.items()}
