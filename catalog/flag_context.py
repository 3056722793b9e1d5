"""The evaluation context: what a caller says of whoever asks, and what only the server may say, under `__kaiten`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from metering.problems import InvalidContext

FACTS: Final = "__kaiten"
_DEEPEST: Final = 32
_INT_64: Final = range(-(2**63), 2**63)
_WITHOUT_USAGE: Final = re.compile(rf"{FACTS}\s*\.\s*(?:license|instance|customer|deploymentZone)\b")
_OF_ONE: Final = re.compile(
    rf"""{FACTS}\s*\.\s*entitlements\s*(?:\.\s*(\w+)\b(?!\s*\()|\[\s*'([^'\\]*)'\s*\]|\[\s*"([^"\\]*)"\s*\])"""
)


@dataclass(frozen=True, slots=True)
class Context:
    """`key` is the targeting key. `instance` is the slug of the instance that is asked for, if it was named.

    `hints` are what may be its slug, or its customer's, but need not be.
    """

    attributes: Mapping[str, Any]
    key: str | None
    instance: str | None
    hints: tuple[str, ...]

    def with_facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What rules see. Whatever the caller says under the server's name is not among it."""
        return {**self.attributes, FACTS: _plain(facts, 0)}


def context_of(given: Mapping[str, Any]) -> Context:
    """Raises `InvalidContext` where the protocol's own keys are not texts, or values nest too deep."""
    key = _text(given.get("targetingKey"), "targetingKey")
    kaiten = given.get("kaiten")
    instance = _text(kaiten.get("instanceSlug"), "kaiten.instanceSlug") if isinstance(kaiten, Mapping) else None
    tenant = given.get("tenantSlug")
    hints = tuple(hint for hint in (tenant, key) if isinstance(hint, str) and hint)
    attributes = _with_dots_opened({name: _plain(value, 1) for name, value in given.items()})
    return Context(attributes, key or instance or (hints[0] if hints else None), instance, hints)


def needs_facts(rules: Iterable[str]) -> bool:
    return any(FACTS in rule for rule in rules)


def usage_seen(rules: Iterable[str], entitlements: Collection[str]) -> set[str]:
    """Of which of the entitlements some rule may see the usage: all, unless each rule plainly names what it sees."""
    seen: set[str] = set()
    for rule in rules:
        if FACTS in _OF_ONE.sub("", _WITHOUT_USAGE.sub("", rule)):
            return set(entitlements)
        seen.update(name for found in _OF_ONE.findall(rule) for name in found if name)
    return seen.intersection(entitlements)


def _text(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidContext(f"The context's {name} must be a text.")
    return value or None


def _plain(value: Any, depth: int) -> Any:
    """The value as CEL knows it: decimals, and integers beyond 64 bits, are doubles."""
    if depth > _DEEPEST:
        raise InvalidContext(f"The context is nested more than {_DEEPEST} deep.")
    match value:
        case Mapping():
            return {name: _plain(part, depth + 1) for name, part in value.items()}
        case list():
            return [_plain(part, depth + 1) for part in value]
        case bool():
            return value
        case int() if value not in _INT_64:
            return float(Decimal(value))  # beyond a double's range it is infinite, which compares as it should
        case Decimal():
            return float(value)
    return value


def _with_dots_opened(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`user.plan` in a rule is a field of `user`, so an attribute of that name becomes one; given fields stay."""
    opened: dict[str, Any] = {name: value for name, value in attributes.items() if "." not in name}
    for name, value in attributes.items():
        first, *rest = name.split(".", _DEEPEST)
        if rest and "." in rest[-1]:
            raise InvalidContext(f"The context has a name of more than {_DEEPEST} dots.")
        if rest and first not in attributes:
            _put(opened.setdefault(first, {}), rest, value)
    return opened


def _put(into: Any, path: list[str], value: Any) -> None:
    *parents, last = path
    for parent in parents:
        into = into.setdefault(parent, {}) if isinstance(into, dict) else None
    if isinstance(into, dict):
        into.setdefault(last, value)
