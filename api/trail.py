"""The audit trail as one caller may ask it: only of their own organization, and a few questions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from weakref import WeakValueDictionary

from fastapi import Depends, Request
from msgspec import DecodeError
from msgspec.json import Decoder

from api.freshness import Reader
from metering.problems import Unavailable
from sql.clickhouse import READERS, ClickHouse

#: One organization leaves a reader to the others, however much it asks.
AT_ONCE: Final = READERS - 1
WAIT: Final = 5.0

T = TypeVar("T")


class Turns:
    """Lets each organization ask `at_once` questions at the same time; more wait, at most `wait` seconds if any."""

    def __init__(self, at_once: int = AT_ONCE, wait: float | None = WAIT) -> None:
        self._at_once = at_once
        self._wait = wait
        self._free: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, organization_id: str) -> AsyncIterator[None]:
        """Raises `Unavailable` when no turn comes in time."""
        free = self._free.get(organization_id)
        if free is None:
            free = self._free[organization_id] = asyncio.Semaphore(self._at_once)
        try:
            async with asyncio.timeout(self._wait):
                await free.acquire()
        except TimeoutError:
            detail = f"The organization has {self._at_once} questions under way already, and none was answered in time."
            raise Unavailable(detail, headers={"Retry-After": "1"}) from None
        try:
            yield
        finally:
            free.release()


class Recent:
    """The last so many keys that were added: a hint, which may be forgotten, and then costs what it spared."""

    def __init__(self, most: int = 1_024) -> None:
        self._most = most
        self._keys: dict[Hashable, None] = {}

    def add(self, key: Hashable) -> None:
        self._keys[key] = None
        if len(self._keys) > self._most:
            del self._keys[next(iter(self._keys))]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys


@dataclass(frozen=True, slots=True)
class Trail:
    """One organization's audit trail."""

    clickhouse: ClickHouse
    turns: Turns
    organization_id: str
    in_vain: Recent
    """Filters, everybody's, under which too many rows would have to be looked at: wherever a page begins."""

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that answer `queries/{name}.sql` for the organization; raises `Unavailable`."""
        async with self.turns.take(self.organization_id):
            return await self.clickhouse.query(name, organization=self.organization_id, **parameters)

    async def query_few(self, most_rows: int, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The same, looked for in any order, if no more than so many rows have to be; else raises `TooManyRows`."""
        async with self.turns.take(self.organization_id):
            return await self.clickhouse.query_few(most_rows, name, organization=self.organization_id, **parameters)

    async def read(self, into: Decoder[T], name: str, **parameters: object) -> list[T]:
        """The rows as `query` has them, each as the decoder makes it: of many decimals in a sixth of the time."""
        told = await self.formatted(name, "JSONCompactEachRow", **parameters)
        try:
            return into.decode_lines(told)
        except DecodeError as error:  # it broke off
            raise Unavailable("The audit trail does not answer.", headers={"Retry-After": "1"}) from error

    async def formatted(self, name: str, told_as: str, **parameters: object) -> bytes:
        """The same in one of ClickHouse's formats, whole in memory: for pages that are bounded."""
        async with self.turns.take(self.organization_id):
            return await self.clickhouse.formatted(name, told_as, organization=self.organization_id, **parameters)


async def _clickhouse_of(request: Request) -> ClickHouse:
    clickhouse: ClickHouse = request.app.state.clickhouse
    return clickhouse


#: For routes that ask on their own account, whoever calls.
ClickHouseState = Annotated[ClickHouse, Depends(_clickhouse_of)]


async def _trail_of(request: Request, clickhouse: ClickHouseState, caller: Reader) -> Trail:
    state = request.app.state
    if not hasattr(state, "turns"):
        state.turns, state.in_vain = Turns(), Recent()
    return Trail(clickhouse, state.turns, caller.organization_id, state.in_vain)


OwnTrail = Annotated[Trail, Depends(_trail_of)]
