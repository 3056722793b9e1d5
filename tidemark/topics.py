"""Creates the topics, with the partition counts that everything else counts on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream.topics import TopicSpec, all_topics
from tidemark.failures import KafkaFails, TopicMismatch

_TRIES: Final = 100
_PAUSE_S: Final = 0.1


async def create_topics(bootstrap_servers: str, partitions: int, *, replication: int = 1) -> None:
    """Create every topic that is missing. Raises `TopicMismatch` when one has other partitions than asked for, and
    `KafkaFails` when nobody answers.

    The count can't be changed later: a meter would move to another partition, away from its balance.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        await admin.start()
        await _create(admin, all_topics(partitions), replication)
    except (KafkaError, OSError) as error:
        raise KafkaFails(f"Kafka at {bootstrap_servers} does not answer as it should: {error!r}") from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: list[TopicSpec], replication: int) -> None:
    existing = await admin.list_topics()
    missing = [topic for topic in topics if topic.name not in existing]
    await _make(admin, [NewTopic(t.name, t.partitions, replication, topic_configs=t.config) for t in missing])
    await _check(admin, topics)


async def _make(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    if not topics:
        return
    response = await admin.create_topics(topics)
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise KafkaFails(f"Topic {name!r} can't be created: {error.__name__} {message}")


async def _check(admin: AIOKafkaAdminClient, topics: list[TopicSpec]) -> None:
    described = await _when_led(admin, topics)
    for topic in topics:
        found = len(described[topic.name]["partitions"])
        if found != topic.partitions:
            raise TopicMismatch(
                f"Topic {topic.name!r} has {found} partitions, but {topic.partitions} are asked for. "
                f"Set TIDEMARK_PARTITIONS={found}, or start with an empty data directory."
            )


async def _when_led(admin: AIOKafkaAdminClient, topics: list[TopicSpec]) -> dict[str, dict[str, Any]]:
    """The topics by name, once each partition has a leader: one may be listed before it can be written to."""
    names = [topic.name for topic in topics]
    for _ in range(_TRIES):
        described = {each["topic"]: each for each in await admin.describe_topics(names)}
        if all(name in described and _is_led(described[name]) for name in names):
            return described
        await asyncio.sleep(_PAUSE_S)
    raise KafkaFails("Kafka has created the topics, but leads not all of their partitions.")


def _is_led(topic: dict[str, Any]) -> bool:
    return bool(topic["partitions"]) and all(each["leader"] >= 0 for each in topic["partitions"])
