"""The cap on request bodies, declared or streamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metering.problems import TooLarge

LARGEST_BODY: Final = 1024 * 1024


@dataclass(frozen=True)
class BodyLimit:
    """ASGI middleware: reading a body of more than `largest` bytes raises `TooLarge` where the application reads it."""

    app: ASGIApp
    largest: int = LARGEST_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = self._counted(receive, _declared_length(scope))
        await self.app(scope, receive, send)

    def _counted(self, receive: Receive, declared: int) -> Receive:
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            self._ensure_small(declared)
            message = await receive()
            received += len(message.get("body", b""))
            self._ensure_small(received)
            return message

        return receive_counted

    def _ensure_small(self, length: int) -> None:
        if length > self.largest:
            raise TooLarge(f"The body is larger than {self.largest} bytes.", headers={"Connection": "close"})


def _declared_length(scope: Scope) -> int:
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
