"""Instants as they are written: RFC 3339, on every route alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_RFC_3339: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt](?P<time>(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_MICROSECONDS: Final = 6


class NotAnInstant(ValueError):
    """The text is no instant that is understood; the message says why."""


def parse(text: str) -> datetime:
    """The instant in UTC; what is finer than a microsecond is cut off, never rounded up into another period.

    Raises `NotAnInstant`, also for leap seconds, which the clocks here do not have.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise NotAnInstant("must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z")
    date, time, fraction, offset = found.groups()
    micros = (fraction or "")[:_MICROSECONDS].ljust(_MICROSECONDS, "0")
    try:
        return datetime.fromisoformat(f"{date}T{time}.{micros}{offset.upper()}").astimezone(UTC)
    except ValueError:
        raise NotAnInstant("names a day that the calendar does not have") from None
    except OverflowError:
        raise NotAnInstant("lies outside the years 1 to 9999 in UTC") from None


def written(moment: datetime) -> str:
    """The instant as RFC 3339 writes it, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
