"""What differs between two configurations, and what kind of setting each difference is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ruleout.case.case import ABSENT

__all__ = ["Change", "Setting", "change_size", "config_difference", "kind_of_setting", "same_value", "with_value"]

Setting = Literal["regularization", "learning-rate", "hyperparameter", "threshold"]

LABELS = frozenset(
    {
        "name",
        "author",
        "version",
        "comment",
        "comments",
        "note",
        "notes",
        "description",
        "tag",
        "tags",
        "created_by",
        "user",
        "host",
        "hostname",
    }
)
SEEDS = re.compile(r"(^|_)(seed|seeds|random_state)($|_)|^rng$")
TIMES = re.compile(r"(^|_)(timestamp|created|updated|created_at|updated_at|started|started_at|finished|date|datetime)$")
RUNS = re.compile(r"^(run|experiment|job|trial|build|commit|git)(_?(id|name|number|hash|sha))$|^(uuid|sha|commit)$")
EFFORT = frozenset(
    {
        "n_jobs",
        "num_threads",
        "nthread",
        "n_threads",
        "num_workers",
        "workers",
        "verbose",
        "verbosity",
        "verbose_eval",
        "log_level",
        "progress",
        "thread_count",
    }
)
PATHS = re.compile(r"(^|_)(path|paths|file|files|filename|dir|dirs|directory|folder|output|out|uri|url)$")
LOOKS_LIKE_PATH = re.compile(r"[/\\].*\.\w{1,8}$|\.(parquet|csv|joblib|pkl|json|toml|yaml|yml|onnx|pt|txt)$")
OF_LABELS = frozenset(
    {
        "class_weight",
        "class_weights",
        "weights",
        "sample_weight",
        "label_map",
        "labels",
        "monotonic_cst",
        "monotone_constraints",
        "categories",
    }
)
"""Settings whose value is a mapping from data values: they change as one."""

# fmt: off
THRESHOLD = frozenset({
    "threshold", "decision_threshold", "probability_threshold", "score_threshold", "cutoff", "cut_off", "decision_cutoff",
    "operating_point",
})
"""Names of the score from which on the answer is the positive class."""

REGULARIZATION = frozenset({
    "c", "alpha", "alphas", "lambda", "lambd", "lamb", "penalty", "l1", "l2", "l1_ratio", "gamma", "ccp_alpha", "depth",
    "max_depth", "tree_depth", "num_leaves", "max_leaves", "max_leaf_nodes", "subsample", "bagging_fraction", "feature_fraction",
    "weight_decay", "wd", "decay_weight", "nu", "var_smoothing", "shrinkage", "label_smoothing", "drop_rate", "drop_path",
    "max_delta_step", "min_split_gain", "min_gain_to_split", "min_impurity_decrease", "rsm", "random_strength", "nodesize",
    "max_norm", "min_data_in_leaf", "min_sum_hessian_in_leaf", "l2_leaf_reg",
})
# fmt: on
REGULARIZATION_PATTERN = re.compile(
    r"^(reg|regularization|regularisation|lambda|l1|l2)_|_(regularization|regularisation|reg|penalty|l1|l2)$|dropout|^min_(samples|child|data)_|^colsample|^regulari[sz]ation$"
)
# fmt: off
LEARNING_RATE = frozenset({
    "learning_rate", "lr", "eta", "eta0", "learning_rate_init", "step_size", "momentum", "nesterovs_momentum", "power_t",
    "beta_1", "beta_2", "beta1", "beta2", "warmup", "lr_scheduler", "scheduler", "schedule", "lr_schedule",
})
# fmt: on
LEARNING_RATE_PATTERN = re.compile(r"^(lr|learning_rate|warmup|scheduler|schedule)_|_(lr|learning_rate|schedule|scheduler|warmup)$")


class Change(NamedTuple):
    """One setting that differs: its path of keys, and its value on either side; `ABSENT` where it is not there."""

    path: tuple[str, ...]
    old: Any
    new: Any

    @property
    def key(self) -> str:
        """The path with dots."""
        return ".".join(self.path)


def config_difference(reference: Mapping[str, Any], current: Mapping[str, Any]) -> list[Change]:
    """The settings in which two configurations differ, in the order of the reference and then of what is new.

    Nested mappings are compared key by key, except those from data values (`class_weight`), which change as one. Left out, for
    they do not change what is learned: seeds, run names and other labels, times, paths, numbers of threads, verbosity, and
    lists of names (of columns) that hold the same names in another order.
    """
    return list(_walk(reference, current, ()))


def _walk(old: Mapping[str, Any], new: Mapping[str, Any], above: tuple[str, ...]) -> list[Change]:
    found: list[Change] = []
    for name in {**old, **new}:
        path = (*above, str(name))
        first, second = old.get(name, ABSENT), new.get(name, ABSENT)
        if _is_label(str(name), first, second):
            continue
        if isinstance(first, Mapping) and isinstance(second, Mapping) and str(name).lower() not in OF_LABELS:
            found.extend(_walk(first, second, path))
        elif not same_value(first, second):
            found.append(Change(path, first, second))
    return found


def _is_label(name: str, *values: Any) -> bool:
    key = _last(name)
    if key in LABELS or key in EFFORT or SEEDS.search(key) or TIMES.search(key) or RUNS.search(key):
        return True
    texts = [v for v in values if v is not ABSENT and v is not None]
    return (
        bool(texts)
        and all(isinstance(v, str) for v in texts)
        and (bool(PATHS.search(key)) or all(bool(LOOKS_LIKE_PATH.search(v)) for v in texts))
    )


def same_value(first: Any, second: Any) -> bool:
    """Whether two values of a setting mean the same: 1 and 1.0, a list and a tuple, names in another order."""
    if first is ABSENT or second is ABSENT or first is None or second is None:
        return first is second
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=1e-12) or (math.isnan(first) and math.isnan(second))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        one, two = ({str(k): v for k, v in m.items()} for m in (first, second))
        return one.keys() == two.keys() and all(same_value(one[k], two[k]) for k in one)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if len(first) != len(second):
            return False
        if all(isinstance(v, str) for v in (*first, *second)):
            return sorted(first) == sorted(second)
        return all(same_value(a, b) for a, b in zip(first, second, strict=True))
    return type(first) is type(second) and bool(first == second)


def kind_of_setting(path: tuple[str, ...], *configs: Mapping[str, Any] | None) -> Setting:
    """What kind of setting a key is, by its name.

    `alpha` beside a quantile or Huber loss is no regularisation, nor is `gamma` beside a kernel: `configs` are asked for those.
    """
    key = _last(path[-1])
    beside = {_last(str(k)): v for config in configs if config is not None for k, v in _siblings(config, path).items()}
    if key in LEARNING_RATE or LEARNING_RATE_PATTERN.search(key):
        return "learning-rate"
    if key == "alpha" and str(beside.get("loss", beside.get("objective", ""))).lower() in ("quantile", "huber"):
        return "hyperparameter"
    if key == "gamma" and (
        "kernel" in beside or re.search(r"svc|svr|svm|rbf", str(beside.get("algorithm", beside.get("model", ""))).lower())
    ):
        return "hyperparameter"
    if key in THRESHOLD and not any(re.search(r"select|varian|filter|early|stop", step.lower()) for step in path[:-1]):
        return "threshold"
    if key in REGULARIZATION or REGULARIZATION_PATTERN.search(key):
        return "regularization"
    return "hyperparameter"


def change_size(old: Any, new: Any) -> float | None:
    """How much a value changed, as |log(new / old)|; None where it is no change of a positive number into another.

    A mapping or list of numbers counts by its largest change.
    """
    if isinstance(old, bool) or isinstance(new, bool):
        return None
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(math.log(new / old)) if old > 0 and new > 0 and math.isfinite(old) and math.isfinite(new) else None
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
        sizes = [change_size(old[k], new[k]) for k in old]
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        sizes = [change_size(a, b) for a, b in zip(old, new, strict=True)]
    else:
        return None
    numbers = [s for s in sizes if s is not None]
    return max(numbers) if numbers and len(numbers) == len(sizes) else None


def with_value(config: Mapping[str, Any] | None, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The top-level keys to set, as `Case.with_config` takes them, so that the setting at `path` has `value`."""
    if len(path) == 1:
        return {path[0]: value}
    return {path[0]: _put((config or {}).get(path[0]), path[1:], value)}


def _put(held: Any, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    out = dict(held) if isinstance(held, Mapping) else {}
    if len(path) > 1:
        out[path[0]] = _put(out.get(path[0]), path[1:], value)
    elif value is ABSENT:
        out.pop(path[0], None)
    else:
        out[path[0]] = value
    return out


def _siblings(config: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    held: Any = config
    for part in path[:-1]:
        held = held.get(part) if isinstance(held, Mapping) else None
    if not isinstance(held, Mapping):
        return {}
    stem, _, _ = path[-1].rpartition("__")
    return {k: v for k, v in held.items() if str(k).rpartition("__")[0] == stem}


def _last(name: str) -> str:
    return name.rsplit("__", 1)[-1].lower().replace("-", "_")
