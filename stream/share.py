"""The share of a sink: which lanes it copies. Sinks of one table divide them through a consumer group.

The group is a courtesy, so that no two do the same work: what keeps them from writing twice is the `Tail` of each lane.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from stream.feed import partitions_of_decisions
from stream.topics import DECISIONS

log: Final = logging.getLogger(__name__)

GROUP: Final = "tidemark-sink"
#: How many sinks can copy at a time. The same for all of them: a lane's partitions are what its tail is of.
LANES: Final = 4
_SESSION_MS: Final = 6_000
_HEARTBEAT_MS: Final = 2_000
_POLL_MS: Final = 200

LaneOf = frozenset[int]


class Reassigned(Exception):
    """The share is another now."""


class Share(Protocol):
    """What of the table one sink is to copy."""

    async def join(self) -> list[LaneOf]:
        """The lanes to copy, each as its partitions; none while there are sinks enough. Raises `KafkaError`."""

    async def hold(self) -> None:
        """Keep them; raises `Reassigned` once they are others', and `KafkaError`."""

    async def close(self) -> None:
        """Leave them to others."""


class Alone:
    """All partitions, in one lane, for ever: of an embedded table, which no other process can open."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers

    async def join(self) -> list[LaneOf]:
        return [frozenset(await partitions_of_decisions(self._bootstrap_servers))]

    async def hold(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        pass


class Shared:
    """What the group of all sinks assigns to this one.

    A sink that ends leaves its lanes to the others at once, one that dies within seconds.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._listener = _Listener()
        self._consumer: Any = None

    async def join(self) -> list[LaneOf]:
        if self._consumer is None:
            await partitions_of_decisions(self._bootstrap_servers)  # the topic has to be there
            self._consumer = await self._subscribed()
        while self._listener.assigned is None:
            await self._wait()
        self._listener.is_current = True
        lanes = lanes_of(self._listener.assigned)
        log.info("the share of this sink: %s", [sorted(lane) for lane in lanes] or "none, it stands by")
        return lanes

    async def hold(self) -> None:
        while self._listener.is_current:
            await self._wait()
        raise Reassigned

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _wait(self) -> None:
        """Whoever does not poll is no member for long. All that was assigned is paused: lanes read for themselves."""
        self._consumer.pause(*self._consumer.assignment())
        await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=1)

    async def _subscribed(self) -> Any:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            partition_assignment_strategy=[LaneAssignor],
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
        )
        consumer.subscribe([DECISIONS], listener=self._listener)
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.assigned: set[int] | None = None
        self.is_current = False

    def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        self.assigned, self.is_current = None, False

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.assigned, self.is_current = {tp.partition for tp in assigned}, False


class LaneAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Assigns whole lanes, in turn."""

    name = "tidemark-lanes"

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        names = sorted(members)
        shares: dict[str, list[int]] = {name: [] for name in names}
        for number, lane in enumerate(lanes_of(cluster.partitions_for_topic(DECISIONS) or ())):
            shares[names[number % len(names)]] += sorted(lane)
        return {
            name: ConsumerProtocolMemberAssignment(cls.version, [(DECISIONS, share)] if share else [], b"")
            for name, share in shares.items()
        }


def lanes_of(partitions: Iterable[int]) -> list[LaneOf]:
    """The lanes that these partitions lie in, in order."""
    found = sorted(partitions)
    lanes = (frozenset(partition for partition in found if partition % LANES == lane) for lane in range(LANES))
    return [lane for lane in lanes if lane]
