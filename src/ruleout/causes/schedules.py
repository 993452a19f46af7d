"""What a run's learning rates did to its loss: a rate that starved the run, and leaps of the rate that threw it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Side
from ruleout.problem.curves import columns_of

__all__ = ["Schedule", "schedule_keys", "schedule_of"]

KEYS = re.compile(r"schedul|gamma|step_size|decay_steps|decay_rate|lr_decay|decay_epochs|warmup|warm_up|restart|lr_policy|lr_step")
RATE_KEYS = ("learning_rate", "lr", "learning_rate_init", "eta0", "eta", "base_lr", "max_lr", "initial_lr", "init_lr", "peak_lr")
FACTORS = ("gamma", "lr_gamma", "lr_decay", "decay_rate", "lr_decay_rate", "decay_factor", "factor")
EVERY = ("step_size", "decay_steps", "decay_epochs", "lr_step", "lr_step_size", "lr_decay_epochs", "decay_every")


@dataclass(frozen=True)
class Schedule:
    """Rates and losses of the same records, and what the one did to the other.

    Parameters
    ----------
    rates
        The learning rate of each record, shape (n,).
    starved
        0 to 1: the rate fell to a hundredth of its largest early in the run, while the loss was still falling, and nothing came after.
    starved_at
        The record from which the rate was under a hundredth, counted from 0.
    jolted
        Share of the leaps of the rate after which the loss rose by a quarter or more; 0 where these leaps cost nothing in the end.
    leap
        The largest factor by which a rate leapt above those before it.
    n_leaps
        How many leaps there were.
    dying
        Whether the rate had come down to a fifth of its largest at the end, so that an end on a slope was meant.
    """

    rates: np.ndarray
    starved: float = 0.0
    starved_at: int | None = None
    jolted: float = 0.0
    leap: float = 1.0
    n_leaps: int = 0
    dying: bool = False


def schedule_of(side: Side | None) -> Schedule | None:
    """The rates of a run, from its history, else from the step decay in its configuration; None where neither tells them."""
    if side is None or side.history is None:
        return None
    known = columns_of(side.history)
    name = known.train or known.held
    if name is None:
        return None
    loss = side.history.numbers(name)
    rates = side.history.numbers(known.rate) if known.rate else _configured(side.config, len(loss))
    if rates is None:
        return None
    kept = np.isfinite(loss) & np.isfinite(rates)
    loss, rates = loss[kept], rates[kept]
    if len(rates) < 6 or rates.max() <= 0:
        return None
    starved, at = _starved(rates, loss)
    jolted, leap, n_leaps = _jolted(rates, loss)
    return Schedule(rates, starved, at, jolted, leap, n_leaps, dying=bool(rates[-1] <= 0.2 * rates.max()))


def schedule_keys(config: Mapping[str, Any] | None, above: str = "") -> list[str]:
    """The dotted keys of a configuration that say how the rate changes over a run."""
    found: list[str] = []
    for key, value in (config or {}).items():
        if isinstance(value, Mapping):
            found += schedule_keys(value, f"{above}{key}.")
        elif KEYS.search(f"{above}{key}".lower()) and value is not None:
            found.append(f"{above}{key}")
    return found


def _starved(rates: np.ndarray, loss: np.ndarray) -> tuple[float, int | None]:
    """How surely the rate died before the loss had stopped falling.

    A rate that is lowered because the loss stands still is as it should be; so the fall of one record while the rate was still up is
    held against all that came later.
    """
    n, top = len(rates), rates.max()
    down, out = (_for_good(rates < share * top) for share in (0.3, 0.01))
    if out is None or down is None or down < 1 or out > 0.5 * n:
        return 0.0, None
    first = max(0, down - 2)
    a_record = float(loss[first] - loss[down]) / (down - first)
    later = float(loss[down] - loss[down:].min())
    if a_record <= 0.01 * abs(float(loss[down])) or later > 1.5 * a_record or n - down < 4:
        return 0.0, None
    return (1.0 if out <= n / 3 else 0.7), out


def _for_good(low: np.ndarray) -> int | None:
    """The first record from which a condition holds to the end."""
    if not low[-1]:
        return None
    other = np.flatnonzero(~low)
    return int(other[-1]) + 1 if len(other) else 0


def _jolted(rates: np.ndarray, loss: np.ndarray) -> tuple[float, float, int]:
    """The share of the rate's leaps that threw the loss back, the largest leap, and how many there were.

    A leap is to three times the record before and three times the median of all before it: a restart from a cosine's end returns to
    where the run began and is none, unless it climbs above that.
    """
    leaps = [
        k
        for k in range(1, len(rates))
        if rates[k] >= 3 * rates[k - 1] and rates[k] >= 3 * np.median(rates[:k]) and rates[k] > 1.5 * rates[0] and rates[k - 1] > 0
    ]
    if not leaps:
        return 0.0, 1.0, 0
    harmed = [k for k in leaps if loss[k : k + 2].max() >= 1.25 * loss[k - 1]]
    largest = float(max(rates[k] / np.median(rates[:k]) for k in leaps))
    lost = loss[-max(2, len(loss) // 10) :].mean() > 1.02 * loss.min()
    return (len(harmed) / len(leaps) if lost else 0.0), largest, len(leaps)


def _configured(config: Mapping[str, Any] | None, n: int) -> np.ndarray | None:
    """The rates that a step decay in a configuration gives, a record an epoch; None where it names none."""
    flat = {k.lower(): v for k, v in _leaves(config or {})}
    numbers = {k: float(v) for k, v in flat.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    rate = next((numbers[k] for k in RATE_KEYS if k in numbers), None)
    factor = next((numbers[k] for k in FACTORS if k in numbers), None)
    every = next((numbers[k] for k in EVERY if k in numbers), None)
    epochs = next((numbers[k] for k in ("epochs", "n_epochs", "num_epochs", "max_epochs", "num_train_epochs") if k in numbers), None)
    stepwise = any(
        isinstance(v, str) and re.search(r"step|exp", v.lower())
        for k, v in flat.items()
        if "sched" in k or k in ("kind", "type", "lr_policy", "name")
    )
    if rate is None or factor is None or not 0 < factor < 1 or epochs != n or not (stepwise or every):
        return None
    return rate * factor ** np.floor(np.arange(n) / max(every or 1.0, 1.0))


def _leaves(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for key, value in config.items():
        out += _leaves(value) if isinstance(value, Mapping) else [(str(key), value)]
    return out
