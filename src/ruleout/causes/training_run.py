"""What the pages on training share: what a history's curves show, on their own and against the reference's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ruleout.case.case import Side
from ruleout.causes.schedules import schedule_of
from ruleout.causes.settings import changed_settings
from ruleout.problem.curves import Columns, columns_of
from ruleout.problem.problem import Problem
from ruleout.statistics.curves import constant_run, fall, find_break, find_turn, late_fall, orders, shaking, steadiness
from ruleout.tables.table import Table

__all__ = ["EXPLODED", "STEEP", "Rate", "Run", "Signs", "flat_settings", "is_training", "last_word", "rate_of", "read_run", "signs_of"]

UPPER, LOWER = 1.0, 3e-3
"""Rates between which plain gradient descent usually trains, counted as rate / (1 - momentum): 0.1 and 3e-4 at a momentum of 0.9."""

ADAPTIVE_UPPER, ADAPTIVE_LOWER = 0.02, 1e-5
"""The same for methods that scale each step by the gradient's own size (Adam and its kin): 0.02 is rarely stable, 1e-5 rarely arrives."""

SHORT, STEEP = 6, 0.04
"""A run of at most so many records whose loss lost so much of its level in the last one was stopped on its way."""

EXPLODED = 100.0
"""A gradient norm that no healthy run records."""

ADAPTIVE = re.compile(r"adam|rmsprop|adafactor|lamb|lion|nadam|adabelief")
FIRST_ORDER = re.compile(r"sgd|momentum|nesterov|lars")


@dataclass(frozen=True)
class Run:
    """One side's history with its columns told apart; arrays of shape (n,), None where there is no such column."""

    table: Table
    columns: Columns
    train: np.ndarray | None
    held: np.ndarray | None
    train_score: np.ndarray | None
    held_score: np.ndarray | None
    rates: np.ndarray | None
    norms: np.ndarray | None
    layers: np.ndarray | None
    dead: np.ndarray | None

    @property
    def n(self) -> int:
        """How many records the history has."""
        return self.table.n_rows

    @property
    def loss(self) -> np.ndarray | None:
        """The curve that says best how training went: the training loss, else the validation loss, else 1 - the training score."""
        if self.train is not None or self.held is not None:
            return self.train if self.train is not None else self.held
        score = self.train_score if self.train_score is not None else self.held_score
        return None if score is None else 1.0 - score

    @property
    def loss_column(self) -> str:
        """The name of that curve."""
        known = self.columns
        return known.train or known.held or known.train_score or known.held_score or "loss"


@dataclass(frozen=True)
class Rate:
    """The learning rate of a run: its key, and by how many powers of ten it is above or below what usually trains (0 within)."""

    value: float | None
    key: str | None
    excess: float = 0.0
    lack: float = 0.0
    adaptive: bool = False


@dataclass(frozen=True)
class Signs:
    """How strongly a run shows each illness, 0 to 1.

    Parameters
    ----------
    diverged
        The loss grew by orders of magnitude, to infinity or not.
    sudden
        It fell as it should and then was no number from one record to the next.
    at_once
        It was no number from the first or second record on.
    standing
        Nothing is learned: the answers are as good as one constant.
    still
        The loss does not move; that alone may be a first record that came late.
    slow
        It falls steadily, evenly, and by little.
    unfinished
        It has fallen far and was still falling steeply at its end.
    straight
        It falls along a straight line with every record, and so by little that the line could go on for long.
    shaking
        It jumps up and down and does not settle.
    spiked
        It leapt to three times its first record or more, and came down again.
    turned
        Validation loss passed its lowest point and rose while training loss fell on.
    wide
        Training ended better than the reference's and validation worse.
    high
        Training itself ended worse than the reference's.
    starved
        The learning rate died away early, while the loss was still falling.
    jolted
        Leaps of the learning rate threw the loss back.
    tame
        Training stands on a plateau since early on and validation is no worse than it: something holds the model back.
    vanishing, exploding, dead
        The same said of gradients and units, where the history has them.
    figures
        The numbers behind, for the sentences.
    """

    diverged: float = 0.0
    sudden: float = 0.0
    at_once: float = 0.0
    standing: float = 0.0
    still: float = 0.0
    slow: float = 0.0
    unfinished: float = 0.0
    straight: float = 0.0
    spiked: float = 0.0
    shaking: float = 0.0
    turned: float = 0.0
    wide: float = 0.0
    high: float = 0.0
    starved: float = 0.0
    jolted: float = 0.0
    tame: float = 0.0
    vanishing: float = 0.0
    exploding: float = 0.0
    dead: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def broke(self) -> float:
        """Whether the run ended in something that is no number, or on its way there."""
        return max(self.diverged, self.sudden, self.at_once)

    @property
    def strongest(self) -> float:
        """How strongly the run shows any illness."""
        slow = max(self.slow, self.unfinished, self.starved, self.high)
        return max(self.broke, self.standing, slow, self.shaking, self.jolted, self.turned, self.wide, self.dead)


def is_training(problem: Problem) -> bool:
    """Whether the problem is a run by its curves, with nothing that could be fitted again."""
    return problem.situation == "training"


def read_run(side: Side | None) -> Run | None:
    """A side's history with its columns told apart; None where it has none with a loss or a score in it."""
    if side is None or side.history is None or side.history.n_rows == 0:
        return None
    table, known = side.history, columns_of(side.history)
    taken = {name: _numbers(table, getattr(known, name)) for name in ("train", "held", "train_score", "held_score", "dead")}
    layers = np.stack([table.numbers(c) for c in known.layers]) if known.layers else None
    run = Run(table, known, **taken, rates=_numbers(table, known.rate), norms=_numbers(table, known.norm), layers=layers)
    return run if run.loss is not None else None


def _numbers(table: Table, column: str | None) -> np.ndarray | None:
    """A column without the records in which it was not evaluated, where it was evaluated again afterwards."""
    if column is None:
        return None
    values = table.numbers(column)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return values
    skipped = np.isnan(values[: known[-1]]).mean() > 0.2 if known[-1] else False
    return values[known] if skipped and len(values) - known[-1] <= 2 * int(np.max(np.diff(known), initial=1)) else values


def rate_of(side: Side | None, run: Run | None) -> Rate:
    """The learning rate that a side says it trained with, held against what usually trains with its optimiser."""
    settings = dict(flat_settings(side.config)) if side and side.config else {}
    key = next(
        (k for k in settings if last_word(k) in ("learning_rate", "lr", "learning_rate_init", "eta0", "eta", "base_lr", "max_lr")), None
    )
    value = settings.get(key) if key else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = float(np.nanmax(run.rates)) if run and run.rates is not None and np.isfinite(run.rates).any() else None
    if value is None:
        return Rate(None, key)
    optimizer = " ".join(
        str(v).lower()
        for k, v in settings.items()
        if last_word(k) in ("optimizer", "optimiser", "optim", "opt", "solver", "name", "type", "method", "class_name", "algorithm")
    )
    momentum = next((v for k, v in settings.items() if last_word(k) == "momentum" and isinstance(v, int | float)), None)
    adaptive = bool(ADAPTIVE.search(optimizer))
    plain = bool(FIRST_ORDER.search(optimizer)) or (momentum is not None and not adaptive)
    steps = 1.0 - min(float(momentum or 0.0), 0.9999)
    upper = ADAPTIVE_UPPER if adaptive else UPPER * steps if plain else 0.3
    lower = ADAPTIVE_LOWER if adaptive else LOWER * steps if plain else ADAPTIVE_LOWER
    rounds = _rounds(settings, run)
    if rounds is not None:
        # with a shrinkage of eta, (1 - eta)^rounds of what can be learned is left over: under 1 / rounds, more than a third
        upper, lower = 1.0, 1.0 / rounds
    if value <= 0:
        return Rate(float(value), key, 0.0, 9.0, adaptive)
    return Rate(float(value), key, max(0.0, math.log10(value / upper)), max(0.0, math.log10(lower / value)), adaptive)


def _rounds(settings: Mapping[str, Any], run: Run | None) -> int | None:
    """How many rounds of boosting a configuration asks for; None where it is not of boosted trees."""
    words = {last_word(k): v for k, v in settings.items()}
    if not words.keys() & {
        "num_leaves",
        "max_depth",
        "min_data_in_leaf",
        "min_child_weight",
        "max_leaf_nodes",
        "boosting",
        "booster",
        "num_boost_round",
    }:
        return None
    names = ("n_estimators", "num_boost_round", "num_iterations", "iterations", "num_rounds", "n_rounds", "rounds", "nrounds", "max_iter")
    given = next((words[k] for k in names if isinstance(words.get(k), int) and words[k] > 0), None)
    return given or (run.n if run is not None else None)


def signs_of(problem: Problem) -> Signs | None:
    """What the current side's curves show, held against the reference's where there are any; None without curves."""
    run, was = read_run(problem.case.current), read_run(problem.case.reference)
    if run is None or run.loss is None:
        return None
    loss, found = run.loss, dict[str, float]()
    figures: dict[str, Any] = {"n": run.n, "column": run.loss_column}
    _breaking(run, found, figures)
    rate = rate_of(problem.case.current, run)
    if not max(found.get("diverged", 0.0), found.get("at_once", 0.0)):
        schedule = schedule_of(problem.case.current)
        if schedule is not None:
            found |= {"starved": schedule.starved, "jolted": schedule.jolted}
            figures |= {"starved_at": schedule.starved_at, "leap": schedule.leap, "n_leaps": schedule.n_leaps}
        _standing(run, was, rate, found, figures)
        _settling(run, was, found, figures, dying=schedule is not None and schedule.dying)
        _held_back(run, found)
        if not found.get("standing") and not found.get("sudden"):
            _generalising(problem, run, was, found, figures)
    _gradients(run, was, found, figures)
    if found.get("exploding", 0.0) >= 1.0 and figures.get("norm", 0.0) > EXPLODED:
        # small beside a norm of hundreds is not small
        found.pop("vanishing", None)
    figures["first"], figures["last"] = _ends(loss)
    return Signs(**found, figures=figures)


def _ends(loss: np.ndarray) -> tuple[float | None, float | None]:
    kept = loss[np.isfinite(loss)]
    return (float(kept[0]), float(kept[-1])) if len(kept) else (None, None)


def _breaking(run: Run, found: dict[str, float], figures: dict[str, Any]) -> None:
    loss = run.loss
    curves = [c for c in (run.train, run.held) if c is not None] or [c for c in (loss,) if c is not None]
    breaks = [b for b in (find_break(c) for c in curves if c is not None) if b is not None]
    if loss is None:
        return
    if not breaks:
        kept = loss[np.isfinite(loss)]
        if (
            len(kept) > 1
            and kept[0] > 0
            and orders(loss) >= 0.7
            and kept[-1] > 3 * max(kept[0], float(np.median(kept[: len(kept) // 2 + 1])) / 10)
        ):
            found["diverged"] = min(1.0, orders(loss))
            figures["growth"] = orders(loss)
        return
    first = min(breaks, key=lambda b: b.at)
    grown = max(
        orders(c[: b.at]) if b.at else 0.0
        for b, c in zip(breaks, [c for c in curves if c is not None and find_break(c) is not None], strict=True)
    )
    steps = orders(run.norms[: first.at + 1]) if run.norms is not None else 0.0
    figures |= {"broke_at": first.at, "growth": grown, "norm_growth": steps}
    infinite = math.isinf(first.growth) and first.at <= 2
    if grown >= 0.5 or steps >= 1.5 or (infinite and first.at > 0):
        found["diverged"] = 1.0
    elif first.at <= 1:
        found["at_once"] = 1.0
    else:
        found["sudden"] = 1.0


def _standing(run: Run, was: Run | None, rate: Rate, found: dict[str, float], figures: dict[str, Any]) -> None:
    """Whether anything was learned: a small fall alone is no sign, for the first record may come late."""
    loss = run.loss
    if loss is None:
        return
    kept = loss[np.isfinite(loss)]
    if len(kept) < 4:
        return
    fell, steady, late = fall(loss), steadiness(loss), late_fall(loss)
    figures |= {"fall": fell, "late_fall": late, "steadiness": steady}
    if found.get("starved"):
        return
    learned = _learned(was)
    gained = _learned(run)
    lags = was is not None and was.loss is not None and learned > 0.2 and gained < 0.25 * learned
    even = steady >= 0.85 and late >= 0.2
    if even and (rate.lack > 0 or lags or fell < 0.4):
        # an adaptive method at a small rate is how a trained network is tuned further: what fell far was not too slow
        tuned = rate.adaptive and fell > 0.4
        found["slow"] = 0.3 if tuned else 1.0 if rate.lack > 0 or lags else 0.5 if fell < 0.2 and len(kept) >= 8 else 0.25
        if not rate.adaptive and steady >= 0.95 and late >= 0.25 and fell < 0.15 and gained < 0.15 and len(kept) >= 8:
            found["straight"] = 1.0
        return
    if fell > 0.15 and gained > 0.1:
        return
    found["still"] = 1.0 if fell < 0.03 and len(kept) >= 6 else 0.0
    signs = [0.9 if run.dead is not None and np.isfinite(run.dead).any() and run.dead[np.isfinite(run.dead)][-1] >= 0.95 else 0.0]
    signs.append(_chance(run))
    signs.append(0.9 if constant_run(loss) >= 0.5 else 0.0)
    signs.append(0.8 if lags else 0.0)
    if rate.lack > 0 and fell < 0.1:
        found["slow"] = 0.9
    if max(signs):
        found["standing"] = max(signs)


def _learned(run: Run | None) -> float:
    """How much better a run became: of its loss or of its score, whichever tells more; at least what the end is above chance."""
    if run is None or run.loss is None:
        return 0.0
    gained = fall(run.loss)
    if run.train_score is not None or run.held_score is not None:
        score = run.train_score if run.train_score is not None else run.held_score
        kept = score[np.isfinite(score)] if score is not None else np.array([])
        gained = max(gained, float(kept[-max(1, len(kept) // 5) :].mean() - kept[0])) if len(kept) else gained
    return gained


def _chance(run: Run) -> float:
    """Whether the answers are as good as one constant: the score stays, and the loss is what the score gives a constant answer."""
    score = run.train_score if run.train_score is not None else run.held_score
    loss = run.train if run.train is not None else run.held
    if score is None or loss is None:
        return 0.0
    kept, level = score[np.isfinite(score)], loss[np.isfinite(loss)]
    if len(kept) < 4 or len(level) < 4 or kept[-1] > 0.97:
        return 0.0
    half = kept[len(kept) // 2 :]
    if float(half.mean()) <= 0.0 or float(np.ptp(half)) > 0.1:
        return 0.0
    # a constant answer among k even classes has accuracy 1 / k and loss log k
    even = abs(math.log(1 / float(half.mean())) - float(level[-1])) < 0.08 * max(float(level[-1]), 0.1) and float(half.mean()) < 0.62
    return 0.9 if even and float(np.ptp(half)) < 0.05 else 0.7 if constant_run(kept) >= 0.6 and np.ptp(level) < 0.1 * level[-1] else 0.0


def _settling(run: Run, was: Run | None, found: dict[str, float], figures: dict[str, Any], *, dying: bool) -> None:
    loss = run.loss
    if loss is None:
        return
    kept = loss[np.isfinite(loss)]
    if len(kept) >= 4 and kept.max() >= 3 * max(kept[0], kept[-1]) > 0:
        found["spiked"] = 1.0
    now = shaking(loss)
    before = shaking(was.loss) if was is not None and was.loss is not None else None
    figures |= {"shaking": now, "shaking_reference": before}
    if len(loss) >= 8 and now > (0.3 if before is None else max(0.08, 3 * before)):
        # half of eight records turns three times at most, which any noise does
        enough = min(1.0, (len(loss) - 4) / 8) if before is None else 1.0
        found["shaking"] = enough * min(1.0, now / (0.5 if before is None else 0.25))
    if found.get("starved") or found.get("jolted"):
        return
    # a step down of the rate is a fall in the last third, too, and stands still after it
    late, steady = min(figures.get("late_fall", 0.0), 2 * late_fall(loss, 6)), figures.get("steadiness", 0.0)
    if was is None and run.held is not None:
        # more of a training that validation no longer gains by is no cure
        late = min(late, 2 * late_fall(run.held))
    if not found.get("slow") and not (dying and was is None) and late >= 0.15 and steady >= 0.7 and len(loss) >= 3:
        was_late = late_fall(was.loss) if was is not None and was.loss is not None else 0.1
        found["unfinished"] = min(1.0, max(0.0, late - max(was_late, 0.1)) / 0.12)
    elif len(loss) < 6 and was is not None and was.n >= 2 * run.n:
        found["unfinished"] = 0.8
    if was is None and not dying and 3 <= len(loss) <= SHORT:
        falls = [_last_fall(c) for c in (run.train, run.held) if c is not None]
        figures["last_fall"] = min(falls, default=0.0)
        if falls and figures["last_fall"] >= STEEP and fall(loss) < 0.6:
            found["unfinished"] = min(1.0, figures["last_fall"] / (1.25 * STEEP))


def _last_fall(loss: np.ndarray) -> float:
    """The share of its level that a curve that falls with every record lost in its last one; 0 where one record rose or none came."""
    if not np.isfinite(loss).all() or loss.min() <= 0 or (np.diff(loss) >= 0).any():
        return 0.0
    return float(1.0 - loss[-1] / loss[-2])


def _held_back(run: Run, found: dict[str, float]) -> None:
    """A plateau since the first third, without the gap between training and validation that a free model has by its end."""
    if run.train is None or run.held is None or len(run.train) < 9 or not np.isfinite(run.train).all():
        return
    third = len(run.train) // 3
    level = float(np.median(run.train[-third:]))
    flat = abs(float(np.median(run.train[third : 2 * third])) - level) <= 0.1 * level
    held = run.held[np.isfinite(run.held)]
    if flat and fall(run.train) < 0.75 and len(held) and float(np.median(held[-third:])) <= 1.1 * level:
        found["tame"] = 1.0


def _generalising(problem: Problem, run: Run, was: Run | None, found: dict[str, float], figures: dict[str, Any]) -> None:
    """The gap between training and validation, and where validation was best."""
    if run.train is not None and run.held is not None:
        turn = find_turn(run.held)
        before = find_turn(was.held) if was is not None and was.held is not None else None
        train = run.train[np.isfinite(run.train)]
        if turn is not None and len(train) > turn.at:
            fell_on = 1.0 - float(train[-1] / train[turn.at]) if train[turn.at] > 0 else 0.0
            figures |= {"rise": turn.rise, "lowest_at": turn.at, "fell_on": fell_on, "rise_reference": before.rise if before else None}
            usual = 0.12 if before is None else max(0.03, 1.5 * before.rise)
            if turn.rise > usual and fell_on > 0.15 and turn.at < 0.8 * run.n:
                found["turned"] = min(1.0, turn.rise / (0.35 if before is None else 0.12))
    ends, befores = _levels(run), _levels(was)
    if not problem.significant or befores is None or ends is None:
        return
    figures |= {"train": ends[0], "held": ends[1], "train_reference": befores[0], "held_reference": befores[1]}
    worse = ends[0] - befores[0]
    scale = max(abs(befores[0]), 1e-12)
    # two runs of the same settings end up to a quarter apart by their seeds alone (problem/other_kinds.py)
    if worse > (0.08 if changed_settings(problem).changes else 0.25) * scale:
        found["high"] = min(1.0, worse / (0.3 * scale))
    elif (
        worse <= 0.08 * scale
        and ends[1] is not None
        and befores[1] is not None
        and ends[1] - ends[0] > 1.1 * (befores[1] - befores[0])
        and ends[1] > befores[1]
    ):
        found["wide"] = min(1.0, (ends[1] - befores[1]) / (0.15 * max(abs(befores[1]), 1e-12)))


def _levels(run: Run | None) -> tuple[float, float | None] | None:
    """Where the training and the validation curve ended: losses, or one minus scores."""
    if run is None:
        return None
    pairs = ((run.train, run.held), (_less(run.train_score), _less(run.held_score)))
    for train, held in pairs:
        if train is not None and np.isfinite(train).any():
            ends = [
                None if c is None or not np.isfinite(c).any() else float(np.median(c[np.isfinite(c)][-max(2, len(c) // 10) :]))
                for c in (train, held)
            ]
            return float(ends[0] or 0.0), ends[1]
    return None


def _less(score: np.ndarray | None) -> np.ndarray | None:
    return None if score is None else 1.0 - score


def _gradients(run: Run, was: Run | None, found: dict[str, float], figures: dict[str, Any]) -> None:
    if run.dead is not None and np.isfinite(run.dead).any():
        kept = run.dead[np.isfinite(run.dead)]
        kept = kept / 100.0 if kept.max() > 1.5 else kept
        usual = (
            float(was.dead[np.isfinite(was.dead)][-1]) if was is not None and was.dead is not None and np.isfinite(was.dead).any() else 0.0
        )
        figures["dead"] = float(kept[-1])
        found["dead"] = min(1.0, max(0.0, float(kept[-1]) - max(usual, 0.3)) / 0.4)
    stands = max(found.get("standing", 0.0), found.get("slow", 0.0) * 0.6, found.get("still", 0.0) * 0.8)
    if run.norms is not None and np.isfinite(run.norms).any():
        kept = run.norms[np.isfinite(run.norms)]
        end, start = float(np.median(kept[-3:])), float(kept[0])
        middle = float(np.nanmedian(was.norms)) if was is not None and was.norms is not None and np.isfinite(was.norms).any() else None
        figures |= {"norm_first": start, "norm": end, "norm_reference": middle}
        tiny = end < 1e-4 or (middle is not None and end < 0.02 * middle)
        if tiny and stands:
            found["vanishing"] = stands
        if start > (100.0 if middle is None else max(20.0, 30 * middle)) and (found.get("diverged") or found.get("at_once") or stands):
            found["exploding"] = 1.0
        elif orders(run.norms) >= 1.5 and found.get("diverged"):
            found["exploding"] = 0.6
    if run.layers is not None and len(run.layers) >= 3:
        _faint_layers(run, stands, found, figures)
        level = np.array([float(np.median(layer[np.isfinite(layer)])) if np.isfinite(layer).any() else math.nan for layer in run.layers])
        if np.isfinite(level).all() and level.max() > 0:
            ratio = float(level.min() / level.max())
            figures["layer_ratio"] = ratio
            if ratio < 0.03 and stands:
                found["vanishing"] = max(found.get("vanishing", 0.0), stands)
        tops = [float(layer[np.isfinite(layer)][0]) for layer in run.layers if np.isfinite(layer).any()]
        if tops and max(tops) > 100.0 and (found.get("diverged") or found.get("at_once")):
            found["exploding"] = 1.0


def _faint_layers(run: Run, stands: float, found: dict[str, float], figures: dict[str, Any]) -> None:
    """Whether next to nothing of the whole gradient reaches the weights of most layers (it may all lie in the last bias)."""
    if not stands or run.layers is None or run.norms is None:
        return
    whole = run.norms[np.isfinite(run.norms)]
    levels = [float(np.median(layer[np.isfinite(layer)])) for layer in run.layers if np.isfinite(layer).any()]
    if len(whole) == 0 or not levels or not float(np.median(whole)) > 0:
        return
    share = float(np.median(levels)) / float(np.median(whole))
    figures["layer_share"] = share
    if share < 0.03:
        found["vanishing"] = max(found.get("vanishing", 0.0), stands)


def flat_settings(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its dotted key, nested mappings opened."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def last_word(name: str) -> str:
    """The last part of a dotted key, in small letters."""
    return str(name).rsplit(".", 1)[-1].rsplit("__", 1)[-1].lower().replace("-", "_")
