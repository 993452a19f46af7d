"""Code as syntax trees: which functions differ between two sides, and which columns a function assigns."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["Changed", "changed_functions", "columns_assigned", "columns_changed", "names_changed"]


class Changed(NamedTuple):
    """A function that differs, by its name and file; `<module>` for what stands outside of functions."""

    function: str
    file: str


def changed_functions(was: Mapping[str, str], now: Mapping[str, str]) -> list[Changed]:
    """The functions whose syntax trees differ, in the order of files and lines; a file that is no Python counts as one."""
    was, now = _paired(was, now)
    found: list[Changed] = []
    for name in sorted({*was, *now}):
        first, second = _functions(was.get(name, "")), _functions(now.get(name, ""))
        if first is None or second is None:
            if was.get(name) != now.get(name):
                found.append(Changed(name, name))
            continue
        found.extend(Changed(function, name) for function in {**first, **second} if first.get(function) != second.get(function))
    return found


def columns_changed(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The columns whose assigned expressions differ, local names put in, sorted by name."""
    was, now = _paired(was, now)
    first, second = ({c: e for text in files.values() for c, e in _assigned(text)} for files in (was, now))
    return sorted(c for c in {**first, **second} if first.get(c) != second.get(c))


def names_changed(was: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    """The attributes and texts that stand in statements which only one side has: columns among them are what the change is about."""
    was, now = _paired(was, now)
    found: set[str] = set()
    for name in {*was, *now}:
        first, second = (dict(_statements(files.get(name, ""))) for files in (was, now))
        for text in first.keys() ^ second.keys():
            found |= first.get(text) or second.get(text) or set()
    return found


def columns_assigned(files: Mapping[str, str]) -> list[str]:
    """The columns that some function assigns, sorted by name."""
    return sorted({column for text in files.values() for column, _ in _assigned(text)})


def _statements(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each statement without those inside it, as text, with the attributes and texts that it names."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or _is_docstring(node):
            continue
        parts = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)]
        inner = [n for part in parts for n in ast.walk(part)]
        names = {n.attr for n in inner if isinstance(n, ast.Attribute)}
        names |= {n.value for n in inner if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        yield type(node).__name__ + "".join(map(ast.dump, parts)), names


def _paired(was: Mapping[str, str], now: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Single files are compared whatever they are called."""
    if len(was) == len(now) == 1:
        name = next(iter(now))
        return {name: next(iter(was.values()))}, now
    return was, now


def _functions(text: str) -> dict[str, str] | None:
    """Each function's syntax tree as text, by its qualified name; None where the text is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    found: dict[str, str] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, above: str, found: dict[str, str]) -> None:
    rest: list[str] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{above}{child.name}"] = _shape(child)
        elif isinstance(child, ast.ClassDef):
            _collect(child, f"{above}{child.name}.", found)
        elif not _is_docstring(child):
            rest.append(ast.dump(child))
    found[f"{above}<module>"] = "\n".join(rest)


def _shape(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    body = [ast.dump(child) for child in node.body if not _is_docstring(child)]
    return "\n".join([ast.dump(node.args), *map(ast.dump, node.decorator_list), *body])


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    """Each column that some function assigns, with its expression and those of the local names in it."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)):
        own = [
            n
            for child in function.body
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            for n in ast.walk(child)
        ]
        local: dict[str, list[ast.expr]] = {}
        for node in own:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []:
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AugAssign):
                    local.setdefault(target.id, []).append(node.value)
        for node in own:
            for column, value in _columns(node):
                yield column, _with_locals(value, local, frozenset())


def _columns(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from _assigned_to(target, node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "assign":
        yield from ((k.arg, k.value) for k in node.keywords if k.arg is not None)


def _assigned_to(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The columns of one target: `frame["a"]`, `frame.loc[:, "a"]`, `frame[["a", "b"]]`, or several at once."""
    if isinstance(target, ast.Tuple | ast.List):
        alike = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        values = value.elts if alike and isinstance(value, ast.Tuple | ast.List) else [value] * len(target.elts)
        for part, of in zip(target.elts, values, strict=True):
            yield from _assigned_to(part, of)
        return
    key = target.slice if isinstance(target, ast.Subscript) else None
    if isinstance(key, ast.Tuple) and key.elts:
        key = key.elts[-1]
    for name in key.elts if isinstance(key, ast.List) else [key]:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value, value


def _with_locals(value: ast.expr, local: Mapping[str, list[ast.expr]], seen: frozenset[str]) -> str:
    names = sorted({n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n.id in local and n.id not in seen})
    inner = "".join(f"|{name}={_with_locals(v, local, seen | set(names))}" for name in names for v in local[name])
    return ast.dump(value) + inner
