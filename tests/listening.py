"""Listeners of server-sent events, as a client library reads them; some drop out at random and come back."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

WITHIN = 20.0


@dataclass(frozen=True)
class Sent:
    """One block: its id, the name of its event, its data."""

    id: str | None
    event: str
    data: Any


async def blocks(lines: AsyncIterable[bytes]) -> AsyncIterator[Sent]:
    """The blocks of a stream by the rules of the standard, those without data too."""
    fields: dict[str, str] = {}
    async for line in lines:
        if text := line.decode().rstrip("\n"):
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Sent(fields.get("id"), fields.get("event", "message"), data)
            fields = {}


def ear_of(url: str, token: str) -> aiohttp.ClientSession:
    """One for any number of listeners: a connection is theirs alone, and closed with their stream."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(url, connector=connector, headers={"Authorization": f"Bearer {token}"})


@dataclass
class Listener:
    """Listens at `path`; `seen` are the ids of the events' decisions, in the order that they came."""

    ear: aiohttp.ClientSession
    path: str
    query: dict[str, str] = field(default_factory=dict)
    last_id: str | None = None
    seen: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def listen(self) -> None:
        """Until the stream ends."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with self.ear.get(self.path, params=self.query, headers=headers) as response:
            response.raise_for_status()
            self.connections += 1
            async for sent in blocks(response.content):
                self._take(sent)

    async def listen_off_and_on(self, chance: random.Random) -> None:
        """Drop out at random and come back, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.2, 3)):
                    await self.listen()
            await asyncio.sleep(chance.uniform(0, 0.5))  # away for a while

    async def listen_on(self) -> None:
        """Come back whenever the stream ends or breaks, as a browser does, until cancelled."""
        while True:
            with suppress(aiohttp.ClientError):
                await self.listen()
            await asyncio.sleep(0.2)  # what `retry` asks for, in short

    def _take(self, sent: Sent) -> None:
        if sent.event == "end":
            self.ends.append(sent.data)
        elif sent.data is not None:
            self.seen.append(sent.data["id"])
            self.events.append(sent.data)
        self.last_id = sent.id or self.last_id


class Listening:
    """Keeps listeners listening for the length of the block; raises what one of them failed with before its end."""

    def __init__(self, *listening: Any) -> None:
        self._listening = listening

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(one) for one in self._listening]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


async def eventually(condition: Callable[[], Any], what: str, within: float = WITHIN) -> None:
    try:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {what}") from None
