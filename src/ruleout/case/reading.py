"""Code is read for leaks, line by line as a syntax tree, and never run.

What is done to all rows before they are split has seen the rows that the model is judged on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ruleout.case.code import Code

__all__ = ["Reading", "read_leaks"]

Kind = Literal[
    "fit-before-split",
    "selection-before-split",
    "resampling-before-split",
    "answers-before-split",
    "aggregate-before-split",
    "fit-on-test",
    "shuffled-time-split",
    "made-of-later-rows",
    "evaluation-mode",
]

TRANSFORM = re.compile(r"(Scaler|Encoder|Imputer|Transformer|Normalizer|Discretizer|Binarizer|Vectorizer|PCA|SVD|FastICA|NMF|Binning|WOE)$")
SELECTOR = re.compile(r"^(Select[A-Z]\w*|RFE|RFECV|VarianceThreshold|SequentialFeatureSelector|Boruta\w*)$")
RESAMPLER = re.compile(r"(SMOTE\w*|OverSampler|UnderSampler|ADASYN|TomekLinks|NearMiss)$")
LEARNER = re.compile(
    r"(Classifier|Regressor|Regression|RegressionCV|SVC|SVR|Ridge|RidgeCV|Lasso|LassoCV|ElasticNet|ElasticNetCV|NB|GaussianProcess\w*|"
    r"LinearDiscriminantAnalysis|QuadraticDiscriminantAnalysis|Booster|CatBoost|Pipeline|make_pipeline)$"
)
"""What learns the target and answers with it."""
ANSWERS = frozenset({"predict", "predict_proba", "predict_log_proba", "decision_function", "apply", "staged_predict"})
SPLITTERS = frozenset({"train_test_split", "cross_val_score", "cross_validate", "cross_val_predict", "random_split"})
FOLDS = re.compile(r"(KFold|ShuffleSplit|GroupKFold|TimeSeriesSplit|LeaveOneOut|PredefinedSplit)$")
HELD_OUT = re.compile(r"(^|_)(test|val|valid|validation|holdout|hold_out|eval|dev|oot)(_|\d|$)|^(xte|xval|yte|yval)", re.IGNORECASE)
TRAINING = re.compile(r"(^|_)(train|training|tr|past)(_|\d|$)|^(xtr|ytr)", re.IGNORECASE)
STATISTICS = frozenset({"mean", "std", "median", "min", "max", "quantile", "mode", "var"})
AGGREGATES = frozenset(
    {"transform", "agg", "aggregate", "mean", "sum", "median", "apply", "count", "std", "var", "max", "min", "expanding"}
)
STEPS = frozenset({"shift", "diff", "pct_change"})
DEEPEST = 4


@dataclass(frozen=True)
class Reading:
    """A line of code that lets held-out rows into training.

    Parameters
    ----------
    kind
        What is done there.
    file, line
        Where it stands; lines count from 1.
    text
        The line itself, without its indentation.
    said
        What is wrong with it, as a clause without a full stop.
    columns
        Columns that the line assigns, itself or through the name that it gives its result; or that it fills by their class's mean. Where
        it makes names, `stack_*` stands for all that begin so.
    chosen
        How many columns a selector keeps, where the line that made it says so.
    """

    kind: Kind
    file: str
    line: int
    text: str
    said: str
    columns: tuple[str, ...] = ()
    chosen: int | None = None


@dataclass(frozen=True)
class _Event:
    """One thing that code does to data, in the order in which it does it."""

    kind: str
    file: str
    line: int
    said: str = ""
    columns: tuple[str, ...] = ()
    shuffled: bool = False
    chosen: int | None = None


def read_leaks(code: Code | None, *, target: str | None = None, time: str | None = None) -> tuple[Reading, ...]:
    """The lines of a side's code that let held-out rows into training, in the order of files and lines.

    Parameters
    ----------
    code
        Text by file name; files that are no Python are passed over.
    target
        Label column: means of it by group, made before the split, give the labels of held-out rows away.
    time
        Event-time column; with one, a split of shuffled rows mixes past and future.
    """
    if code is None:
        return ()
    trees = {name: tree for name, text in sorted(code.files.items()) if (tree := _parsed(name, text)) is not None}
    lines = {name: text.splitlines() for name, text in code.files.items()}
    functions = {
        node.name: (name, node)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found: dict[tuple[str, int, str], _Event] = {}
    for name, tree in trees.items():
        scopes: list[tuple[str, list[ast.stmt]]] = [("<module>", tree.body)]
        scopes += [(f.name, f.body) for file, f in functions.values() if file == name]
        for _, body in scopes:
            reader = _Reader(name, functions, target)
            events = reader.read(body)
            for event in _judged(events, time):
                found.setdefault((event.file, event.line, event.kind), event)
        found.update({(e.file, e.line, e.kind): e for e in _modes(name, tree)})
    ordered = sorted(found.values(), key=lambda e: (e.file, e.line, e.kind))
    return tuple(
        Reading(e.kind, e.file, e.line, _line(lines[e.file], e.line), e.said, e.columns, e.chosen)  # type: ignore[arg-type]  # kinds of findings only
        for e in ordered
    )


def _judged(events: list[_Event], time: str | None) -> Iterator[_Event]:
    """What stands before a split that it should come after, and what is wrong wherever it stands."""
    splits = [k for k, e in enumerate(events) if e.kind == "split"]
    for k, event in enumerate(events):
        if event.kind in ("fit-on-test", "made-of-later-rows"):
            yield event
        elif event.kind.endswith("-before-split") and any(s > k for s in splits):
            split = events[next(s for s in splits if s > k)]
            yield replace(event, said=f"{event.said}, and the split comes after it ({split.file}:{split.line})")
    if time is None:
        return
    for k in splits:
        shuffled = events[k].shuffled or any(e.kind == "shuffle" for e in events[:k])
        ordered = any(e.kind == "sort" for e in events[:k]) and not events[k].shuffled
        if shuffled and not ordered:
            at = next((e for e in events[:k] if e.kind == "shuffle"), events[k])
            yield _Event("shuffled-time-split", at.file, at.line, f"rows with a time ({time}) are split in shuffled order")


class _Reader:
    """Reads one scope in the order of its lines, local functions put in where they are called."""

    def __init__(self, file: str, functions: dict[str, tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]], target: str | None) -> None:
        self.file, self.functions, self.target = file, functions, target
        self.made: dict[str, str] = {}
        self.chosen: dict[str, int] = {}
        self.becomes: dict[str, tuple[str, ...]] = {}
        self.held_out: set[str] = set()
        self.learners: set[str] = set()
        self.taught: set[str] = set()
        self.cuts: dict[str, set[str]] = {}
        self.named: tuple[str, ...] = ()
        self.within: tuple[str, ...] = ()

    def read(self, body: list[ast.stmt]) -> list[_Event]:
        events: list[_Event] = []
        self.becomes.update(_becomes(body))
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try):
                events += self.expressions(_head(statement))
                events += self.read([s for part in ("body", "orelse", "finalbody") for s in getattr(statement, part, [])])
                continue
            events += self.expressions([statement])
            self.remember(statement)
        return events

    def remember(self, statement: ast.stmt) -> None:
        """Which name holds which transformer, and which holds held-out rows."""
        if not isinstance(statement, ast.Assign):
            return
        value = statement.value
        made = _called(value)
        names = [n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        for name in names:
            if made and (TRANSFORM.search(made) or SELECTOR.search(made) or RESAMPLER.search(made)):
                self.made[name] = made
                if (chosen := _chosen(value)) is not None:
                    self.chosen[name] = chosen
            if made and LEARNER.search(made):
                self.learners.add(name)
            if self.teaches(value):
                self.taught.add(name)
            if made in ("concat", "vstack", "concatenate", "append", "union") and self.on_held_out(value):
                self.held_out.add(name)

    def expressions(self, nodes: list[ast.AST] | list[ast.stmt]) -> list[_Event]:
        calls: list[tuple[int, int, ast.AST]] = []
        for node in nodes:
            # Inner calls come before the ones that they are arguments of; so an end position orders them.
            calls += [(getattr(n, "end_lineno", 0), getattr(n, "end_col_offset", 0), n) for n in _walk(node)]
        events: list[_Event] = []
        columns = tuple(c for node in nodes for c in _assigned_columns(node, self.becomes))
        self.named = tuple(c for node in nodes for c in _named_columns(node))
        for *_, node in sorted(calls, key=lambda item: item[:2]):
            events += self.event(node, columns)
        return events

    def event(self, node: ast.AST, columns: tuple[str, ...]) -> list[_Event]:
        if isinstance(node, ast.Subscript):
            return self.cut(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Sub) and _standardised(node) and not self.on_training(node):
            return [self.at(node, "fit-before-split", "columns are scaled by statistics of all rows", columns)]
        if not isinstance(node, ast.Call):
            return []
        name = _called(node) or ""
        if name in SPLITTERS:
            ordered = any(k.arg == "shuffle" and isinstance(k.value, ast.Constant) and k.value.value is False for k in node.keywords)
            return [self.at(node, "split", shuffled=name == "train_test_split" and not ordered)]
        if FOLDS.search(name):
            shuffled = "Shuffle" in name or any(
                k.arg == "shuffle" and isinstance(k.value, ast.Constant) and k.value.value is True for k in node.keywords
            )
            return [self.at(node, "split", shuffled=shuffled)]
        if name in ("sort_values", "sort_index", "sort"):
            return [self.at(node, "sort")]
        if name in ("permutation", "shuffle") or (name == "sample" and _keyword(node, "frac") == 1):
            return [self.at(node, "shuffle")]
        if name in self.functions and name not in self.within and len(self.within) < DEEPEST:
            return self.inlined(name, node)
        if isinstance(node.func, ast.Attribute):
            return self.method(node, node.func, columns)
        return []

    def method(self, node: ast.Call, func: ast.Attribute, columns: tuple[str, ...]) -> list[_Event]:
        name, maker = func.attr, self.maker(func.value)
        if self.teaches(node) and isinstance(func.value, ast.Name):
            self.taught.add(func.value.id)
        if name in ANSWERS and node.args and self.knows_all(func.value):
            if self.on_training(node.args[0]) or self.on_held_out(node.args[0]):
                return []
            made = tuple(dict.fromkeys((*columns, *self.named)))
            said = "a model that has learned from all rows answers them, and its answers become features"
            return [self.at(node, "answers-before-split", said, made)] if made else []
        fits = name in ("fit", "fit_transform", "fit_resample", "partial_fit")
        if fits and maker and node.args and not RESAMPLER.search(maker):
            if self.on_held_out(node.args[0]):
                return [self.at(node, "fit-on-test", f"{maker} is fitted on held-out rows", columns)]
            if self.on_training(node.args[0]):
                return []
            kind = "selection-before-split" if SELECTOR.search(maker) else "fit-before-split"
            chosen = _chosen(func.value) or next((self.chosen[n] for n in _names(func.value) if n in self.chosen), None)
            return [replace(self.at(node, kind, f"{maker} is fitted on all rows", columns), chosen=chosen)]
        if fits and maker and RESAMPLER.search(maker) and node.args and not self.on_training(node.args[0]):
            return [self.at(node, "resampling-before-split", f"{maker} makes rows from all rows", columns)]
        if name == "sample" and _keyword(node, "replace") is True and not self.on_training(func.value):
            return [self.at(node, "resampling-before-split", "rows are drawn again from all rows", columns)]
        if name in AGGREGATES and self.target is not None and not self.on_training(node):
            groups = [n for n in ast.walk(func.value) if isinstance(n, ast.Call) and _called(n) == "groupby"]
            if any(_mentions(a, self.target) for g in groups for a in (*g.args, *(k.value for k in g.keywords))):
                # What is averaged within the classes tells the class wherever it is put.
                of = tuple(_strings(func.value)) if isinstance(func.value, ast.Subscript) else ()
                if not of and not columns:
                    return []
                said = f"{', '.join(of or columns)} is averaged within the classes of {self.target}, over all rows"
                return [self.at(node, "aggregate-before-split", said, tuple(dict.fromkeys((*columns, *of))))]
            if groups and _mentions(node, self.target):
                return [self.at(node, "aggregate-before-split", f"{self.target} is averaged by group over all rows", columns)]
        if (name in STEPS and _backwards(node)) or (name == "rolling" and _keyword(node, "center") is True):
            made = tuple(c for c in columns if c != self.target)
            return [self.at(node, "made-of-later-rows", f"{', '.join(made)} is made of later rows", made)] if made else []
        if name == "corr" and self.target is not None and _mentions(node, self.target) and not self.on_training(node):
            return [
                self.at(
                    node, "selection-before-split", f"columns are chosen by their correlation with {self.target} over all rows", columns
                )
            ]
        if name == "corrwith" and not self.on_training(node):
            return [
                self.at(node, "selection-before-split", "columns are chosen by their correlation with the target over all rows", columns)
            ]
        return []

    def inlined(self, name: str, node: ast.Call) -> list[_Event]:
        """What a local function does, where it is called with more than training rows."""
        file, function = self.functions[name]
        inner = _Reader(file, self.functions, self.target)
        inner.within = (*self.within, name)
        events = inner.read(function.body)
        if node.args and all(self.on_training(a) for a in node.args[:1]):
            events = [e for e in events if not e.kind.endswith("-before-split")]
        return events

    def cut(self, node: ast.Subscript) -> list[_Event]:
        """A split by position: `rows[:cut]` and `rows[cut:]` of the same rows."""
        if not isinstance(node.slice, ast.Slice):
            return []
        bound = node.slice.upper if node.slice.lower is None else node.slice.lower if node.slice.upper is None else None
        if bound is None or isinstance(bound, ast.Constant):
            return []
        key = ast.dump(node.value) + ast.dump(bound)
        sides = self.cuts.setdefault(key, set())
        sides.add("head" if node.slice.lower is None else "tail")
        return [self.at(node, "split")] if len(sides) == 2 else []

    def teaches(self, node: ast.AST) -> bool:
        """Whether an expression fits a model to features and target of more than training rows."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "fit":
            return False
        given = [*node.args, *(k.value for k in node.keywords if k.arg in ("X", "y"))]
        of = node.func.value
        learns = bool(LEARNER.search(_called(of) or "")) or (isinstance(of, ast.Name) and of.id in self.learners)
        return learns and len(given) >= 2 and not any(self.on_training(a) or self.on_held_out(a) for a in given[:2])

    def knows_all(self, value: ast.expr) -> bool:
        """Whether a method is called on a model that was fitted to all rows."""
        return self.teaches(value) or (isinstance(value, ast.Name) and value.id in self.taught)

    def maker(self, value: ast.expr) -> str | None:
        """The class that made the object a method is called on, where it is a transformer."""
        name = _called(value) if isinstance(value, ast.Call) else self.made.get(value.id) if isinstance(value, ast.Name) else None
        return name if name and (TRANSFORM.search(name) or SELECTOR.search(name) or RESAMPLER.search(name)) else None

    def on_held_out(self, node: ast.AST) -> bool:
        return any(HELD_OUT.search(n) or n in self.held_out for n in _names(node))

    def on_training(self, node: ast.AST) -> bool:
        return any(TRAINING.search(n) for n in _names(node)) and not self.on_held_out(node)

    def at(self, node: ast.AST, kind: str, said: str = "", columns: tuple[str, ...] = (), *, shuffled: bool = False) -> _Event:
        return _Event(kind, self.file, getattr(node, "lineno", 1), said, columns, shuffled)


def _modes(file: str, tree: ast.Module) -> Iterator[_Event]:
    """Networks that are asked without having been set to evaluation: dropout and batch norm go on as in training."""
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    if "torch" not in imported or "eval" in called:
        return
    asks = re.compile(r"eval|predict|validat|infer|score|serve", re.IGNORECASE)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and asks.search(node.name):
            yield _Event("evaluation-mode", file, node.lineno, f"{node.name} asks a network that is never set to evaluation (.eval())")


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call | ast.Subscript | ast.BinOp):
            yield inner


def _head(statement: ast.stmt) -> list[ast.AST]:
    """What a compound statement evaluates itself: its condition, its iterable, its managers."""
    heads = [getattr(statement, part, None) for part in ("test", "iter")]
    heads += [item.context_expr for item in getattr(statement, "items", [])]
    return [h for h in heads if isinstance(h, ast.AST)]


def _called(node: ast.AST) -> str | None:
    """The last name of what is called: `TargetEncoder` of `category_encoders.TargetEncoder()`."""
    if not isinstance(node, ast.Call):
        return None
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else None


def _names(node: ast.AST) -> Iterator[str]:
    """The variables and attributes in an expression that data may be called by."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            yield inner.attr


def _mentions(node: ast.AST, column: str) -> bool:
    return any(
        (isinstance(n, ast.Constant) and n.value == column)
        or (isinstance(n, ast.Attribute) and n.attr == column)
        or (isinstance(n, ast.Name) and n.id == column)
        for n in ast.walk(node)
    )


def _standardised(node: ast.BinOp) -> bool:
    """Whether an expression is (x - x.mean()) / x.std(), or the like."""
    if not isinstance(node.op, ast.Div):
        return False
    called = {_called(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return len(called & STATISTICS) >= 2 and any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub) for n in ast.walk(node.left))


def _keyword(node: ast.Call, name: str) -> object:
    return next((k.value.value for k in node.keywords if k.arg == name and isinstance(k.value, ast.Constant)), None)


def _backwards(node: ast.Call) -> bool:
    """Whether a step in rows is negative: `shift(-1)`, `diff(periods=-2)`."""
    steps = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "periods")]
    return any(isinstance(s, ast.UnaryOp) and isinstance(s.op, ast.USub) and isinstance(s.operand, ast.Constant) for s in steps)


def _chosen(node: ast.AST) -> int | None:
    """How many columns a selector is told to keep, where it is made in the expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and SELECTOR.search(_called(inner) or ""):
            kept = _keyword(inner, "k") or _keyword(inner, "n_features_to_select")
            return kept if isinstance(kept, int) else None
    return None


def _strings(node: ast.Subscript) -> list[str]:
    """The columns that `rows["a"]` and `rows[["a", "b"]]` take."""
    return [n.value for n in ast.walk(node.slice) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _becomes(body: list[ast.stmt]) -> dict[str, tuple[str, ...]]:
    """The columns that a name's value is put into by a later line: `rows["a"] = rows["a"].fillna(mean)` puts `mean` into `a`."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in body:
        if not isinstance(statement, ast.Assign) or not (columns := tuple(_assigned_columns(statement, {}))):
            continue
        table = {n.id for target in statement.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        for name in {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)} - table:
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *columns)))
    return found


def _assigned_columns(node: ast.AST, becomes: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    for target in targets:
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str):
            yield target.slice.value
        elif isinstance(target, ast.Name) and not isinstance(getattr(node, "value", None), ast.Name):
            yield from becomes.get(target.id, ())
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and _called(inner) == "assign":
            yield from (k.arg for k in inner.keywords if k.arg is not None)


def _named_columns(node: ast.AST) -> Iterator[str]:
    """The names that a statement gives new columns: `columns=["a"]`, `add_prefix("s_")`, f-strings with their varying end as `*`."""
    for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
        if _called(call) == "add_prefix" and call.args and isinstance(call.args[0], ast.Constant):
            yield f"{call.args[0].value!s}*"
        for keyword in call.keywords:
            if keyword.arg != "columns":
                continue
            for inner in ast.walk(keyword.value):
                if isinstance(inner, ast.JoinedStr) and inner.values:
                    yield "".join(str(v.value) if isinstance(v, ast.Constant) else "*" for v in inner.values)
            if isinstance(keyword.value, ast.List | ast.Tuple):
                yield from (e.value for e in keyword.value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str))


def _parsed(name: str, text: str) -> ast.Module | None:
    if name.rsplit(".", 1)[-1] not in ("py", "ipynb", name):
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
