"""What a feature flag says: its variants, its targeting rules, and what it serves when none matches.

The shapes are those of the HTTP contract, stored as they came; `faults_in` is all that they must agree on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from metering.problems import Fault

_HUNDRED: Final = 100


class FlagType(StrEnum):
    BOOLEAN = "boolean"
    STRING = "string"
    NUMBER = "number"
    OBJECT = "object"


class Variant(msgspec.Struct, frozen=True):
    """One possible value of a flag."""

    name: str
    value: Any
    description: str = ""


class Basic(msgspec.Struct, frozen=True, tag_field="type", tag="basic"):
    """One variant for everyone."""

    variant: str


class Split(msgspec.Struct, frozen=True, tag_field="type", tag="rollout_percentage"):
    """Each variant for its percentage of the targeting keys."""

    distribution: dict[str, int]


class Step(msgspec.Struct, frozen=True):
    """`variant` has `percentage` of the targeting keys at `date`."""

    variant: str
    percentage: int
    date: datetime


class Schedule(msgspec.Struct, frozen=True, tag_field="type", tag="rollout_date"):
    """The targeting keys move linearly from what `start` says to what `end` says.

    Where both name the same variant, the flag's only other one has the rest.
    """

    start: Step
    end: Step


Serving = Basic | Split | Schedule


class Targeting(msgspec.Struct, frozen=True):
    """Whoever the CEL `rule` matches is served by `serving`."""

    name: str
    rule: str
    serving: Serving


class Definition(msgspec.Struct, frozen=True):
    """`key` is the flag's slug. Targetings are tried in order; the first match wins."""

    key: str
    type: FlagType
    enabled: bool
    variants: tuple[Variant, ...]
    default: Serving
    targetings: tuple[Targeting, ...] = ()
    metadata: Mapping[str, Any] = {}

    @property
    def rules(self) -> list[str]:
        """The rules that an evaluation has to try, in order: none of a disabled flag."""
        return [targeting.rule for targeting in self.targetings] if self.enabled else []

    @property
    def fallback(self) -> Variant:
        """What an application falls back to: the default; of a rollout, the variant that most get, or get at first."""
        default = self.default
        match default:
            case Basic():
                return self.variant(default.variant)
            case Split():
                return self.variant(max(default.distribution, key=default.distribution.__getitem__))
            case Schedule():
                return self.variant(default.start.variant)

    def variant(self, name: str) -> Variant:
        return next(variant for variant in self.variants if variant.name == name)


def serving_of(stored: Mapping[str, Any]) -> Serving:
    """What a default variant, or a targeting, serves."""
    serving: Serving = msgspec.convert(stored, Serving)
    return serving


def targeting_of(stored: Mapping[str, Any]) -> Targeting:
    return Targeting(stored["name"], stored["rule"], serving_of(stored))


def faults_in(definition: Definition) -> Iterator[Fault]:
    """Everything in which the parts of the flag disagree, located in the body that it came in."""
    yield from _faults_in_variants(definition.type, definition.variants)
    names = [variant.name for variant in definition.variants]
    yield from _faults_in_serving("body.default_variant", definition.default, names)
    for number, targeting in enumerate(definition.targetings):
        yield from _faults_in_serving(f"body.targetings.{number}", targeting.serving, names)


def _faults_in_variants(kind: FlagType, variants: Sequence[Variant]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, variant in enumerate(variants):
        if variant.name in seen:
            yield Fault(f"body.variants.{number}.name", "is the name of another variant", variant.name)
        seen.add(variant.name)
        if not _fits(variant.value, kind):
            yield Fault(f"body.variants.{number}.value", f"is no {kind}, as the flag's type says", variant.value)


def _fits(value: Any, kind: FlagType) -> bool:
    match kind:
        case FlagType.BOOLEAN:
            return isinstance(value, bool)
        case FlagType.STRING:
            return isinstance(value, str)
        case FlagType.NUMBER:
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case FlagType.OBJECT:
            return isinstance(value, dict)


def _faults_in_serving(at: str, serving: Serving, names: Sequence[str]) -> Iterator[Fault]:
    match serving:
        case Basic(variant):
            yield from _unknown(f"{at}.variant", variant, names)
        case Split(distribution):
            for name in distribution:
                yield from _unknown(f"{at}.distribution.{name}", name, names)
            if (total := sum(distribution.values())) != _HUNDRED:
                yield Fault(f"{at}.distribution", f"its percentages must make 100, not {total}", distribution)
        case Schedule(start, end):
            yield from _unknown(f"{at}.start.variant", start.variant, names)
            yield from _unknown(f"{at}.end.variant", end.variant, names)
            yield from _faults_in_schedule(at, start, end, names)


def _faults_in_schedule(at: str, start: Step, end: Step, names: Sequence[str]) -> Iterator[Fault]:
    if start.date >= end.date:
        yield Fault(f"{at}.end.date", "must lie after start.date", end.date)
    if start.variant == end.variant and len(names) > 2:  # noqa: PLR2004  # it and the other
        message = "must differ from start.variant, as the flag has several others that could have the rest"
        yield Fault(f"{at}.end.variant", message, end.variant)


def _unknown(at: str, name: str, names: Sequence[str]) -> Iterator[Fault]:
    if name not in names:
        yield Fault(at, "names no variant of this flag", name)
