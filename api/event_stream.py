"""Server-sent events on the wire: an endless answer, and its end.

A writer of our own, since ready-made ones take one event at a time from one generator a client, encode it for each,
and know no end that tells why. Who takes nothing is cut off by the server (`tidemark.protocol`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
#: Milliseconds after which a client that was cut off comes back.
RETRY: Final = b"retry: 1000\n"


class EventStream(Response):
    """Sends blocks as they come, until there are no more or the client goes away."""

    media_type = MEDIA_TYPE

    def __init__(self, blocks: AsyncGenerator[bytes], status_code: int = 200) -> None:  # FastAPI reads the default
        super().__init__(None, status_code, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._blocks = blocks

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._blocks) as blocks:
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
