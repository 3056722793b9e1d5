"""Live: the decisions as they are made, told to any number of listeners from one reading of the topic.

Reading begins where the rows in ClickHouse end, so history and what is heard live meet without a gap. A decision that
a restarted worker made again is known by its place, and not told twice. While nobody listens, nothing is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from metering.balance import Place
from metering.problems import Unavailable
from sql.instants import END, EPOCH
from stream.feed import DecisionsFeed, DecisionsLost, Record
from stream.position import LogPosition
from stream.records import AuditEvent, audit_events, decode_decided

#: Bytes of memory in which records are remembered for those who come back after a moment.
REMEMBERED_BYTES: Final = 32 << 20
#: What an event takes once it is decoded, beside its bytes in the record.
_EVENT_BYTES: Final = 2_000
#: How long reading goes on after the last listener left: most come back at once.
LINGER_SECONDS: Final = 30.0
_READY_WITHIN: Final = 5.0
_LOOK_EVERY: Final = 0.05

_AWAY: Final = (KafkaError, ClickHouseError, Unavailable, DecisionsLost, OSError)

#: A record's events, and the bytes of memory that they take.
Decoded: TypeAlias = tuple[tuple[AuditEvent, ...], int]

log: Final = logging.getLogger(__name__)


class Feed(Protocol):
    """What is read from; `DecisionsFeed` is the real one."""

    async def partitions(self) -> set[int]: ...
    async def open(self, offsets: Mapping[int, int | None]) -> None: ...
    async def poll(self) -> Mapping[int, Sequence[Record]]: ...
    async def close(self) -> None: ...


class Trail(Protocol):
    """What answers the question `places`; `sql.clickhouse.ClickHouse` is the real one."""

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """The decisions that one record brought, in log order; `before` is the position that they follow."""

    partition: int
    events: tuple[AuditEvent, ...]
    before: LogPosition
    size: int

    @property
    def last(self) -> Place:
        return self.events[-1].place

    @property
    def position(self) -> LogPosition:
        return self.before.at(self.partition, self.last)


class Live:
    """Tells `listener` of each record once, in log order by partition, from the event loop. Keep `run()` running."""

    def __init__(
        self,
        bootstrap_servers: str,
        trail: Trail,
        *,
        open_feed: Callable[[str], Feed] = DecisionsFeed,
        remembered_bytes: int = REMEMBERED_BYTES,
        linger: float = LINGER_SECONDS,
    ) -> None:
        self.listener: Callable[[Heard], None] = lambda _: None
        self._bootstrap_servers = bootstrap_servers
        self._trail = trail
        self._open_feed = open_feed
        self._remembered_bytes = remembered_bytes
        self._linger = linger
        self._wanted = asyncio.Event()
        self._listening = 0
        self._position: LogPosition | None = None
        self._read_at: dict[int, int] = {}  # the last record's offset: read again, since the next may not be there
        self._forget()

    @property
    def position(self) -> LogPosition:
        """How far was told. Raises `Unavailable` while nothing is read."""
        if self._position is None:
            raise Unavailable("The log cannot be followed now.", headers={"Retry-After": "1"})
        return self._position

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Read on for the length of the block."""
        self._listening += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._listening -= 1

    async def ready(self, position: LogPosition | None = None) -> LogPosition:
        """Wait until reading has come to `position`; returns how far it is. Raises `Unavailable` when it takes long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_WITHIN):
                while self._position is None or not self._position.covers(position or LogPosition()):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY)
                return self._position
        if self._position is not None:
            raise Unavailable("The log has not come as far as this position.", headers={"Retry-After": "1"})
        return self.position

    def since(self, position: LogPosition) -> list[Heard] | None:
        """What was told after `position`, which is no further than was told; None when not all of it is remembered."""
        if self._position is None or not position.covers(self._forgotten):
            return None
        missed: list[Heard] = []
        for heard in reversed(self._memory):
            if position.covers(heard.position):
                break
            missed.append(heard)
        return missed[::-1]

    async def run(self) -> None:
        """Read while somebody listens, until cancelled; goes on where it was after Kafka or ClickHouse were away."""
        while True:
            await self._wanted.wait()
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_AWAY),
                wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
                before_sleep=_say_why,
            ):
                with attempt:
                    await self._read()

    async def _read(self) -> None:
        feed = self._open_feed(self._bootstrap_servers)
        try:
            await self._go_on(feed)
            loop = asyncio.get_running_loop()
            listened_at = loop.time()
            while self._listening or loop.time() - listened_at < self._linger:
                for partition, records in (await feed.poll()).items():
                    self._take(partition, await asyncio.to_thread(_decode_all, partition, records))
                    self._read_at[partition] = records[-1].offset
                if self._listening:
                    listened_at = loop.time()
            self._stop()
        finally:
            await feed.close()

    async def _go_on(self, feed: Feed) -> None:
        """Open the feed where the rows end, or behind what was told before."""
        if self._position is None:
            places = await self._trail.query("places")
            self._read_at = {partition: decided_at for partition, _, decided_at in places}
            self._forgotten = LogPosition({partition: Place(*last) for partition, last, _ in places})
        await feed.open({partition: self._read_at.get(partition) for partition in await feed.partitions()})
        self._position = self._forgotten if self._position is None else self._position

    def _stop(self) -> None:
        self._wanted.clear()
        self._forget()

    def _forget(self) -> None:
        self._position = None
        self._memory: deque[Heard] = deque()
        self._remembered = 0
        self._forgotten = LogPosition()

    def _take(self, partition: int, decoded: Sequence[Decoded]) -> None:
        for events, size in decoded:
            position = self.position
            if new := tuple(event for event in events if event.place > position[partition]):
                self._tell(Heard(partition, new, position, size))

    def _tell(self, heard: Heard) -> None:
        self._position = heard.position
        self._memory.append(heard)
        self._remembered += heard.size
        while self._remembered > self._remembered_bytes:
            forgotten = self._memory.popleft()
            self._remembered -= forgotten.size
            self._forgotten = forgotten.position
        self.listener(heard)


def _decode_all(partition: int, records: Sequence[Record]) -> list[Decoded]:
    return [_decoded(partition, record.value or b"") for record in records]


def _decoded(partition: int, value: bytes) -> Decoded:
    events = _events(partition, value)
    return events, len(value) + _EVENT_BYTES * len(events)


def _events(partition: int, value: bytes) -> tuple[AuditEvent, ...]:
    """Empty where the sink leaves a record out of the trail, too: it says so."""
    try:
        decided = decode_decided(value)
        events = audit_events(decided) if decided.partition == partition else iter(())
        return tuple(event for event in events if EPOCH <= event.command.received_at < END)
    except (msgspec.DecodeError, ValueError, LookupError):
        return ()


def _say_why(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("the log cannot be followed live (attempt %s): %r", state.attempt_number, error)
