"""Find out why a machine-learning system broke.

>>> import ruleout
>>> case = ruleout.read_case("loan-default/", trust=True)  # doctest: +SKIP
>>> ruleout.investigate(case).summary  # doctest: +SKIP
'The new training table has wrong labels. ...'

Everything is loaded when it is first asked for: importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruleout import errors as errors
    from ruleout.case import read_case as read_case
    from ruleout.case.case import Case as Case
    from ruleout.case.case import Side as Side
    from ruleout.conclusion.conclusion import Conclusion as Conclusion
    from ruleout.conclusion.investigate import investigate as investigate
    from ruleout.errors import RuleoutError as RuleoutError

    __version__: str

__all__ = ["Case", "Conclusion", "RuleoutError", "Side", "__version__", "errors", "explain", "investigate", "read_case"]

_HOMES = {
    "Case": "ruleout.case.case",
    "Conclusion": "ruleout.conclusion.conclusion",
    "RuleoutError": "ruleout.errors",
    "Side": "ruleout.case.case",
    "investigate": "ruleout.conclusion.investigate",
    "read_case": "ruleout.case",
}


def explain(cause: str) -> str:
    """Return the handbook's page about a cause, as it is written. Raises `UnknownCause`."""
    import inspect

    from ruleout.causes import page

    return inspect.cleandoc(type(page(cause)).__doc__ or "")


def __getattr__(name: str) -> Any:
    """Load a public name where it lives."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("ruleout")
    if name == "errors":
        return import_module("ruleout.errors")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ruleout' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
