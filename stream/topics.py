"""The topics, and what each is promised: partitions, retention, who writes and reads it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

USAGE: Final = "usage"
DECISIONS: Final = "decisions"
REPLIES: Final = "replies"
DEAD_LETTERS: Final = "dead-letters"
BALANCES: Final = "tidemark-balances-changelog"
#: The consumer group of the workers.
GROUP: Final = "tidemark"

_DAY_MS: Final = 86_400_000
#: How many gateways can listen for replies without hearing each other's.
REPLY_PARTITIONS: Final = 16

#: A usage record; what it becomes (the batch again, with an answer a command) may be larger.
LARGEST_BATCH: Final = 4 * 1024 * 1024
LARGEST_RECORD: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class TopicSpec:
    """How a topic is created; Faust or the broker never create one by themselves."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def all_topics(partitions: int) -> list[TopicSpec]:
    """Every topic of a deployment whose meters are spread over `partitions`."""
    batch = {"max.message.bytes": str(LARGEST_BATCH)}
    largest = {"max.message.bytes": str(LARGEST_RECORD)}
    return [
        TopicSpec(
            USAGE, partitions, {**batch, "retention.ms": str(90 * _DAY_MS), "message.timestamp.type": "LogAppendTime"}
        ),
        TopicSpec(DECISIONS, partitions, {**largest, "retention.ms": str(90 * _DAY_MS)}),
        TopicSpec(BALANCES, partitions, {**largest, "cleanup.policy": "compact", "segment.bytes": str(64 << 20)}),
        TopicSpec(
            REPLIES, REPLY_PARTITIONS, {**largest, "retention.ms": str(5 * 60_000), "segment.bytes": str(16 << 20)}
        ),
        TopicSpec(DEAD_LETTERS, 1, {**largest, "retention.ms": str(90 * _DAY_MS)}),
    ]


@lru_cache(16_384)  # the same meters come again and again
def partition_of(meter: bytes, partitions: int) -> int:
    """The partition of a meter's key: CRC-32, which is the same in every process and costs little."""
    return zlib.crc32(meter) % partitions
