"""What the worker needs of Faust's consumer that it does not offer."""

from __future__ import annotations

from typing import Any, Final, cast

import faust
from faust.types import TP

#: Faust's driver waits up to 1.5 s for an idle partition while a busy one has records; a fetch answers at once when
#: there is anything, so the wait only bounds how long it looks at the wrong partitions.
FETCH_WAIT_MS: Final = 50


def committed_offset(app: faust.App, tp: TP) -> int | None:
    """Where the group stands, as the broker acknowledged it; None before the first commit."""
    offset: int | None = _consumer(app)._committed_offset[tp]
    return offset


async def go_back(app: faust.App, tp: TP, offset: int) -> None:
    """Read on from `offset`: Faust noted the records that it left out as acknowledged, so forget that note first."""
    _consumer(app)._gap.pop(tp, None)
    await _consumer(app).seek_wait({tp: offset})


async def seek_to_committed(app: faust.App, source: set[TP]) -> dict[TP, int]:
    """Put every source partition where its group stands, or at its beginning when it has no place yet."""
    consumer = _consumer(app)
    await consumer.perform_seek()
    beginnings = await consumer.earliest_offsets(*source)
    starts = {tp: consumer._committed_offset[tp] or beginnings[tp] for tp in source}
    await consumer.seek_wait(starts)
    return starts


def look_at_all_partitions(app: faust.App) -> None:
    """Bound the wait of a fetch: the driver hard-codes it."""
    _consumer(app)._thread._ensure_consumer()._fetcher._fetch_max_wait_ms = FETCH_WAIT_MS


def _consumer(app: faust.App) -> Any:
    return cast("Any", app.consumer)
