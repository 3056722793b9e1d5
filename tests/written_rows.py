"""Rows as the sink writes them, with the columns that the table works out of others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from metering.quantity import EXACT
from stream.rows import COLUMNS, Row


def by_name(row: Row) -> dict[str, Any]:
    """The row's cells by their columns' names, `event_time` and `before` among them."""
    cells: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    is_added = (cells["status"], cells["behavior"]) == ("ACCEPTED", "append")
    moved = EXACT.add(cells["adjustment"], cells["value"] if is_added else Decimal(0))
    return {
        **cells,
        "event_time": cells["received_at"] - cells["event_lag"],
        "events": cells["sequence"] - cells["uncounted"],
        "transaction_id": cells["transaction"],
        "decided_at": cells["offset"] + cells["decided_ahead"],
        "before": EXACT.subtract(cells["after"], moved),
    }
