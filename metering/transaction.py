"""Transaction ids, which make a retry the same report: a client's own, or one that the edge made for want of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

PREFIX: Final = "tdm:"
_GENERATED: Final = re.compile(r"tdm:(?P<seconds>[0-9a-f]{8})\.[0-9a-f]{32}", re.ASCII)


def generate(received_at: datetime, unique: str) -> str:
    """An id for a report that came without one: it tells when, so that nobody retries what is forgotten.

    `unique` is 32 hexadecimal digits that no other report has.
    """
    return f"{PREFIX}{int(received_at.timestamp()):08x}.{unique}"


def is_generated(transaction_id: str) -> bool:
    """Whether the edge made this id."""
    return transaction_id.startswith(PREFIX) and _GENERATED.fullmatch(transaction_id) is not None


def generated_at(transaction_id: str) -> datetime | None:
    """When the edge made this id, to the second; None for a client's own."""
    if not (found := _GENERATED.fullmatch(transaction_id)):
        return None
    return datetime.fromtimestamp(int(found["seconds"], 16), UTC)
