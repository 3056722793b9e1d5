"""The log, as lookups ask it: the gateway of this process, and how a meter stands now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from metering.command import Peek
from metering.decision import Standing
from metering.grant import Grant
from stream.gateway import Gateway


async def _gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


Log = Annotated[Gateway, Depends(_gateway_of)]


async def standing_of(grant: Grant, log: Gateway, now: datetime) -> Standing:
    """How the grant's meter stands; leaves no trace in the log's decisions. Raises as `Gateway.submit` does."""
    standing = (await log.submit(grant, Peek(now))).answer
    assert isinstance(standing, Standing)
    return standing
