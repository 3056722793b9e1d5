"""The probe: asks the log for an answer while nobody knows whether a worker decides."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

from metering.command import Command, Peek
from metering.grant import Grant
from metering.meter import Aggregation
from metering.problems import Problem
from metering.quantity import UNLIMITED
from stream.gateway import Answered

_PAUSE_S: Final = 0.5
_NOBODY: Final = "tidemark-probe"

#: On a meter that nobody has; looking at it leaves no trace in any state.
_GRANT: Final = Grant(
    organization_id=_NOBODY,
    instance_id=_NOBODY,
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


class Probed(Protocol):
    """What of a gateway is asked; `KafkaGateway` is the real one."""

    @property
    def connected(self) -> bool: ...

    @property
    def hears_workers(self) -> bool: ...

    async def submit(self, grant: Grant, command: Command) -> Answered: ...


async def probe(gateway: Probed) -> None:
    """Until cancelled, ask while no worker is heard: at the start, and after an answer was late. Else be silent."""
    while True:
        if gateway.connected and not gateway.hears_workers:
            with suppress(Problem):
                await gateway.submit(_GRANT, Peek(datetime.now(UTC)))
        await asyncio.sleep(_PAUSE_S)
