"""Seats: answers that are sent piece by piece for long. A process bears so many at once, and fewer of one organization.

So whoever opens many of them, or never reads them to their end, leaves some to everybody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

from metering.problems import TooManyWaiting

_COME_BACK: Final = {"Retry-After": "10"}


class Seats:
    """`noun` is what the answers are called to clients, in the plural."""

    def __init__(self, noun: str, most: int, most_of_one: int) -> None:
        self._noun = noun
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    @contextmanager
    def take(self, organization_id: str) -> Iterator[None]:
        """One for the length of the block; raises `TooManyWaiting` when none is left, in all or for this one."""
        self._ensure_left(organization_id)
        self._taken[organization_id] += 1
        try:
            yield
        finally:
            self._taken[organization_id] -= 1
            if not self._taken[organization_id]:
                del self._taken[organization_id]

    async def seated(self, organization_id: str, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The pieces, with a seat from the first to the last; raises `TooManyWaiting` before the first."""
        async with aclosing(pieces):
            with self.take(organization_id):
                async for piece in pieces:
                    if piece:
                        yield piece

    def _ensure_left(self, organization_id: str) -> None:
        if self._taken[organization_id] >= self._most_of_one:
            detail = f"The organization has {self._most_of_one:,} {self._noun} under way here: end one of them first."
            raise TooManyWaiting(detail, headers=_COME_BACK)
        if self.taken >= self._most:
            raise TooManyWaiting(f"Too many {self._noun} are under way.", headers=_COME_BACK)


async def begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same pieces, the first of them made: what fails at once is told as a problem, not by breaking off."""
    first = await anext(pieces, b"")

    async def whole() -> AsyncGenerator[bytes]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return whole()
