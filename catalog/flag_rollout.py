"""Rollouts: which variant a targeting key is served, the same in every process and every release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from catalog.flag_definition import Basic, Schedule, Serving, Split

_HUNDRED: Final = 100


class KeyNeeded(Exception):
    """The variant depends on the targeting key, and there is none."""


def variant_at(serving: Serving, names: Sequence[str], flag: str, key: str | None, now: datetime) -> str:
    """The name, of `names`, that the targeting key is served at this moment. Raises `KeyNeeded`.

    Sticky: while a variant's percentage grows, and no other's does, those who had the variant keep it.
    """
    shares = shares_at(serving, names, now)
    return _drawn({name: share for name, share in shares.items() if share > 0}, flag, key)


def shares_at(serving: Serving, names: Sequence[str], now: datetime) -> Mapping[str, float]:
    """The percentage of each variant at this moment."""
    match serving:
        case Basic(variant):
            return {variant: _HUNDRED}
        case Split(distribution):
            return distribution
        case Schedule():
            return _on_schedule(serving, names, now)


def bucket(flag: str, key: str) -> float:
    """Where on [0, 100) this targeting key falls for this flag: 53 bits of a hash, which a double holds exactly."""
    digest = sha256(f"{flag}/{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53 * _HUNDRED


def _drawn(shares: Mapping[str, float], flag: str, key: str | None) -> str:
    """By name, not as they were written: JSON objects have no order, so theirs must not move anyone."""
    *names, last = sorted(shares)
    if names and key is None:
        raise KeyNeeded
    end = 0.0
    for name in names:
        end += shares[name]
        if bucket(flag, key or "") < end:
            return name
    return last


def _on_schedule(schedule: Schedule, names: Sequence[str], now: datetime) -> dict[str, float]:
    """The two variants' percentages at this moment: those of an end before, or behind it; between, on the line."""
    start, end = schedule.start, schedule.end
    arriving = end.variant
    leaving = start.variant if start.variant != arriving else _other(names, arriving)
    first = start.percentage if start.variant == arriving else _HUNDRED - start.percentage
    passed = min(max((now - start.date) / (end.date - start.date), 0.0), 1.0)
    share = first + (end.percentage - first) * passed
    return {arriving: float(_HUNDRED)} if leaving is None else {leaving: _HUNDRED - share, arriving: share}


def _other(names: Sequence[str], name: str) -> str | None:
    return next((other for other in names if other != name), None)
