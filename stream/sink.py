"""The sink: decisions from the log into ClickHouse, each once, by as many sinks as there are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from metering.problems import Unavailable
from sql.clickhouse import Moved
from stream.lane import Feed, Lane, Progress, together
from stream.share import LaneOf, Reassigned, Share
from stream.tail import Table

_AWAY: Final = (KafkaError, ClickHouseError, Unavailable, Moved, OSError)

log: Final = logging.getLogger(__name__)


class Sink:
    """Copies the lanes of its share into the table.

    `skips_lost` goes on behind a hole in the decisions: for a person to say, who has seen it.
    """

    def __init__(
        self,
        share: Share,
        table: Table,
        open_feed: Callable[[], Feed],
        *,
        skips_lost: bool = False,
    ) -> None:
        self._share = share
        self._table = table
        self._open_feed = open_feed
        self._skips_lost = skips_lost
        self._progress = Progress()
        self._known: dict[LaneOf, Lane] = {}
        self._lanes: list[Lane] = []
        self._has_joined = False

    @property
    def is_copying(self) -> bool:
        """Whether it reads on where the rows end, or stands by; false while Kafka or ClickHouse are away."""
        return self._has_joined and all(lane.is_copying for lane in self._lanes)

    @property
    def complete_to(self) -> dict[int, int]:
        """Per partition, the offset of `usage` up to which every decision's row is in the table."""
        return self._progress.complete_to

    @property
    def rows_written(self) -> int:
        """By this process."""
        return self._progress.rows_written

    @property
    def lag(self) -> int | None:
        """How many records of `decisions` are not in the table yet, as far as it has been heard; None: not at all."""
        feeds = [lane.feed for lane in self._lanes if lane.feed is not None]
        ends = {partition: end for feed in feeds for partition, end in feed.ends().items()}
        written = self._progress.written_to
        known = ends.keys() & written.keys()
        return sum(max(0, ends[partition] - written[partition]) for partition in known) if known else None

    async def run(self) -> None:
        """Copy until cancelled. Starts over from the rows whenever Kafka or ClickHouse fail; raises `DecisionsLost`."""
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_AWAY),
                wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
                before_sleep=_say_why,
            ):
                with attempt:
                    await self._copy_shares()
        finally:
            await self._share.close()

    async def _copy_shares(self) -> None:
        """One share after the other."""
        while True:
            try:
                self._lanes = [self._lane(partitions) for partitions in await self._share.join()]
                self._has_joined = True
                await together(self._share.hold(), *(lane.copy(len(self._lanes)) for lane in self._lanes))
            except Reassigned:
                continue
            finally:
                self._lanes, self._has_joined = [], False

    def _lane(self, partitions: LaneOf) -> Lane:
        """One and the same, however often it is started: it knows what it wrote."""
        if partitions not in self._known:
            self._known[partitions] = Lane(
                partitions, self._table, self._open_feed, self._progress, skips_lost=self._skips_lost
            )
        return self._known[partitions]


def _say_why(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("the sink starts over from the rows (attempt %s): %r", state.attempt_number, error)
