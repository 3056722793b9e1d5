"""Commands: what callers ask of a meter. Each carries the time it was received, for the fold sees no clock."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from metering.meter import Behavior


class Report(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """One usage measurement. `timestamp` is its event time; `metadata` is compact JSON; `token` is the slug of the sender's."""

    value: Decimal
    behavior: Behavior
    timestamp: datetime
    received_at: datetime
    token: str
    transaction_id: str | None = None
    metadata: bytes | None = None


class Read(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """One lookup of a meter's value, which is audited and so takes its place in the sequence."""

    received_at: datetime
    token: str


class Peek(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """One lookup of a meter's value that leaves no trace."""

    received_at: datetime


Command = Report | Read | Peek
