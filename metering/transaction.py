"""Transaction ids, which make a retry the same report: a client's own, or one that the edge made for want of it."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from itertools import count
from typing import Final

PREFIX: Final = "tdm:"
_GENERATED: Final = re.compile(r"tdm:(?P<seconds>[0-9a-f]{8})\.[0-9a-f]{32}", re.ASCII)


def generate(received_at: datetime, unique: str) -> str:
    """An id for a report that came without one: it tells when, so that nobody retries what is forgotten.

    `unique` is 32 hexadecimal digits that no other report has.
    """
    return f"{PREFIX}{int(received_at.timestamp()):08x}.{unique}"


class Series:
    """Where a process takes what is `unique` from: 20 digits that it drew once, and 12 that count up.

    Nobody else draws the same 80 bits; and neighbours look alike, so that the audit trail keeps an id in a few bytes.
    Not to be shared by processes.
    """

    def __init__(self) -> None:
        self._drawn = secrets.token_hex(10)
        self._count = count()

    def __next__(self) -> str:
        return f"{self._drawn}{next(self._count):012x}"


def is_generated(transaction_id: str) -> bool:
    """Whether the edge made this id."""
    return transaction_id.startswith(PREFIX) and _GENERATED.fullmatch(transaction_id) is not None


def generated_at(transaction_id: str) -> datetime | None:
    """When the edge made this id, to the second; None for a client's own."""
    if not (found := _GENERATED.fullmatch(transaction_id)):
        return None
    return datetime.fromtimestamp(int(found["seconds"], 16), UTC)
