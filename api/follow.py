"""Following a trail: first what a client missed, then what happens, without a gap or a repeat between the two."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final

from api.broadcast import Broadcast, Chunk, Listener
from api.event_stream import RETRY
from api.json import encode
from api.live_event import Wanted
from api.missed import Missed
from metering.problems import Problem, Unavailable
from stream.position import LogPosition

#: How often it is asked whether the client may still listen while nothing is sent; it is before all that is.
ALLOWED_EVERY: Final = 2.0
#: How long a stream is silent at most.
HEARTBEAT_SECONDS: Final = 15.0
_LOOK_EVERY: Final = 0.1


class Follower:
    """One client's stream. `still_allowed` raises the problem that ends it."""

    def __init__(
        self, broadcast: Broadcast, missed: Missed, wanted: Wanted, still_allowed: Callable[[], Awaitable[object]]
    ) -> None:
        self._broadcast = broadcast
        self._missed = missed.pages(wanted)
        self._wanted = wanted
        self._still_allowed = still_allowed
        self._sent_at = time.monotonic()

    async def blocks(self, since: LogPosition | None) -> AsyncGenerator[bytes]:
        """Everything that is wanted and comes after `since` (None: from now on), as blocks of server-sent events.

        Raises `Unavailable` before the first, where the log can't be followed from there; later problems are told.
        """
        with self._broadcast.live.wanted():
            reached = await self._broadcast.live.ready(since)
            position = reached if since is None else since
            yield RETRY + _at(position)
            try:
                async for chunk in self._chunks(position):
                    self._sent_at = time.monotonic()
                    yield chunk.blocks or _heartbeat(chunk.position)
            except Problem as problem:
                yield _end(problem)

    async def _chunks(self, position: LogPosition) -> AsyncIterator[Chunk]:
        while True:
            async for chunk in self._told_since(position):
                position = chunk.position
                yield chunk
            # Nothing awaits between the last look into memory and here, so nothing was told in between.
            with self._broadcast.listening(self._wanted) as listener:
                async for chunk in self._told_to(listener):
                    position = chunk.position
                    yield chunk

    async def _told_since(self, position: LogPosition) -> AsyncIterator[Chunk]:
        """What was told already: from history, up to where memory begins, and from memory."""
        while True:
            await self._broadcast.live.ready(position)
            remembered = self._broadcast.remembered(self._wanted, position)
            if remembered is not None and remembered.position == position:
                return
            chunk = remembered or await self._missed.after(position)
            await self._ensure_allowed()
            if chunk.position == position:
                await asyncio.sleep(_LOOK_EVERY)  # its rows are not there yet
            else:
                position = chunk.position
                yield chunk

    async def _told_to(self, listener: Listener) -> AsyncIterator[Chunk]:
        """What happens, until the listener fell behind."""
        while True:
            await self._ensure_allowed()
            chunk = listener.take()
            if listener.fell_behind:
                return
            if chunk is not None:
                yield chunk
                await asyncio.sleep(self._broadcast.pace * random.uniform(0.5, 1.5))  # noqa: S311  # not all at one moment
            elif time.monotonic() - self._sent_at > HEARTBEAT_SECONDS:
                yield Chunk(b"", self._broadcast.live.position)
            else:
                await _within(listener.wait(), ALLOWED_EVERY)

    async def _ensure_allowed(self) -> None:
        if self._broadcast.closed:
            raise Unavailable("The server stops. Come back with the id of the last event.")
        await self._still_allowed()


async def _within(waiting: Awaitable[None], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        pass


def _at(position: LogPosition) -> bytes:
    """An id without an event: it is dispatched to nobody, and the client comes back with it."""
    return b"id: %b\n\n" % str(position).encode()


def _heartbeat(position: LogPosition) -> bytes:
    return b": still here\n" + _at(position)


def _end(problem: Problem) -> bytes:
    return b"event: end\ndata: %b\n\n" % encode(problem.document())
