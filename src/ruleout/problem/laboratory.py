"""The laboratory: where models are opened, asked and fitted again, and where every answer is remembered.

The rest of ruleout never opens an artifact itself. Everything here is cached by content, so asking twice costs once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ruleout.case.case import Case, Environment, Side, SideName
from ruleout.environments.installations import Installations
from ruleout.errors import ModelBroken, ModelError, RuleoutError, TrustRequired
from ruleout.models.artifact import Artifact
from ruleout.models.commands import Commands
from ruleout.models.model import Model, Prediction
from ruleout.problem.fits import Fits
from ruleout.problem.fitting import Fitting
from ruleout.problem.metric import Evaluation, Metric, labels_of
from ruleout.problem.opening import Opener
from ruleout.problem.recipe import Recipes
from ruleout.problem.replay import Replay, compare_answers, drawn_from, logged_answers
from ruleout.problem.situation import situation_of
from ruleout.tables.table import Table

__all__ = ["Laboratory"]

SIDES: tuple[SideName, SideName] = ("reference", "current")


class Laboratory:
    """Opens, asks and refits the models of one case; a counterfactual is a case like any other here.

    Parameters
    ----------
    case
        The case as it was read. Its artifacts are the templates of every refit.
    seed
        Seed of every random choice.
    fits
        What is trained again, what it may take, and where results are kept; None is without limit, and keeps nothing.
    installations
        Both sides' environments, installed: each side's artifact is then asked, and fitted again, in its own; None to do it here.
    """

    def __init__(self, case: Case, *, seed: int = 0, fits: Fits | None = None, installations: Installations | None = None) -> None:
        self.case = case
        self.installations = installations
        self.seed = seed
        self.fits = fits or Fits(seed=seed)
        run = case.run
        self.commands = Commands(
            train=run.train,
            predict=run.predict,
            folder=case.folder or Path.cwd(),
            timeout=run.timeout,
            retries=run.retries,
            live=case.show_runs,
            store=self.fits.store,
            draw=seed,
        )
        self.opener = Opener(case, seed=seed, commands=self.commands if case.trusted else None)
        self.reasons = self.opener.reasons
        self._models: dict[str, Model | None] = {}
        self._answers: dict[tuple[str, str], Prediction] = {}
        self._broken: dict[str, ModelBroken] = {}
        self._evaluations: dict[tuple[str, ...], Evaluation] = {}
        self._witnesses: dict[str, Model] = {}
        self._reference: Laboratory | None = None

    def of_reference(self, alone: Case) -> Laboratory:
        """A laboratory for the reference standing alone as the current side of `alone`; what was opened, fitted and asked is shared."""
        if self._reference is None:
            other = Laboratory(alone, seed=self.seed, fits=self.fits, installations=self.installations)
            other._models["current"] = self.model("reference")
            other.commands, other._broken = self.commands, self._broken
            other._answers, other._evaluations = self._answers, self._evaluations
            other._witnesses = self._witnesses
            self._reference = other
        return self._reference

    def prepare(self) -> None:
        """Start the process that will hold the artifacts, and import scikit-learn here while it is imported there.

        Only time is gained: what is not prepared is started and imported when it is first needed.
        """
        sides = (self.case.reference, self.case.current)
        artifacts = [side.model for side in sides if side is not None and side.model is not None]
        if any(artifact.path is not None and not artifact.locked and not artifact.lacking for artifact in artifacts):
            import importlib

            from ruleout.models.child import prepare_worker

            prepare_worker()
            for module in ("sklearn.metrics", "sklearn.ensemble", "pandas.util"):
                importlib.import_module(module)

    @cached_property
    def fitting(self) -> Fitting:
        """What fits a side again."""
        return Fitting(
            self.case,
            self.fits,
            seed=self.seed,
            opener=self.opener,
            commands=self.commands,
            opened=self.model,
            witness=self.witness,
            installations=self.installations,
        )

    # What is asked of models ------------------------------------------------------------------------------------------

    def model(self, side: SideName) -> Model | None:
        """The side's artifact, opened; None where there is none, it is not trusted, or it does not load (`reasons` says why)."""
        if side not in self._models:
            held = self.case.side(side)
            artifact = held.model if held else None
            self._models[side] = None if artifact is None else self._open(side, artifact, held.environment if held else None)
        return self._models[side]

    def healthy_model(self) -> Model | None:
        """The best model of the healthy world: the reference artifact, else one fitted on the reference's rows as the current
        side would, else ruleout's own boosted trees on them; None without labelled reference rows.
        """
        opened = self.model("reference")
        if opened is not None:
            return opened
        reference = self.case.reference
        table = reference and (reference.train or reference.validation)
        if not table or self.case.target not in table:
            return None
        try:
            return self.fit(self.case, "reference")
        except RuleoutError:
            return self.witness(table)

    def witness(self, table: Table) -> Model:
        """Fit ruleout's own boosted trees on a labelled table: a second opinion that needs no artifact and no trust."""
        from ruleout.models.witness import fit_witness

        key = table.fingerprint
        if key not in self._witnesses:
            task = self.case.task or "classification"
            self._witnesses[key] = fit_witness(table, str(self.case.target), self.case.features(table), task, seed=self.seed)
        return self._witnesses[key]

    def predict(self, model: Model, table: Table) -> Prediction:
        """The model's answers for a table, remembered by content."""
        key = (model.fingerprint, table.fingerprint)
        if model.fingerprint in self._broken:
            raise self._broken[model.fingerprint]
        if key not in self._answers:
            try:
                self._answers[key] = model.predict(table)
            except ModelBroken as error:
                # What hangs or ends its process once is not waited for again.
                self._broken[model.fingerprint] = error
                self.fits.broke(model.fingerprint)
                raise
        return self._answers[key]

    def answered(self, side: SideName, table: Table) -> Prediction | None:
        """What a side's artifact answered for a table when it was asked; None where it never was. Nothing is opened or asked for it."""
        opened = self._models.get(side)
        return None if opened is None else self._answers.get((opened.fingerprint, table.fingerprint))

    def broken(self, side: SideName) -> str:
        """Why a side's artifact, which opens, cannot be asked: it hangs, ends its process, or answers what fits no row; "" where it can."""
        opened = self.model(side)
        error = self._broken.get(opened.fingerprint) if opened is not None else None
        return "" if error is None else str(error)

    def closed(self, side: SideName) -> bool:
        """Whether a side's artifact stays closed for want of trust or of an extra, which says nothing of the artifact."""
        return self.model(side) is None and side in self.opener.closed

    def losses(self, model: Model, table: Table) -> np.ndarray:
        """Per-row loss, shape (n_rows,): 0/1 for classes, squared error for numbers; NaN where the target is null."""
        answer = self.predict(model, table).prediction
        target = table.values(str(self.case.target))
        known = np.array([v is not None for v in target.tolist()], dtype=bool)
        if self.case.task == "regression":
            numbers = np.array([np.nan if v is None else v for v in target.tolist()], dtype=float)
            return np.asarray((numbers - np.asarray(answer, dtype=float)) ** 2)
        wrong = (labels_of(target) != labels_of(answer)).astype(float)
        wrong[~known] = np.nan
        return np.asarray(wrong)

    # The metric -------------------------------------------------------------------------------------------------------

    @cached_property
    def scorer(self) -> Metric:
        """The case's metric, ready to be applied."""
        name = self.case.metric or ("r2" if self.case.task == "regression" else "accuracy")
        function = None
        if ":" in name:
            function = self._metric_function(name)
        return Metric(name, positive=self.case.positive, direction=self.case.direction or "higher", function=function)

    def evaluate(self, model: Model, table: Table) -> Evaluation:
        """The case's metric of a model on a labelled table."""
        key = (model.fingerprint, table.fingerprint)
        if key not in self._evaluations:
            answer = self.predict(model, table)
            self._evaluations[key] = self.scorer.evaluate(
                table.values(str(self.case.target)), answer, rows=self._rows(table), seed=self.seed
            )
        return self._evaluations[key]

    def metric(self, model: Model, table: Table) -> float:
        """The case's metric of a model on a labelled table, in the metric's own direction."""
        return self.evaluate(model, table).value

    def logged(self, table: Table) -> Evaluation:
        """The case's metric of the answers that a serving log holds (`prediction`, `score`)."""
        key = ("logged", table.fingerprint)
        if key not in self._evaluations:
            target = table.values(str(self.case.target))
            self._evaluations[key] = self.scorer.evaluate(target, logged_answers(self.case, table), rows=self._rows(table), seed=self.seed)
        return self._evaluations[key]

    def replay(self, features: Table, *, model: Model | None = None, side: SideName = "current") -> Replay | None:
        """Hold an artifact's answers for `features` against the answers that a side's serving log holds for the same rows.

        Parameters
        ----------
        features
            The logged features, as they are or changed in one way (unscaled, reordered, cast): what reproduces the logged
            answers is what the service did.
        model
            The artifact that is asked; the validated one, else the side's own, where None.

        Returns
        -------
        Which rows agree; None where there is no log with answers or no artifact that opens.
        """
        held = self.case.side(side) or Side()
        opened = model or self.model(side) or self.model("reference")
        if held.serving is None or opened is None or not {"prediction", "score"} & set(held.serving.columns):
            return None
        return compare_answers(self.case, self.predict(opened, features), logged_answers(self.case, held.serving))

    def outcome(self, case: Case, side: SideName) -> Evaluation:
        """The metric of one side of a case, be it as it was read or a counterfactual.

        The side's artifact is asked where it stands; where it was taken away (other rows, another configuration) it is fitted
        again. A serving log whose features were put right is replayed; one as it was read, or of which whole rows were drawn, counts
        with the answers it holds.
        """
        table = self.evaluation_table(case, side)
        if table is None:
            raise ModelError(f"{side}: no labelled validation or serving table, so its metric cannot be measured.")
        if table.name == "serving":
            logged = self.holds_answers(case, side) and not self.moved_environment(case, side)
            return self.logged(table) if logged else self.evaluate(self._replaying(case, side), table)
        return self.evaluate(self._answering(case, side), table)

    def holds_answers(self, case: Case, side: SideName) -> bool:
        """Whether a side's log in `case` still holds the answers that were given: the log as it was read, or whole rows drawn from it.

        Of one service at two times, whole rows of the earlier log hold what the service answered then; of two machines, the other's log
        as it was read holds what that one answered.
        """
        held, original = case.side(side) or Side(), self.case.side(side) or Side()
        if held.serving is None or original.serving is None or held.model is not original.model:
            return False
        if held.serving.fingerprint == original.serving.fingerprint:
            return True
        answered = {"prediction", "score"} & set(original.serving.columns)
        if not answered or drawn_from(held.serving, original.serving):
            return bool(answered)
        earlier = self.case.reference
        if earlier is None or earlier.serving is None:
            return False
        situation = situation_of(self.case)
        if situation == "environment" and held.serving.fingerprint == earlier.serving.fingerprint:
            return True  # What the other machine answered to the same requests is known whatever made it.
        if situation != "serving":
            return False
        return earlier.model in (None, original.model) and drawn_from(held.serving, earlier.serving)

    def moved_environment(self, case: Case, side: SideName) -> bool:
        """Whether a counterfactual runs a side in another environment than its own, which is installed."""
        held, original = case.side(side) or Side(), self.case.side(side) or Side()
        return self.installations is not None and held.environment != original.environment

    def evaluation_table(self, case: Case, side: SideName) -> Table | None:
        """The rows on which a side's metric is measured: production's where production is what broke, else validation's."""
        held = case.side(side)
        if held is None:
            return None
        original = (self.case.side(side) or Side()).serving
        answered = (
            held.serving is not None
            and _labelled(held.serving, case.target)
            and original is not None
            and {"prediction", "score"} & set(original.columns)
        )
        if held.validation is not None and case.target in held.validation and not (answered and case.changed != "retraining"):
            return held.validation
        if held.serving is not None and answered:
            return held.serving
        return held.validation if held.validation is not None and case.target in held.validation else None

    @property
    def recipes(self) -> Recipes:
        """Which artifact is cloned, and with which parameters, when a side is trained again."""
        return self.fitting.recipes

    # Fitting again ----------------------------------------------------------------------------------------------------

    def fit(self, case: Case, side: SideName, *, seed: int | None = None) -> Model:
        """The model that the side's training would give in `case`.

        The template is the artifact whose configuration it is: `clone(artifact).fit(...)` with the changed keys set as
        parameters where they can be told; anything else goes through `[run] train`.

        Raises
        ------
        ModelError
            Neither way is open; the sentence says what is lacking.
        """
        return self.fitting.fit(case, side, seed)

    def foresee(self, wanted: Iterable[tuple[Case, SideName, int | None]]) -> None:
        """Train side by side what will surely be fitted, each a case, a side and a seed (None: the side's own); `fit` finds it trained.

        It takes trainings by `[run] train` and more than one worker; otherwise nothing is done ahead.
        """
        self.fitting.foresee(wanted)

    def foresee_outcomes(self, cases: Iterable[Case]) -> None:
        """The same for cases of which both sides' metrics will surely be asked."""
        self.foresee((case, side, None) for case in cases for side in SIDES if self._will_fit(case, side))

    def can_fit(self, side: SideName = "current") -> bool:
        """Whether the side's training can be done again at all, if only by a stand-in."""
        held = self.case.side(side)
        return held is not None and held.train is not None and self.case.target in held.train

    @property
    def stand_in(self) -> bool:
        """Whether ruleout's own boosted trees stand in for the model: no artifact opens and no `[run] train` may run.

        What they say of the data is evidence; of the model, its configuration and its environment they can say nothing.
        """
        return self.fitting.stand_in

    @property
    def stood_in(self) -> bool:
        """Whether they stood in somewhere for an artifact that does not keep how it was trained."""
        return self.fitting.stood_in

    def parameter_keys(self) -> Mapping[str, str]:
        """Which configuration key is which estimator parameter: `{"learning_rate": "model__learning_rate_init"}`, found by value."""
        return self.recipes.keys

    def figures(self) -> dict[str, Any]:
        """What was spent: refits and the seconds they took."""
        found: dict[str, Any] = {"n_refits": self.fits.n, "refit_seconds": round(self.fits.seconds, 3)}
        if self.commands.made:
            found |= {"n_runs": len(self.commands.made), "n_flaky": self.commands.n_flaky}
        return found

    def cost(self) -> dict[str, Any]:
        """What was trained and asked by commands, how much of that was kept from before, the budget, and every plan that was told."""
        fits, commands = self.fits, self.commands
        found: dict[str, Any] = {"trainings": fits.n, "trainings_kept": fits.n_kept, "training_seconds": round(fits.seconds, 3)}
        asked, kept = (sum(1 for run in runs if run.field == "predict") for runs in (commands.made, commands.kept))
        if asked or kept:
            found |= {"predictions": asked, "predictions_kept": kept}
        if commands.alone:
            found["one_by_one"] = commands.alone
        if fits.budget.seconds is not None or fits.budget.runs is not None:
            found["budget"] = {"seconds": fits.budget.seconds, "runs": fits.budget.runs}
        if fits.plans:
            found["plans"] = [plan.to_dict() for plan in fits.plans]
        return found

    # Private ----------------------------------------------------------------------------------------------------------

    def _answering(self, case: Case, side: SideName) -> Model:
        held = case.side(side) or Side()
        if held.model is None or self.stand_in:
            if held.train is None:
                fallback = self.model(side) or self.model("reference")
                if fallback is None:
                    raise ModelError(f"{side}: neither an artifact that opens nor training rows.")
                return fallback
            return self.fit(case, side)
        original = self.case.side(side)
        untouched = original is not None and held.model is original.model and not self.moved_environment(case, side)
        opened = self.model(side) if untouched else self._opened_again(side, held.model, held.environment)
        if opened is None:
            reason = self.reasons.get(side if untouched else f"{side}, put right")
            raise ModelError(reason or f"{side}.model does not open.")
        return opened

    def _will_fit(self, case: Case, side: SideName) -> bool:
        """Whether the metric of a side takes another training."""
        held, table = case.side(side), self.evaluation_table(case, side)
        return held is not None and held.model is None and held.train is not None and table is not None and table.name != "serving"

    def _opened_again(self, side: SideName, artifact: Artifact, environment: Environment | None) -> Model | None:
        """An artifact that a counterfactual puts into a side, or runs in another environment."""
        if self.installations is None or environment is None:
            return self._open(f"{side}, put right", artifact)
        key = f"{side}: {artifact.fingerprint}@{self.installations.place(environment).installation.key}"
        if key not in self._models:
            self._models[key] = self._open(f"{side}, put right", artifact, environment)
        return self._models[key]

    def _replaying(self, case: Case, side: SideName) -> Model:
        """The artifact that answers when a serving log is replayed: the side's own where it has one, else the validated one."""
        held, original = case.side(side) or Side(), self.case.side(side) or Side()
        if held.model is not None and (held.model is not original.model or self.moved_environment(case, side)):
            return self._answering(case, side)
        opened = self.model(side) or self.model("reference")
        return opened if opened is not None else self._answering(case, side)

    def _open(self, side: str, artifact: Artifact, environment: Environment | None = None) -> Model | None:
        installations = self.installations
        if installations is None or environment is None:
            return self.opener.open(side, artifact)
        return self.opener.open(side, artifact, lambda: installations.model(artifact, environment))

    def _metric_function(self, name: str) -> Any:
        if not self.case.trusted:
            raise TrustRequired(
                f'[case] metric = "{name}" runs the case\'s code, which needs trust (--trust); a scikit-learn scorer name does not.'
            )
        from ruleout.models.worker_metric import metric_function

        return metric_function(name, self.case.folder or Path.cwd())

    def _rows(self, table: Table) -> str:
        """What names the rows that are scored: labels and number, so that a table with other features still pairs row by row."""
        target = str(self.case.target)
        return table.select([target]).fingerprint if target in table else table.fingerprint

    def within_budget(self) -> None:
        """Raise `BudgetSpent` where the time that refits may take is used up."""
        self.fits.within_budget()


def _labelled(table: Table, target: str | None) -> bool:
    """Whether some row of a log bears its label: labels come late."""
    return target is not None and target in table and (table.n_rows == 0 or table.arrow.column(target).null_count < table.n_rows)


def without_model(case: Case, side: SideName) -> Case:
    """The case with one side's artifact taken away, so that it is fitted again as it stands: the unchanged control."""
    held = case.side(side) or Side()
    return case.with_side(side, replace(held, model=None))
