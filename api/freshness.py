"""Freshness: up to which decision an answer is complete, and answers that wait until they hold one.

Every route of a `fresh_router` tells the first in a header and takes `after_decision` for the second, so that a client
can read what it wrote. The rows themselves say how far they are complete, whichever process wrote them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute

from api.auth import requires
from catalog.principal import Principal
from metering.balance import NOWHERE, Place
from metering.problems import NotYetVisible, Problem
from sql.clickhouse import ClickHouse
from sql.instants import micros
from stream.records import decision_id, place_of

HEADER: Final = "Tidemark-Complete-To"
#: Seconds after which it is looked again how far the rows have come: by questions, and by who waits for a decision.
LOOK_EVERY: Final = 0.5
LOOK_FOR_EVERY: Final = 0.1
#: How old the knowledge may be that a header tells; an answer itself holds at least as much.
KNOWN_FOR: Final = 1.0
WAIT: Final = 5.0
_DOCUMENTED: Final = {
    "description": "The last decision in the answer's reach of each partition of the log, by id, and when the newest "
    "of all was received; `none` before the first.",
    "schema": {"type": "string", "example": "0-1234-7,1-99-0;received_at=2026-01-31T12:00:00.123456Z"},
}

Reader = Annotated[Principal, Depends(requires("read:instances"))]


@dataclass(frozen=True)
class Visible:
    """The place of the last decision of each partition up to which every one can be read."""

    places: Mapping[int, Place] = field(default_factory=dict)
    newest: datetime | None = None
    """When the newest of all was received."""

    def holds(self, partition: int, place: Place) -> bool:
        return place <= self.places.get(partition, NOWHERE)

    def __str__(self) -> str:
        if self.newest is None:
            return "none"
        ids = ",".join(decision_id(partition, place) for partition, place in sorted(self.places.items()))
        return f"{ids};received_at={self.newest.isoformat(timespec='microseconds').replace('+00:00', 'Z')}"


class Freshness:
    """Asks the table what is visible, no more often than it says above for all callers together.

    All calls raise `Unavailable` when it does not answer.
    """

    def __init__(self, clickhouse: ClickHouse, wait: float = WAIT) -> None:
        self._clickhouse = clickhouse
        self._wait = wait
        self._asked_at = -math.inf
        self._visible = Visible()
        self._ends: list[tuple[Any, ...]] = []
        self._last_insert: int | None = None
        self._changes: int | None = None
        self._looking: asyncio.Task[Visible] | None = None

    async def visible(self) -> Visible:
        """As it was a moment ago: no question waits for a look, but for those that come after a pause."""
        if self._age >= KNOWN_FOR:
            return await self._looked(LOOK_EVERY, is_awaited=False)
        if self._age >= LOOK_EVERY:
            self._look(is_awaited=False)
        return self._visible

    @property
    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._asked_at

    async def _looked(self, every: float, *, is_awaited: bool) -> Visible:
        return self._visible if self._age < every else await asyncio.shield(self._look(is_awaited=is_awaited))

    def _look(self, *, is_awaited: bool) -> asyncio.Task[Visible]:
        """The one that is under way, or else a new one: all who want one share it, and its failure."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._ask(is_awaited=is_awaited))
            self._looking.add_done_callback(_let_be)
        return self._looking

    async def _ask(self, *, is_awaited: bool) -> Visible:
        asked_at, changes = asyncio.get_running_loop().time(), self._clickhouse.changes
        if changes is None or changes != self._changes:
            ends, passed = await asyncio.gather(
                self._where_rows_end(is_awaited=is_awaited), self._clickhouse.query("passed")
            )
            self._visible, self._changes = _visible(ends, passed), changes
        self._asked_at = asked_at
        return self._visible

    async def _where_rows_end(self, *, is_awaited: bool) -> list[tuple[Any, ...]]:
        """By `complete_to`; where nobody waits for a row only if any was added, which costs less to know."""
        last_insert = None
        if not is_awaited:
            ((last_insert,),) = await self._clickhouse.query("last_insert")
        if last_insert is None or last_insert != self._last_insert:
            self._ends = await self._clickhouse.query("complete_to")
            self._last_insert = last_insert  # or before: what came between the two questions is looked for again
        return self._ends

    async def visible_with(self, awaited: str) -> Visible:
        """As soon as the decision of this id can be read; raises `NotYetVisible` when that takes too long."""
        partition, place = place_of(awaited)
        try:
            async with asyncio.timeout(self._wait):
                while not (visible := await self._looked(LOOK_FOR_EVERY, is_awaited=True)).holds(partition, place):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_FOR_EVERY)  # the table, which may be another process's, tells nobody
                return visible
        except TimeoutError:
            raise NotYetVisible(f"The decision {awaited} cannot be read yet.", headers={"Retry-After": "1"}) from None


def _let_be(look: asyncio.Task[Visible]) -> None:
    """Where nobody waited for one that failed, who looks next finds out anew."""
    if not look.cancelled():
        look.exception()


def fresh_router(tag: str) -> APIRouter:
    """A router whose answers, problems too, say up to where they are complete. Its callers hold `read:instances`."""
    return APIRouter(tags=[tag], route_class=_FreshRoute, dependencies=[Depends(_ensure_fresh)])


class _FreshRoute(APIRoute):
    """Puts what `_ensure_fresh` found into the answer's header."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        responses = dict(kwargs.get("responses") or {})
        told = responses.get(200, {})
        responses[200] = {**told, "headers": {**told.get("headers", {}), HEADER: _DOCUMENTED}}
        super().__init__(*args, **{**kwargs, "responses": responses})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_and_tell(request: Request) -> Response:
            try:
                response = await handle(request)
            except Problem as problem:
                problem.headers.update(_told(request))
                raise
            response.headers.update(_told(request))
            return response

        return handle_and_tell


AfterDecision = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{1,5}-[0-9]{1,19}-[0-9]{1,9}$",
        description="A decision's id: wait until the answer holds it, for a few seconds at most (503).",
    ),
]


async def _ensure_fresh(request: Request, _: Reader, after_decision: AfterDecision = None) -> None:
    freshness = _freshness_of(request)
    request.state.visible = (
        await freshness.visible() if after_decision is None else await freshness.visible_with(after_decision)
    )


async def _newest(request: Request) -> int:
    visible: Visible = getattr(request.state, "visible", Visible())  # not there where another parameter is refused
    return 0 if visible.newest is None else micros(visible.newest)


#: When the newest decision that can be read was received, whoever's: in microseconds, 0 before the first.
Newest = Annotated[int, Depends(_newest)]


def _freshness_of(request: Request) -> Freshness:
    """One for the application: all its requests share what it knows."""
    state = request.app.state
    if not hasattr(state, "freshness"):
        state.freshness = Freshness(state.clickhouse)
    freshness: Freshness = state.freshness
    return freshness


def _told(request: Request) -> dict[str, str]:
    visible: Visible | None = getattr(request.state, "visible", None)
    return {} if visible is None else {HEADER: str(visible)}


def _visible(rows: list[tuple[Any, ...]], passed: list[tuple[Any, ...]]) -> Visible:
    """From `complete_to` and `passed`: what was passed counts as long as nothing became a row behind it since."""
    ends = {partition: Place(*last) for partition, last, _ in rows}
    places = ends | {p: Place(*last) for p, behind, last, _ in passed if Place(*behind) == ends.get(p, NOWHERE)}
    return Visible(places, max((newest for _, _, newest in rows), default=None))
