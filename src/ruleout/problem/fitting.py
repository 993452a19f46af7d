"""Fitting again: what a side's training would give in any case, by a clone, by the case's own command, or by ruleout's own trees."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from ruleout.case.case import Case, Environment, Side, SideName
from ruleout.environments.installations import Installations
from ruleout.environments.model import new_file, within
from ruleout.errors import CommandError, ModelBroken, ModelError, RuleoutError, TrustRequired
from ruleout.models.ahead import Training
from ruleout.models.artifact import Artifact
from ruleout.models.commands import Commands
from ruleout.models.kept import artifact_bytes, artifact_from
from ruleout.models.model import Model
from ruleout.models.scikit_learn import SEEDS
from ruleout.problem.fits import Fits, Key
from ruleout.problem.foresight import train_ahead
from ruleout.problem.keeping import keeping
from ruleout.problem.opening import Opener
from ruleout.problem.recipe import Recipes
from ruleout.store import command_key, key_of, surroundings
from ruleout.tables.pairing import paired_sample
from ruleout.tables.table import Table

__all__ = ["Fitting"]


class Fitting:
    """Fits the sides of one case again; a counterfactual is a case like any other here.

    Parameters
    ----------
    case
        The case as it was read. Its artifacts are the templates.
    fits
        What was fitted already.
    seed
        Seed of the rows that are drawn.
    opener, commands
        Open what `[run] train` writes, and run it.
    opened
        Gives a side's artifact, opened; None where it does not open.
    witness
        Fits ruleout's own boosted trees on a labelled table.
    installations
        Both sides' environments, installed; None to fit here.
    """

    def __init__(
        self,
        case: Case,
        fits: Fits,
        *,
        seed: int,
        opener: Opener,
        commands: Commands,
        opened: Callable[[SideName], Model | None],
        witness: Callable[[Table], Model],
        installations: Installations | None = None,
    ) -> None:
        self.case, self.fits, self.seed = case, fits, seed
        self.opener, self.commands, self.installations = opener, commands, installations
        self.opened, self.witness = opened, witness
        self.stood_in = False
        self._noted: list[Training] | None = None

    @cached_property
    def recipes(self) -> Recipes:
        """Which artifact is cloned, and with which parameters, when a side is trained again."""
        return Recipes(self.case, self.opened, can_command=self.can_command, installed=self.installations is not None)

    @property
    def can_command(self) -> bool:
        """Whether `[run] train` may run."""
        return self.case.trusted and self.case.run.train is not None

    @cached_property
    def stand_in(self) -> bool:
        """Whether ruleout's own boosted trees stand in for the model: no artifact opens and no `[run] train` may run."""
        return self.opened("reference") is None and self.opened("current") is None and not self.can_command

    def rows(self, train: Table) -> Table:
        """The rows that a refit takes: all, or a sample, even over the classes, that pairs with those of every counterfactual."""
        by = [column for column in (self.case.key,) if column and column in train]
        strata = [column for column in (self.case.target,) if column and column in train and self.case.task == "classification"]
        # By their key, rows are the same ones in a counterfactual that has other rows besides; without one, by their number.
        return paired_sample(train, self.fits.most_rows, by=by, strata=strata)

    def foresee(self, wanted: Iterable[tuple[Case, SideName, int | None]]) -> None:
        """Run `[run] train` side by side for sides that will surely be fitted, each a case, a side and a seed; `fit` finds them trained."""
        if self.fits.workers.n < 2 or not self.can_command or self.installations is not None:
            return
        noted: list[Training] = []
        self._noted = noted
        try:
            for case, side, seed in wanted:
                with contextlib.suppress(_Noted, RuleoutError):
                    self.fit(case, side, seed)
        finally:
            self._noted = None
        train_ahead(noted, commands=self.commands, fits=self.fits, kind=self._pace)

    def fit(self, case: Case, side: SideName, seed: int | None = None) -> Model:
        """The model that the side's training would give in `case`; raises `ModelError` where no way to train is open."""
        held = case.side(side) or Side()
        if held.train is None:
            raise ModelError(f"{side}.train: no training table, so nothing can be fitted again.")
        table = self.rows(held.train)
        if self.stand_in:
            return self.witness(table)
        seed = seed if seed is not None else self.recipes.seed(case, side)
        if self.installations is not None and self.can_command:
            # A clone has the settings that its release gave it; only the command itself takes them from the packages at hand.
            return self._by_command(side, held, table, seed)
        found = self.recipes.template(case, side)
        if found is None:
            return self._by_command(side, held, table, seed)
        template, parameters = found
        if not template.describe().refits:
            return self._otherwise(case, side, table, seed)
        if seed is None:
            # What no seed governs would be another model each time: the same case and seed give the same conclusion.
            named = template.describe().parameters
            parameters = {k: self.seed for k, v in named.items() if v is None and k.rsplit("__", 1)[-1] in SEEDS} | parameters
        if self.installations is not None and held.environment is not None:
            template = within(template, self.installations.place(held.environment))
        if self._noted is not None:
            raise _Noted  # a clone is not fitted ahead
        return self._by_clone(side, template, parameters, table, seed)

    def _by_clone(self, side: SideName, template: Model, parameters: dict[str, Any], table: Table, seed: int | None) -> Model:
        key = (template.fingerprint, tuple(sorted((k, repr(v)) for k, v in parameters.items())), table.fingerprint, seed)
        if key in self.fits.made:
            return self.fits.made[key]

        def refit() -> Model:
            self.fits.starting(table.n_rows, template.fingerprint)
            if template.fingerprint in self.fits.barren:
                raise ModelBroken(f"{side}: a model that was trained again like its artifact broke when asked; no other one is trained.")
            started = time.monotonic()
            model = template.refit(table, str(self.case.target), parameters=parameters or None, seed=seed)
            self.fits.ended(started, table.n_rows, template.fingerprint)
            self.fits.made_like[model.fingerprint] = template.fingerprint
            return model

        made = self.fits.made[key] = keeping(self.fits, template, (*key, self.case.target), table, refit, said=self.opener.assume)
        self.fits.made_like[made.fingerprint] = template.fingerprint
        return made

    def _by_command(self, side: SideName, held: Side, table: Table, seed: int | None) -> Model:
        if self.case.run.train is None:
            raise ModelError(f"{side}: no artifact that can be fitted again and no [run] train command.")
        if not self.case.trusted:
            raise TrustRequired(f"{side}: training again would run [run] train, which needs trust (--trust).")
        config = dict(held.config or {})
        seed = self.seed if seed is None else seed
        key = ("command", self.case.run.train, repr(sorted(config.items(), key=lambda item: item[0])), table.fingerprint, seed)
        if self.installations is not None and held.environment is not None:
            return self._in_environment(held.environment, table, config, seed, key)

        if key not in self.fits.made:
            self.fits.made[key] = self._trained(side, table, config, seed)
        return self.fits.made[key]

    def _trained(self, side: SideName, table: Table, config: dict[str, Any], seed: int | None) -> Model:
        """What `[run] train` writes, opened; taken from the store where it was written before."""
        training = Training(table, config, seed, self._suffix(side), self.case.config_format)
        if self._noted is not None:
            self._noted.append(training)
            raise _Noted
        kind, begun = self._pace, False

        def starting() -> None:
            nonlocal begun
            self.fits.starting(table.n_rows, kind)
            begun = True

        try:
            path = self.commands.train(
                table,
                config,
                seed=seed,
                suffix=training.suffix,
                config_format=training.config_format,
                starting=starting,
                limit=max(self.fits.left, 1.0),
            )
        except CommandError:
            self.fits.within_budget()  # what was ended because the budget was spent did not fail
            raise
        if begun:
            # What was trained ahead took its time before it was asked for.
            self.fits.ended(time.monotonic() - self.commands.made[-1].seconds, table.n_rows, kind)
        else:
            self.fits.kept(self.commands.kept[-1].seconds, table.n_rows)
        label = f"{side}, trained again"
        opened = self.opener.open(label, Artifact(path=path, trusted=True))
        if opened is None:
            raise ModelError(f"[run] train: what it wrote does not open: {self.opener.reasons.pop(label, '')}")
        return opened

    @property
    def _pace(self) -> str:
        """Key under which the store knows what a run of `[run] train` takes."""
        return key_of("train", self.case.run.train, self.case.folder)

    def _suffix(self, side: SideName) -> str:
        """How the model file of a training ends: as the side's own artifact, else the other side's; "" for a folder."""
        held = [h for h in (self.case.side(side), self.case.current, self.case.reference) if h is not None]
        path = next((h.model.path for h in held if h.model is not None and h.model.path is not None), None)
        return ".joblib" if path is None else "" if path.is_dir() else path.suffix

    def _otherwise(self, case: Case, side: SideName, table: Table, seed: int | None) -> Model:
        """The fit of a side whose artifact does not keep how it was trained: by `[run] train`, else ruleout's own trees stand in.

        Raises
        ------
        ModelError
            Something other than rows was changed, of which a stand-in can say nothing.
        """
        held, was = case.side(side) or Side(), self.case.side(side) or Side()
        if self.can_command:
            return self._by_command(side, held, table, seed)
        if any(getattr(held, name) != getattr(was, name) for name in ("config", "code", "environment")):
            raise ModelError(f"{side}: its artifact does not keep how it was trained, and there is no [run] train; add it.")
        self.opener.assume(
            f"{side}.model does not keep how it was trained: where it is fitted again ruleout's own boosted trees stand in, for rows as "
            "they are and as they are put right; [run] train would do it exactly."
        )
        self.stood_in = True
        return self.witness(table)

    def _in_environment(self, environment: Environment, table: Table, config: dict[str, Any], seed: int | None, key: Key) -> Model:
        installations = self.installations
        assert installations is not None
        key = (*key, installations.place(environment).installation.key)
        fingerprint = hashlib.sha256(repr(key).encode()).hexdigest()
        if key not in self.fits.made:
            kept = key_of(surroundings(), command_key(str(self.case.run.train), self.case.folder or Path.cwd()), key)
            path = new_file(self._suffix("current"))
            if artifact_from(self.fits.store.get(kept), path):
                self.fits.kept(0.0, table.n_rows)
                self.fits.made[key] = installations.trained(environment, path, fingerprint)
                return self.fits.made[key]
            self.fits.starting(table.n_rows)
            started = time.monotonic()
            made = self.fits.made[key] = installations.train(environment, table, config, seed, fingerprint)
            self.fits.ended(started, table.n_rows)
            written = artifact_bytes(made.path)
            if written is not None:
                self.fits.store.put(kept, written)
        return self.fits.made[key]


class _Noted(Exception):
    """A training was written down to be made ahead, and is not made now."""
