"""Evaluation: what a flag serves, once it is known which of its rules match. Pure: the same in, the same out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from catalog.flag_definition import Basic, Definition, Serving
from catalog.flag_rollout import variant_at


class Reason(StrEnum):
    """Why a flag has its value, in OpenFeature's words."""

    DEFAULT = "DEFAULT"
    SPLIT = "SPLIT"
    TARGETING_MATCH = "TARGETING_MATCH"
    DISABLED = "DISABLED"


class Verdict(msgspec.Struct, frozen=True):
    """What came of a rule: whether it matched, or why it could not be said."""

    matched: bool = False
    failure: str | None = None


class Evaluated(msgspec.Struct, frozen=True):
    """`metadata` is the flag's own, with `matched_rule_name` and `failed_rules` (names, joined by ", ")."""

    key: str
    value: Any
    variant: str
    reason: Reason
    metadata: dict[str, Any]


def evaluate(flag: Definition, verdicts: Sequence[Verdict], key: str | None, now: datetime) -> Evaluated:
    """What the flag serves this targeting key, by the verdicts on its rules, up to the first match.

    A rule that failed is passed over. Raises `KeyNeeded` where the variant depends on a key and there is none.
    """
    matched = next((targeting for targeting, on in zip(flag.targetings, verdicts, strict=False) if on.matched), None)
    failed = [targeting.name for targeting, on in zip(flag.targetings, verdicts, strict=False) if on.failure]
    serving = matched.serving if matched else flag.default
    names = [variant.name for variant in flag.variants]
    variant = flag.variant(variant_at(serving, names, flag.key, key, now))
    told = {"matched_rule_name": matched.name if matched else None, "failed_rules": ", ".join(failed) or None}
    metadata = _scalars(flag) | {name: text for name, text in told.items() if text is not None}
    return Evaluated(
        flag.key, variant.value, variant.name, _reason(flag, serving, matched=matched is not None), metadata
    )


def _reason(flag: Definition, serving: Serving, *, matched: bool) -> Reason:
    if not flag.enabled:
        return Reason.DISABLED
    if matched:
        return Reason.TARGETING_MATCH
    return Reason.DEFAULT if isinstance(serving, Basic) else Reason.SPLIT


def _scalars(flag: Definition) -> dict[str, Any]:
    """OpenFeature's flag metadata are flat: no nulls, lists or objects."""
    return {name: value for name, value in flag.metadata.items() if not isinstance(value, dict | list | None)}
