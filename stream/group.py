"""The group: which partitions of `usage` have a worker, as Kafka knows by the workers' heartbeats.

A worker that dies while nothing is reported is told by nothing else: no answer is late. Asking the group costs no
record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from stream.topics import GROUP, USAGE

_LOOK_EVERY: Final = 1.0
_LOOK_EVERY_WHILE_WITHOUT: Final = 0.25
_ANSWER_WITHIN: Final = 5.0
#: A partition that changes hands has no worker for a moment; one that has none for so many looks is without.
_LOOKS: Final = 3
#: Where aiokafka's tuple of a group has its members; each ends with its assignment.
_MEMBERS: Final = 5


class Group:
    """Keeps looking at the group of the workers; `is_whole` says whether each partition has one."""

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partitions = range(partitions)
        self._looks_without = _LOOKS

    @property
    def is_whole(self) -> bool:
        """False until it is known, and while Kafka does not answer."""
        return self._looks_without < _LOOKS

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._watch()
            except (KafkaError, OSError, TimeoutError):  # Kafka is away, which others say
                self._looks_without = _LOOKS
            await asyncio.sleep(_LOOK_EVERY)

    async def _watch(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap_servers)
        try:
            await admin.start()
            while True:
                async with asyncio.timeout(_ANSWER_WITHIN):
                    self.look(await admin.describe_consumer_groups([GROUP]))
                await asyncio.sleep(_LOOK_EVERY if self.is_whole else _LOOK_EVERY_WHILE_WITHOUT)
        finally:
            await admin.close()

    def look(self, described: Iterable[Any]) -> None:
        """Take what Kafka said of the group."""
        without = {*self._partitions} - _assigned(described)
        self._looks_without = self._looks_without + 1 if without else 0


def _assigned(described: Iterable[Any]) -> set[int]:
    """The partitions of `usage` in the assignment of any member; a member that left the group is none."""
    return {
        tp.partition
        for response in described
        for group in response.groups
        for member in group[_MEMBERS]
        if member[-1]
        for tp in ConsumerProtocolMemberAssignment.decode(member[-1]).partitions()
        if tp.topic == USAGE
    }
