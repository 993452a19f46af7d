"""A first case.toml, drafted from the files that are there; only what they cannot tell is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruleout.case.case import Case, Side
from ruleout.case.folder import check_folder
from ruleout.case.given import read_field
from ruleout.case.infer import infer_metric, infer_positive, infer_row_keys, infer_target, infer_task, infer_time, tables_of
from ruleout.case.loose import propose_sides
from ruleout.errors import CaseError, RuleoutError

__all__ = ["Ask", "Draft", "draft_case", "write_draft"]

Ask = Callable[[str, Sequence[str], str], str]
"""Asks a question: (question, choices, default) -> answer. Empty choices mean that any text will do."""

CHANGES = ("retraining", "deployment", "upgrade", "unknown")


@dataclass(frozen=True)
class Draft:
    """The text of a case.toml, and what was taken for granted in it.

    Parameters
    ----------
    text
        TOML that `read_case` reads.
    assumed
        One sentence for every answer that nobody gave.
    unread
        One sentence for every file that was found and could not be read; it is left out of the case.
    """

    text: str
    assumed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def draft_case(folder: str | Path, *, ask: Ask | None = None) -> Draft:
    """A case.toml for the files of a folder.

    Parameters
    ----------
    folder
        Holds two folders with evidence, or loose files such as `old_train.csv` and `new_train.csv`.
    ask
        Called for what the files cannot tell; None takes the likely answers and says which.

    Raises
    ------
    CaseError
        There is no such folder, or no file in it is known.
    """
    folder = check_folder(Path(folder).absolute(), str(folder))
    sides, guessed = propose_sides(folder)
    if not sides:
        held = ", ".join(sorted(p.name for p in folder.iterdir())[:6]) or "nothing"
        raise CaseError(
            f"{folder.name}: the folder holds {held}, none of which is known as evidence; name files like train.csv, model.joblib, "
            "config.json, or put them into reference/ and current/."
        )
    answers = _Answers(ask)
    if guessed:
        broken = answers.ask(f"Which one is broken: {guessed[0]} or {guessed[1]}?", guessed, guessed[1])
        if broken == guessed[0]:
            sides = {"reference": sides["current"], "current": sides["reference"]}
    if "current" not in sides:
        sides = {"current": sides["reference"]}
    case, unread, sides = _open(folder, sides)
    fields = _fields(case, answers)
    content: dict[str, Any] = {"case": {"title": folder.name.replace("_", " ").replace("-", " "), **fields}}
    for name in ("reference", "current"):
        if sides.get(name):
            content[name] = {entry: path.relative_to(folder).as_posix() for entry, path in sides[name].items()}
    command = _train_command(folder)
    if command:
        content["run"] = {"train": command}
    import tomli_w

    return Draft(tomli_w.dumps(content), tuple(answers.assumed), unread)


def write_draft(draft: Draft, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a draft to a file, which must not be there yet unless the caller says that it may be replaced.

    Raises
    ------
    CaseError
        The file is there already, or its folder cannot be written to.
    """
    path = Path(path)
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(draft.text)
    except FileExistsError as error:
        raise CaseError(
            f"{path}: the file is there already and is not overwritten; say that it may be replaced, or name another."
        ) from error
    except OSError as error:
        raise CaseError(f"{path}: cannot be written ({error.strerror}); name a file in a folder that you may write to.") from error
    return path


class _Answers:
    """Asks, or takes the likely answer and remembers that it did."""

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask
        self.assumed: list[str] = []

    def ask(self, question: str, choices: Sequence[str], default: str) -> str:
        if self._ask is not None:
            answer = self._ask(question, choices, default).strip() or default
            if not choices or answer in choices:
                return answer
            self.assumed.append(f'{question} "{answer}" is none of {", ".join(choices)}: "{default}" is assumed.')
            return default
        self.assumed.append(f'{question} "{default}" is assumed.')
        return default

    def take(self, assumed: tuple[Any, str]) -> Any:
        self.assumed.append(assumed[1])
        return assumed[0]


def _open(folder: Path, sides: Mapping[str, Mapping[str, Path]]) -> tuple[Case, tuple[str, ...], dict[str, dict[str, Path]]]:
    """The case without its answers, what could not be read, and the files that could."""
    unread: list[str] = []
    readable: dict[str, dict[str, Path]] = {}
    opened: dict[str, Side] = {}
    for side_name, files in sides.items():
        values: dict[str, Any] = {}
        for name, path in files.items():
            try:
                values[name] = read_field(name, path, path.relative_to(folder).as_posix())
                _ = values[name].columns if name in {"train", "validation", "serving"} else None
            except RuleoutError as error:
                values.pop(name, None)
                unread.append(str(error).replace(f"{folder}/", ""))
        readable[side_name] = {name: path for name, path in files.items() if name in values}
        opened[side_name] = Side(**values)
    if not readable.get("current"):
        raise CaseError(unread[0] if unread else f"{folder.name}: no evidence of the current side; put its files into current/.")
    reference = opened.get("reference") if readable.get("reference") else None
    return Case(current=opened["current"], reference=reference, folder=folder), tuple(unread), readable


def _fields(case: Case, answers: _Answers) -> dict[str, Any]:
    """The fields of `[case]`: the change and the target are asked for, the rest follows from them."""
    from dataclasses import replace

    fields: dict[str, Any] = {"changed": answers.ask("What changed before it broke?", CHANGES, _likely_change(case))}
    time = infer_time(case)
    if time:
        fields["time"] = answers.take(time)
    case = replace(case, time=fields.get("time"))
    likely = infer_target(case)
    if likely:
        columns = list(dict.fromkeys(column for _, table in tables_of(case, ("train", "validation")) for column in table.columns))
        fields["target"] = answers.ask("Which column is the target?", columns, likely.value)
    case = replace(case, target=fields.get("target"))
    for name, infer in (("task", infer_task), ("metric", infer_metric), ("positive", infer_positive)):
        assumed = infer(case)
        if assumed:
            fields[name] = _toml_value(answers.take(assumed))
            changes: dict[str, Any] = {name: assumed.value}
            case = replace(case, **changes)
    keys = infer_row_keys(case)
    if keys:
        fields["key"] = answers.take(keys[0])
        rest = [answers.take(key) for key in keys[1:]]
        fields.update({"ignore": rest} if rest else {})
    return fields


def _likely_change(case: Case) -> str:
    current, reference = case.current, case.reference
    if current.serving is not None and current.train is None:
        return "deployment"
    if reference is None:
        return "unknown"
    if current.train is not None and reference.train is not None:
        return "retraining"
    if current.environment is not None and reference.environment is not None and current.environment != reference.environment:
        return "upgrade"
    return "retraining" if current.history is not None or current.model is not None else "unknown"


def _toml_value(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _train_command(folder: Path) -> str | None:
    """The command of a `train.py` that takes its files as options, as far as its text shows them."""
    script = folder / "train.py"
    if not script.is_file():
        return None
    options = set(re.findall(r"""["']--([a-z]+)["']""", script.read_text(encoding="utf-8", errors="replace")))
    if not {"train", "model"} <= options:
        return None
    known = [name for name in ("train", "config", "model") if name in options]
    return "python train.py " + " ".join(f"--{name} {{{name}}}" for name in known)
