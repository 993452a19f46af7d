"""Networks that were really trained, broken in one way each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ruleout.conclusion.investigate import investigate
from ruleout.faults.network import Recipe, train_network
from ruleout.faults.runs import RUN_FAULTS, break_run, healthy_run
from ruleout.problem.curves import columns_of, judged_column
from ruleout.tables.table import Table

WAYS = [(cause, number) for cause, ways in RUN_FAULTS.items() for number in range(len(ways))]


@pytest.mark.parametrize(("cause", "variant"), WAYS)
def test_a_broken_run_is_told(cause: str, variant: int) -> None:
    assert any(_told(cause, variant, seed) for seed in range(2))


def _told(cause: str, variant: int, seed: int) -> bool:
    run = break_run(cause, np.random.default_rng([seed, 3]), variant=variant)
    found = investigate(run.case).causes
    if not found or found[0].cause not in (cause, *run.accept):
        return False
    return found[0].cause != cause or bool(set(found[0].where) & set(run.places))


@pytest.mark.parametrize("reference", [True, False])
def test_healthy_runs_raise_no_alarm(reference: bool) -> None:
    rng = np.random.default_rng(4)
    verdicts = [
        investigate(healthy_run(rng, reference=reference, shown=("all", "usual", "losses")[k % 3], config=k % 4 != 3).case).verdict
        for k in range(6)
    ]
    assert verdicts.count("cause-found") == 0
    assert verdicts.count("no-problem") >= 5


def test_a_rate_that_makes_it_diverge_comes_before_what_is_no_number() -> None:
    run = break_run("model.learning-rate", np.random.default_rng(1), variant=0, reference=True)
    named = [c.cause for c in investigate(run.case).causes]
    assert named[0] == "model.learning-rate"
    assert named.index("model.non-finite") > 0 if "model.non-finite" in named else True


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
