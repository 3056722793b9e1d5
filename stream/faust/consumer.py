"""What the worker needs of Faust's consumer that it does not offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

#: How long a fetch may wait for its partitions to have anything; it looks at no other one meanwhile. Faust's driver
#: says 1,500 ms and leaves no choice, so that a partition that was busy elsewhere stalls.
FETCH_WAIT_MS: Final = 50


class PromptThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches wait `FETCH_WAIT_MS` at most."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class PromptConsumer(Consumer):
    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(Transport):
    Consumer = PromptConsumer


async def go_back(app: faust.App, tp: TP, offset: int) -> None:
    """Read on from `offset`: Faust noted the records that it left out as acknowledged, so forget that note first."""
    _consumer(app)._gap.pop(tp, None)
    await _consumer(app).seek_wait({tp: offset})


async def start_at(app: faust.App, starts: Mapping[TP, int]) -> None:
    """Read each partition from there on, whatever the group committed: the state knows its own place."""
    consumer = _consumer(app)
    await consumer.seek_wait(starts)
    consumer._committed_offset.update(starts)


async def beginnings(app: faust.App, source: set[TP]) -> Mapping[TP, int]:
    """The first offset that each partition's log still has."""
    found: Mapping[TP, int] = await _consumer(app).earliest_offsets(*source)
    return found


def _consumer(app: faust.App) -> Any:
    return cast("Any", app.consumer)
