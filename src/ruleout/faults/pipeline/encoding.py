"""Category codes that differ between training and inference."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.indicators import as_indicators
from ruleout.faults.service import Service, ServiceFault, Serving
from ruleout.faults.system import Half, System, weighty


class Encoding(Fault):
    """Codes stand for other categories than in training, the values being the same."""

    variants = ("artifact", "table")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The artifact's encoder has its categories in another order, or a table was coded by an encoder of its own."""
        n = {"small": 1, "medium": 2, "large": 4}[severity]
        columns = weighty(system, "categorical", rng, n, among=max(2, n))
        if not columns:
            raise Inapplicable("no categories")
        seed = int(rng.integers(2**31))
        if variant == "artifact":

            def tamper(model: Any, half: Half) -> Any:
                changed = copy.deepcopy(model)
                prepare = changed.named_steps["prepare"]
                encoder = prepare.named_transformers_["categories"]
                names = next(cols for name, _, cols in prepare.transformers_ if name == "categories")
                for column in columns:
                    k = names.index(column)
                    known = [v for v in encoder.categories_[k] if isinstance(v, str | int)]  # null keeps its place at the end
                    order = _other_order(len(known), seed)
                    encoder.categories_[k] = np.array([*[known[i] for i in order], *encoder.categories_[k][len(known) :]], dtype=object)
                return changed

            def apply(system: System) -> System:
                return replace(system, current=replace(system.current, tamper=tamper))

            return Plan(apply, ("model", *columns), {"columns": columns}, accept=("model.checkpoint",))
        table = str(rng.choice(["train", "validation"]))
        levels = {c: sorted(_levels(system, c)) for c in columns}
        right = {c: {v: k for k, v in enumerate(levels[c])} for c in columns}
        wrong = {c: {levels[c][i]: k for k, i in enumerate(_other_order(len(levels[c]), seed))} for c in columns}

        def setup(system: System) -> System:
            return replace(system, reference=_coded(system.reference, right), current=_coded(system.current, right))

        def apply_table(system: System) -> System:
            frame = system.current.frame(table).copy()
            for column in columns:
                moved = {code: wrong[column][value] for value, code in right[column].items()}
                frame[f"{column}_code"] = frame[f"{column}_code"].map(moved | {-1: -1})
            return replace(system, current=system.current.with_frame(table, frame))

        places = tuple(f"{table}.{c}_code" for c in columns) + tuple(columns)
        return Plan(apply_table, places, {"table": table, "columns": columns}, setup=setup)


def _levels(system: System, column: str) -> set[str]:
    frames = [half.frame(t) for half in (system.reference, system.current) for t in ("train", "validation")]
    return {str(v) for frame in frames for v in frame[column].dropna().unique()}


def _other_order(n: int, seed: int) -> list[int]:
    """An order of n codes that moves most of them."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(n) for _ in range(20)]
    return [int(i) for i in min(orders, key=lambda order: int(np.sum(order == np.arange(n))))]


def _coded(half: Half, codes: dict[str, dict[str, int]]) -> Half:
    """The half with codes beside the raw values, which are features no more."""
    for table in ("train", "validation"):
        frame = half.frame(table).copy()
        for column, mapping in codes.items():
            frame[f"{column}_code"] = frame[column].astype(object).map(mapping).fillna(-1).astype(int)
        half = half.with_frame(table, frame)
    return half.with_config(categorical=[f"{c}_code" if c in codes else c for c in half.config["categorical"]])


class EncodingServing(ServiceFault):
    """The service gives categories other codes than training did, the values in the log being right."""

    variants: ClassVar[tuple[str, ...]] = ("refitted", "reversed", "off-by-one", "shuffled", "indicators")

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """A column is coded by what the requests hold, in reverse or any other order, or one too high.

        Or the model takes an array with a column for each level, and the service puts these in the order in which it met the levels.
        """
        if variant == "indicators":
            return _indicators(service, rng, severity)
        n = {"small": 1, "medium": 2, "large": 4}[severity]
        columns = weighty(service.system, "categorical", rng, n, among=max(2, n))
        if not columns:
            raise Inapplicable("no categories")
        features = service.requests[service.features]
        frame = features.copy()
        for column in columns:
            levels = sorted(v for v in service.system.reference.train[column].dropna().unique())
            if len(levels) < 3 and variant in ("refitted", "off-by-one"):
                raise Inapplicable("too few values for codes to move")
            if variant == "refitted":
                # an encoder fitted on a batch of requests knows fewer values, and numbers them in the order in which they came
                batch = features[column].dropna().unique()[: max(2, len(levels))]
                wrong = {v: levels[k % len(levels)] for k, v in enumerate(batch)}
            elif variant == "reversed":
                wrong = dict(zip(levels, reversed(levels), strict=True))
            elif variant == "off-by-one":
                wrong = dict(zip(levels, [*levels[1:], levels[0]], strict=True))
            else:
                wrong = {v: levels[k] for v, k in zip(levels, _other_order(len(levels), int(rng.integers(2**31))), strict=True)}
            frame[column] = features[column].astype(object).map(lambda v, wrong=wrong: wrong.get(v, v))
        places = tuple(f"serving.{c}" for c in columns)
        answers = service.answer(frame)
        return Serving(service.log(features, answers), places, {"columns": columns}, accept=("pipeline.preprocessing",))


def _indicators(service: Service, rng: np.random.Generator, severity: Severity) -> Serving:
    service = as_indicators(service, without_first=bool(rng.random() < 0.5))
    n = {"small": 1, "medium": 2, "large": 4}[severity]
    columns = [c for c in weighty(service.system, "categorical", rng, n, among=max(2, n)) if len(service.asked.levels[c]) > 1]
    if not columns:
        raise Inapplicable("no category of levels enough to be in another order")
    features, levels = service.requests[service.features], dict(service.asked.levels)
    for column in columns:
        met = [v for v in features[column].dropna().unique() if v in levels[column]]
        levels[column] = [*met, *(v for v in levels[column] if v not in met)]
        if levels[column] == list(service.asked.levels[column]):
            levels[column].reverse()
    log = service.log(features, service.answer(features, replace(service.asked, levels=levels)))
    places = tuple(f"serving.{c}" for c in columns)
    return Serving(log, places, {"columns": columns}, accept=("pipeline.preprocessing", "pipeline.feature-order"), service=service)


class EncodingEnvironment(EncodingServing):
    """Two machines give the same categories other codes."""

    situation = "environment"
    variants = ("refitted", "reversed", "off-by-one", "shuffled")
