"""Flags for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from catalog.flag_definition import Definition, FlagType, Variant, serving_of, targeting_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ON = {"type": "basic", "variant": "on"}
OFF = {"type": "basic", "variant": "off"}


def split(**distribution: int) -> dict[str, Any]:
    return {"type": "rollout_percentage", "distribution": distribution}


def step(variant: str, percentage: int, date: str) -> dict[str, Any]:
    return {"variant": variant, "percentage": percentage, "date": date}


def schedule(start: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rollout_date", "start": start, "end": end}


def rule(serving: dict[str, Any], condition: str = "true", name: str = "rule") -> dict[str, Any]:
    return {"name": name, "rule": condition, **serving}


def flag(
    default: dict[str, Any],
    *targetings: dict[str, Any],
    enabled: bool = True,
    variants: tuple[tuple[str, Any], ...] = (("on", True), ("off", False)),
    kind: FlagType = FlagType.BOOLEAN,
    metadata: dict[str, Any] | None = None,
) -> Definition:
    return Definition(
        "checkout",
        kind,
        enabled,
        tuple(Variant(name, value) for name, value in variants),
        serving_of(default),
        tuple(targeting_of(targeting) for targeting in targetings),
        metadata or {},
    )
