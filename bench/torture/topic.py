"""The topic `decisions` as it stands in the end: each decision once, and whatever contradicts itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.torture.meters import Meter
from metering.balance import Place
from metering.command import Report
from metering.grant import Grant
from stream.records import AuditEvent, Decided, audit_events, decision_id, decode_decided, encode
from stream.topics import DECISIONS, USAGE


class Entry(NamedTuple):
    """One decision; `mark` is how the load knows its report, None for a read."""

    decision_id: str
    event: AuditEvent
    mark: str | None

    @property
    def meter(self) -> Meter:
        return Meter(self.event.grant.instance_slug, self.event.grant.entitlement_slug)


@dataclass
class Topic:
    """`entries` are in log order; `repeated` decisions came twice, `differing` tells where not twice the same."""

    entries: dict[str, Entry] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    """Per partition, the first offset of `usage` without decisions."""
    repeated: int = 0
    differing: list[str] = field(default_factory=list)
    _answers: dict[str, int] = field(default_factory=dict)
    _grants: dict[Grant, Grant] = field(default_factory=dict)

    def take(self, decided: Decided) -> None:
        expected = self.ends.get(decided.partition, 0)
        if decided.offset > expected:
            self.differing.append(f"decisions {decided.partition}: {decided.offset} stands where {expected} should")
        self.ends[decided.partition] = max(expected, decided.offset + 1)
        for position, answer in enumerate(decided.answers):
            if answer is not None:
                self._compare(decision_id(decided.partition, Place(decided.offset, position)), encode(answer))
        for event in audit_events(decided):
            self._add(event)

    def _compare(self, decision: str, answer: bytes) -> None:
        if self._answers.setdefault(decision, hash(answer)) != hash(answer):
            self.differing.append(f"{decision} was decided twice, and not the same: now {answer!r}")

    def _add(self, event: AuditEvent) -> None:
        if event.decision_id in self.entries:
            self.repeated += 1
            return
        grant = self._grants.setdefault(event.grant, event.grant)
        lean = msgspec.structs.replace(event, grant=grant)
        self.entries[event.decision_id] = Entry(event.decision_id, lean, _mark(event))


async def read_topic(bootstrap_servers: str, partitions: int) -> Topic:
    """All of the topic; every record of `usage` has to be decided there."""
    topic = Topic()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        for partition in range(partitions):
            async for value in _values(consumer, TopicPartition(DECISIONS, partition)):
                topic.take(decode_decided(value))
            end = (await consumer.end_offsets([TopicPartition(USAGE, partition)]))[TopicPartition(USAGE, partition)]
            if topic.ends.get(partition, 0) != end:
                topic.differing.append(f"usage {partition} ends at {end}, decided up to {topic.ends.get(partition)}")
    finally:
        await consumer.stop()
    return topic


async def _values(consumer: Any, tp: TopicPartition) -> AsyncIterator[bytes]:
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    end = (await consumer.end_offsets([tp]))[tp]
    while await consumer.position(tp) < end:
        for record in (await consumer.getmany(tp, timeout_ms=1_000)).get(tp, []):
            yield record.value


def _mark(event: AuditEvent) -> str | None:
    if not isinstance(event.command, Report):
        return None
    if event.command.metadata is None:
        return event.command.transaction_id
    mark: str = msgspec.json.decode(event.command.metadata)["mark"]
    return mark
