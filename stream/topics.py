"""The topics, and what each is promised: partitions, retention, who writes and reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

USAGE: Final = "usage"
DECISIONS: Final = "decisions"
REPLIES: Final = "replies"
DEAD_LETTERS: Final = "dead-letters"
BALANCES: Final = "tidemark-balances-changelog"

_DAY_MS: Final = 86_400_000
LARGEST_RECORD: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class TopicSpec:
    """How a topic is created; Faust or the broker never create one by themselves."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def all_topics(partitions: int, *, reply_partitions: int = 16) -> list[TopicSpec]:
    """Every topic of a deployment whose meters are spread over `partitions`."""
    largest = {"max.message.bytes": str(LARGEST_RECORD)}
    return [
        TopicSpec(USAGE, partitions, {**largest, "retention.ms": str(90 * _DAY_MS)}),
        TopicSpec(DECISIONS, partitions, {**largest, "retention.ms": str(90 * _DAY_MS)}),
        TopicSpec(BALANCES, partitions, {**largest, "cleanup.policy": "compact", "segment.bytes": str(64 << 20)}),
        TopicSpec(REPLIES, reply_partitions, {**largest, "retention.ms": str(3_600_000), "segment.bytes": str(64 << 20)}),
        TopicSpec(DEAD_LETTERS, 1, {**largest, "retention.ms": str(90 * _DAY_MS)}),
    ]
