"""The laboratory: where models are opened, asked and fitted again, and where every answer is remembered.

The rest of ruleout never opens an artifact itself. Everything here is cached by content, so asking twice costs once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ruleout.case.case import Case, Environment, Side, SideName
from ruleout.environments.installations import Installations
from ruleout.environments.model import within
from ruleout.errors import BudgetSpent, ModelBroken, ModelError, RuleoutError, TrustRequired
from ruleout.models.artifact import Artifact
from ruleout.models.commands import Commands
from ruleout.models.model import Model, Prediction
from ruleout.problem.metric import Evaluation, Metric, labels_of
from ruleout.problem.opening import Opener
from ruleout.problem.recipe import Recipes
from ruleout.problem.replay import Replay, compare_answers, drawn_from, logged_answers
from ruleout.problem.situation import situation_of
from ruleout.tables.pairing import paired_sample
from ruleout.tables.table import Table

__all__ = ["Laboratory"]

SAMPLE_ROWS = 20_000
"""Refits and replays take at most this many rows: the paired SE at 10 % disagreement is then 0.0022 (docs/decides.md)."""


class Laboratory:
    """Opens, asks and refits the models of one case; a counterfactual is a case like any other here.

    Parameters
    ----------
    case
        The case as it was read. Its artifacts are the templates of every refit.
    seed
        Seed of every random choice.
    budget
        Seconds that refits may take in all; None without limit.
    installations
        Both sides' environments, installed: each side's artifact is then asked, and fitted again, in its own; None to do it here.
    """

    def __init__(self, case: Case, *, seed: int = 0, budget: float | None = None, installations: Installations | None = None) -> None:
        self.case = case
        self.installations = installations
        self.seed = seed
        self.deadline = None if budget is None else time.monotonic() + budget
        run = case.run
        self.commands = Commands(
            train=run.train,
            predict=run.predict,
            folder=case.folder or Path.cwd(),
            timeout=run.timeout,
            retries=run.retries,
            live=case.show_runs,
        )
        self.opener = Opener(case, seed=seed, commands=self.commands if case.trusted else None)
        self.reasons = self.opener.reasons
        self.n_refits = 0
        self.refit_seconds = 0.0
        self._models: dict[str, Model | None] = {}
        self._fits: dict[tuple[Any, ...], Model] = {}
        self._answers: dict[tuple[str, str], Prediction] = {}
        self._broken: dict[str, ModelBroken] = {}
        self._made_like: dict[str, str] = {}
        self._barren: set[str] = set()
        self.stood_in = False
        self._evaluations: dict[tuple[str, ...], Evaluation] = {}
        self._witnesses: dict[str, Model] = {}
        self._reference: Laboratory | None = None

    def of_reference(self, alone: Case) -> Laboratory:
        """A laboratory for the reference standing alone as the current side of `alone`; what was opened, fitted and asked is shared."""
        if self._reference is None:
            other = Laboratory(alone, seed=self.seed, installations=self.installations)
            other.deadline, other._models["current"] = self.deadline, self.model("reference")
            other.commands, other._broken = self.commands, self._broken
            other._made_like, other._barren = self._made_like, self._barren
            other._fits, other._answers, other._evaluations = self._fits, self._answers, self._evaluations
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
                self._barren.add(self._made_like.get(model.fingerprint, ""))
                raise
        return self._answers[key]

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

    @cached_property
    def recipes(self) -> Recipes:
        """Which artifact is cloned, and with which parameters, when a side is trained again."""
        return Recipes(self.case, self.model, can_command=self._can_command(), installed=self.installations is not None)

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
        held = case.side(side) or Side()
        if held.train is None:
            raise ModelError(f"{side}.train: no training table, so nothing can be fitted again.")
        by = [column for column in (self.case.key,) if column and column in held.train]
        strata = [column for column in (self.case.target,) if column and column in held.train and self.case.task == "classification"]
        # By their key, rows are the same ones in a counterfactual that has other rows besides.
        table = paired_sample(held.train, SAMPLE_ROWS, by=by, strata=strata) if by else held.train.sample(SAMPLE_ROWS, self.seed)
        if self.stand_in:
            return self.witness(table)
        seed = seed if seed is not None else self.recipes.seed(case, side)
        if self.installations is not None and self._can_command():
            # A clone has the settings that its release gave it; only the command itself takes them from the packages at hand.
            return self._fit_by_command(side, held, table, seed)
        found = self.recipes.template(case, side)
        if found is None:
            return self._fit_by_command(side, held, table, seed)
        template, parameters = found
        if not template.describe().refits:
            return self._fit_otherwise(case, side, table, seed)
        if self.installations is not None and held.environment is not None:
            template = within(template, self.installations.place(held.environment))
        key = (template.fingerprint, tuple(sorted((k, repr(v)) for k, v in parameters.items())), table.fingerprint, seed)
        if key not in self._fits:
            self.within_budget()
            started = time.monotonic()
            if template.fingerprint in self._barren:
                raise ModelBroken(f"{side}: a model that was trained again like its artifact broke when asked; no other one is trained.")
            self._fits[key] = template.refit(table, str(self.case.target), parameters=parameters or None, seed=seed)
            self._made_like[self._fits[key].fingerprint] = template.fingerprint
            self._spent(started)
        return self._fits[key]

    def can_fit(self, side: SideName = "current") -> bool:
        """Whether the side's training can be done again at all, if only by a stand-in."""
        held = self.case.side(side)
        return held is not None and held.train is not None and self.case.target in held.train

    @cached_property
    def stand_in(self) -> bool:
        """Whether ruleout's own boosted trees stand in for the model: no artifact opens and no `[run] train` may run.

        What they say of the data is evidence; of the model, its configuration and its environment they can say nothing.
        """
        return self.model("reference") is None and self.model("current") is None and not self._can_command()

    def parameter_keys(self) -> Mapping[str, str]:
        """Which configuration key is which estimator parameter: `{"learning_rate": "model__learning_rate_init"}`, found by value."""
        return self.recipes.keys

    def figures(self) -> dict[str, Any]:
        """What was spent: refits and the seconds they took."""
        spent = [self, *([self._reference] if self._reference is not None else [])]
        found = {"n_refits": sum(s.n_refits for s in spent), "refit_seconds": round(sum(s.refit_seconds for s in spent), 3)}
        if self.commands.made:
            found |= {"n_runs": len(self.commands.made), "n_flaky": self.commands.n_flaky}
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

    def _can_command(self) -> bool:
        return self.case.trusted and self.case.run.train is not None

    def _fit_by_command(self, side: SideName, held: Side, table: Table, seed: int | None) -> Model:
        if self.case.run.train is None:
            raise ModelError(f"{side}: no artifact that can be fitted again and no [run] train command.")
        if not self.case.trusted:
            raise TrustRequired(f"{side}: training again would run [run] train, which needs trust (--trust).")
        config = dict(held.config or {})
        key = ("command", self.case.run.train, repr(sorted(config.items(), key=lambda item: item[0])), table.fingerprint, seed)
        if self.installations is not None and held.environment is not None:
            return self._fit_in(held.environment, table, config, seed, key)
        if key not in self._fits:
            self.within_budget()
            started = time.monotonic()
            path = self.commands.train(table, config, seed=seed, suffix=self._suffix(side), config_format=self.case.config_format)
            label = f"{side}, trained again"
            opened = self.opener.open(label, Artifact(path=path, trusted=True))
            if opened is None:
                raise ModelError(f"[run] train: what it wrote does not open: {self.reasons.pop(label, '')}")
            self._fits[key] = opened
            self._spent(started)
        return self._fits[key]

    def _suffix(self, side: SideName) -> str:
        """How the model file of a training ends: as the side's own artifact, else the other side's; "" for a folder."""
        held = [h for h in (self.case.side(side), self.case.current, self.case.reference) if h is not None]
        path = next((h.model.path for h in held if h.model is not None and h.model.path is not None), None)
        return ".joblib" if path is None else "" if path.is_dir() else path.suffix

    def _fit_otherwise(self, case: Case, side: SideName, table: Table, seed: int | None) -> Model:
        """The fit of a side whose artifact does not keep how it was trained: by `[run] train`, else ruleout's own trees stand in.

        Raises
        ------
        ModelError
            Something other than rows was changed, of which a stand-in can say nothing.
        """
        held, was = case.side(side) or Side(), self.case.side(side) or Side()
        if self._can_command():
            return self._fit_by_command(side, held, table, seed)
        if any(getattr(held, name) != getattr(was, name) for name in ("config", "code", "environment")):
            raise ModelError(f"{side}: its artifact does not keep how it was trained, and there is no [run] train; add it.")
        self.opener.assume(
            f"{side}.model does not keep how it was trained: where it is fitted again ruleout's own boosted trees stand in, for rows as "
            "they are and as they are put right; [run] train would do it exactly."
        )
        self.stood_in = True
        return self.witness(table)

    def _fit_in(self, environment: Environment, table: Table, config: dict[str, Any], seed: int | None, key: tuple[Any, ...]) -> Model:
        assert self.installations is not None
        key = (*key, self.installations.place(environment).installation.key)
        if key not in self._fits:
            self.within_budget()
            started = time.monotonic()
            fingerprint = hashlib.sha256(repr(key).encode()).hexdigest()
            self._fits[key] = self.installations.train(environment, table, config, seed, fingerprint)
            self._spent(started)
        return self._fits[key]

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
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise BudgetSpent("the budget is spent: nothing more is fitted again; grant more with --budget.")

    def _spent(self, started: float) -> None:
        self.n_refits += 1
        self.refit_seconds += time.monotonic() - started


def _labelled(table: Table, target: str | None) -> bool:
    """Whether some row of a log bears its label: labels come late."""
    return target is not None and target in table and (table.n_rows == 0 or table.arrow.column(target).null_count < table.n_rows)


def without_model(case: Case, side: SideName) -> Case:
    """The case with one side's artifact taken away, so that it is fitted again as it stands: the unchanged control."""
    held = case.side(side) or Side()
    return case.with_side(side, replace(held, model=None))
