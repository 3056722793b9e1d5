"""Batches in flight: sent to the log, and not answered yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from stream.pump import Waiting

#: How long a batch that is being decided may hold back the next one of its partition, seconds.
_LONGEST_HOLD: Final = 0.025


@dataclass(slots=True)
class InFlight:
    """A batch that was sent, until its reply is here or its deadline passed."""

    partition: int
    waiting: list[Waiting]
    deadline: float
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self) -> None:
        """Wait for the answers, a moment at most.

        The next batch fills meanwhile. What a record costs, on its way through the broker and the worker, is most of
        what a report costs: under load half as many records hold the same commands, and a lone one waits for nobody.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_HOLD):
                await self.answered.wait()
