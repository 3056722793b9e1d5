"""The probe: asks the log for an answer while nobody knows whether a worker decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Final, Protocol

from metering.command import Command, Peek
from metering.grant import Grant
from metering.meter import Aggregation
from metering.problems import Problem
from metering.quantity import UNLIMITED
from stream.gateway import Answered
from stream.topics import partition_of

_PAUSE_S: Final = 0.5
_NOBODY: Final = "tidemark-probe"


class Probed(Protocol):
    """What of a gateway is asked; `KafkaGateway` is the real one."""

    @property
    def connected(self) -> bool: ...

    @property
    def partitions(self) -> int: ...

    @property
    def unheard(self) -> Sequence[int]: ...

    async def submit(self, grant: Grant, command: Command) -> Answered: ...


async def probe(gateway: Probed) -> None:
    """Until cancelled, ask each partition that is not heard: at the start, and after an answer was late."""
    while True:
        if gateway.connected:
            await asyncio.gather(*(_ask(gateway, partition) for partition in gateway.unheard))
        await asyncio.sleep(_PAUSE_S)


async def _ask(gateway: Probed, partition: int) -> None:
    with suppress(Problem):
        await gateway.submit(_grant_in(partition, gateway.partitions), Peek(datetime.now(UTC)))


@cache
def _grant_in(partition: int, partitions: int) -> Grant:
    """On a meter of that partition that nobody has; looking at it leaves no trace in any state."""
    return next(grant for grant in map(_grant, count()) if partition_of(grant.key, partitions) == partition)


def _grant(number: int) -> Grant:
    return Grant(
        organization_id=_NOBODY,
        instance_id=f"{_NOBODY}-{number}",
        instance_slug=_NOBODY,
        entitlement_id=_NOBODY,
        entitlement_slug=_NOBODY,
        license_id=_NOBODY,
        license_slug=_NOBODY,
        license_version="",
        license_active=True,
        aggregation=Aggregation.SUM,
        limit=UNLIMITED,
    )
