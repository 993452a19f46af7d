"""Foresight: trainings that will surely be asked for, made side by side beforehand; what asks for them then finds them made.

What is concluded does not depend on it: the same command, rows, settings and seed are run, once, and counted where they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ruleout.errors import BudgetSpent, CommandError
from ruleout.models.ahead import Ahead, Training, brought, sent, trained_here, trained_there
from ruleout.models.commands import Commands
from ruleout.problem.fits import Fits
from ruleout.runs import ALONE
from ruleout.runs.traces import changed_file, traces

__all__ = ["train_ahead"]


def train_ahead(trainings: Sequence[Training], *, commands: Commands, fits: Fits, kind: str) -> None:
    """Run `[run] train` for several trainings at once, as far as workers and budget allow.

    Parameters
    ----------
    trainings
        Those that will be asked for.
    commands
        Is given what was trained.
    fits
        Knows the workers and the budget.
    kind
        Key under which the store knows what trainings of this kind took.
    """
    workers = fits.workers
    wanted = [training for key, training in {t.key: t for t in trainings}.items() if key not in commands.ahead]
    wanted = [training for training in wanted if not commands.holds(training)]
    if len(wanted) < 2 or workers.n < 2 or commands.alone or commands.hopeless("train"):
        return
    n_rows = max(training.table.n_rows for training in wanted)
    try:
        fits.starting(n_rows, kind)
    except BudgetSpent:
        return  # who asks for the training is told
    longest = fits.seconds_of(n_rows) * math.ceil(len(wanted) / workers.n)
    if fits.runs_left < len(wanted) or fits.left < longest:
        return
    if not workers.chosen and not commands.watched:
        first = wanted.pop(0)
        _watch(first, commands, fits)
        made = commands.ahead.get(first.key)
        if made is not None and made.failed is None:
            fits.learned(made.seconds, n_rows)
        if commands.alone:
            return
    _make(wanted, commands, fits, workers.address)
    if not workers.chosen and any(commands.ahead[t.key].failed is not None for t in wanted if t.key in commands.ahead):
        # The ordinary way makes them again, by themselves; what cannot run beside others is not run so again.
        commands.alone = "[run] train failed beside others"


def _watch(training: Training, commands: Commands, fits: Fits) -> None:
    """Make one training that nothing runs beside, to see whether it writes where others would."""
    before = traces(commands.folder)
    _make([training], commands, fits, "")
    written = changed_file(before, traces(commands.folder))
    commands.watched = True
    if written is None:
        commands.alone = "the case's folder has too many files to see whether [run] train writes to it"
    elif written:
        commands.alone = f"[run] train writes to {written} in the case's folder"


def _make(wanted: Sequence[Training], commands: Commands, fits: Fits, address: str) -> None:
    command, folder, timeout = str(commands.lines["train"]), commands.folder, min(commands.timeout, max(fits.left, 1.0))
    workers = fits.workers if len(wanted) > 1 or address else ALONE
    if address:

        def arrived(number: int, answer: tuple[bytes | None, float]) -> None:
            commands.hand(wanted[number], brought(answer, wanted[number]))

        asked = [(command, folder, *sent(training), timeout) for training in wanted]
        there = workers.each(trained_there, asked, arrived)
        _failures(wanted, list(there), commands)
    else:

        def ended(number: int, answer: Ahead) -> None:
            commands.hand(wanted[number], answer)

        live = "[run] train |" if commands.live else ""
        here = workers.each(trained_here, [(command, folder, training, timeout, live) for training in wanted], ended)
        _failures(wanted, list(here), commands)


def _failures(wanted: Sequence[Training], answers: Sequence[object], commands: Commands) -> None:
    for training, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, CommandError):
            commands.hand(training, Ahead(failed=answer))
