"""Networks that were really trained, broken in one way each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ruleout.case.read import read_case
from ruleout.conclusion.investigate import investigate
from ruleout.faults import System, catalog, fault, healthy_system
from ruleout.faults.network import Recipe, train_network
from ruleout.faults.runs import Ran, RunFault, Shown
from ruleout.problem.curves import columns_of, judged_column
from ruleout.tables.table import Table

RUNS = [entry for entry in catalog() if isinstance(entry, RunFault)]
WAYS = [(entry.name(), variant) for entry in RUNS for variant in entry.variants]


@cache
def system(name: str) -> System:
    return healthy_system(name, "mlp", 3, 400)


def ran(name: str, variant: str, seed: int, *, reference: bool = True) -> Ran:
    """The first run of some that is really the worse for it, with all columns and the run that worked beside it."""
    entry, rng = fault(name), np.random.default_rng([seed, 3])
    assert isinstance(entry, RunFault)
    for data in ("digits", "rodents", "storms", "diamonds"):
        made = entry.inject(system(data), rng, "large", variant=variant)
        if made.validated:
            return replace(made, shown=Shown(reference=reference))
    raise AssertionError(f"{name}, {variant}: no run is the worse for it")


@pytest.mark.parametrize(("name", "variant"), WAYS)
def test_a_broken_run_is_told(name: str, variant: str) -> None:
    assert any(_told(name, variant, seed) for seed in range(2))


def _told(name: str, variant: str, seed: int) -> bool:
    run = ran(name, variant, seed)
    found, (cause,) = investigate(run.case()).causes, run.truth.causes
    if not found or found[0].cause not in (cause, *run.truth.accept):
        return False
    return found[0].cause != cause or bool(set(found[0].where) & set(run.truth.places[0]))


@pytest.mark.parametrize("reference", [True, False])
def test_healthy_runs_raise_no_alarm(reference: bool) -> None:
    made = [ran("healthy.another-run", variant, 4, reference=reference) for variant in fault("healthy.another-run").variants]
    verdicts = [investigate(run.case()).verdict for run in made]
    assert verdicts.count("cause-found") == 0
    assert verdicts.count("no-problem") >= len(made) - 1


def test_a_rate_that_makes_it_diverge_comes_before_what_is_no_number() -> None:
    named = [c.cause for c in investigate(ran("model.learning-rate@training", "too-high", 1).case()).causes]
    assert named[0] == "model.learning-rate"
    assert named.index("model.non-finite") > 0 if "model.non-finite" in named else True


def test_a_run_is_the_same_from_its_files_as_in_memory(tmp_path: Path) -> None:
    run = ran("model.learning-rate@training", "too-small", 1)
    read, held = read_case(run.write(tmp_path)), run.case()
    assert read.current.history is not None and held.current.history is not None
    assert read.current.history.columns == held.current.history.columns
    assert investigate(read).causes[0].cause == investigate(held).causes[0].cause


def test_columns_are_told_by_the_words_in_their_names() -> None:
    names = ["Epoch", "Training Loss", "eval/loss", "valAccuracy", "learning_rate", "grad_norm/layer1", "grad_norm/layer2", "grad_norm"]
    history = Table(pa.table({name: [1.0, 0.5] for name in names}), name="history")
    known = columns_of(history)
    assert (known.train, known.held, known.held_score, known.rate) == ("Training Loss", "eval/loss", "valAccuracy", "learning_rate")
    assert known.norm == "grad_norm" and len(known.layers) == 2
    assert judged_column(history) == "eval/loss"


def test_a_network_that_is_trained_as_usual_learns() -> None:
    history = train_network(Recipe(epochs=8))
    assert history[-1]["val_accuracy"] > 0.85
    assert history[0]["val_loss"] > history[-1]["val_loss"]
