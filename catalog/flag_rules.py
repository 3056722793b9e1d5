"""Rules: conditions in CEL over an evaluation context. This module only runs where `catalog.rule_worker` does.

A rule that anyone wrote may cost more time or memory than there is; the library bounds iterations and recursion, and
the worker process bounds the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

from catalog.flag_evaluation import Verdict

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What is no variable: the names of types, and the package of the well-known ones.
_TAKEN: Final = frozenset(
    ("bool", "bytes", "double", "dyn", "google", "int", "list", "map", "null_type", "string", "type", "uint")
)
_ERROR: Final = re.compile(r"ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<message>.*)")
_CODE: Final = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$| \(in container ''\)")
_CONDITION: Final = ("BOOL", "DYN")


class Rules:
    """Compiles rules once, and tries them on contexts."""

    def __init__(self, kept: int = 2_000) -> None:
        self._env = cel.NewEnv(variables={})
        self._compiled = lru_cache(maxsize=kept)(self._compile)

    def activation(self, context: Mapping[str, Any]) -> cel.Activation:
        """The context, as `verdict` wants it."""
        return self._env.Activation(dict(context))

    def verdict(self, rule: str, activation: cel.Activation) -> Verdict:
        """Whether the rule is true of the context; any other outcome is a failure."""
        try:
            found = self._compiled(rule).eval(activation)
        except (RuntimeError, ValueError, MemoryError) as error:
            return Verdict(failure=_told(error))
        if found.type() != cel.Type.BOOL:
            return Verdict(failure=_told(found.value()))
        return Verdict(matched=found.value())

    def _compile(self, rule: str) -> cel.Expression:
        return self._env.compile(rule, disable_check=True)  # `fault_in` did, when the rule was written


def fault_in(rule: str) -> str | None:
    """Why the rule is no condition, with line and column where they are known; any name may be in the context."""
    names = set(_IDENTIFIER.findall(rule)) - _TAKEN
    try:
        result = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN)).compile(rule).return_type().name()
    except (RuntimeError, ValueError) as error:
        return _told(error)
    return None if result in _CONDITION else f"a rule is true or false, but this one gives a value of type {result}"


def _told(error: object) -> str:
    """The first thing that the library says is wrong, in one line."""
    if found := _ERROR.search(str(error)):
        where = f"line {found['line']}, column {found['column']}: " if int(found["line"]) > 0 else ""
        return where + _CODE.sub("", found["message"])
    return _CODE.sub("", str(error).partition("\n")[0])
