"""Commands: what callers ask of a meter. Each carries the time it was received, for the fold sees no clock."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import msgspec

from metering.meter import Behavior
from metering.period import Moment, utc
from metering.quantity import ensure_in_range


class Report(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """One usage measurement.

    `timestamp` is its event time, in UTC whatever it was given in; `metadata` is compact JSON; `token` is the slug of
    the sender's. What the fold could not count is refused at birth, decoding included: it raises `ValueError`.
    """

    value: Decimal
    behavior: Behavior
    timestamp: Moment
    received_at: Moment
    token: str
    transaction_id: str | None = None
    metadata: bytes | None = None

    def __post_init__(self) -> None:
        ensure_in_range(self.value)
        if self.timestamp.tzinfo is not UTC:
            msgspec.structs.force_setattr(self, "timestamp", utc(self.timestamp))


class Read(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """One lookup of a meter's value, which is audited and so takes its place in the sequence."""

    received_at: Moment
    token: str


class Peek(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=3):
    """One lookup of a meter's value that leaves no trace; with `transaction_id`, of that report's first answer."""

    received_at: Moment
    transaction_id: str | None = None


Command = Report | Read | Peek
