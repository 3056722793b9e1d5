"""The audit trail as it grows: server-sent events of an instance's decisions, or of the whole organization's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.audit_filter import EventName, OfEntitlement, OfStatus, OfToken, statuses_of
from api.audit_search import Search
from api.auth import CatalogState
from api.broadcast import Broadcast
from api.event_stream import MEDIA_TYPE, EventStream
from api.follow import Follower
from api.freshness import Reader
from api.live_event import Wanted
from api.missed import Missed
from api.openapi import LOOKUP, problems
from api.paths import InstanceSlug
from api.seats import Seats, begun
from catalog.catalog import Catalog
from metering.problems import Fault, InstanceReplaced, Invalid
from stream.position import LogPosition

_SCOPE: Final = "read:instances"
#: Streams at once in one process, and of one organization there.
MOST_STREAMS: Final = 10_000
MOST_OF_ONE: Final = 4_000
_LONGEST_ID: Final = 20_000
_EXAMPLE: Final = 'retry: 1000\nid: 0:41-2,3:7-0\n\nid: 0:42-0,3:7-0\ndata: {"id":"0-42-0","status":"ACCEPTED",…}\n\n'
_STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Audit events as they are decided, each in the form that the list has. `id` is the position in "
        "the log that it completes: come back with it as `Last-Event-ID`. An `id` without data moves that position "
        "on. `event: end` carries the problem that ends the stream.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **LOOKUP,
    **problems(429),
}

router = APIRouter(tags=["Audit trail"])


@dataclass(frozen=True, slots=True)
class Trails:
    """What a stream is made from, in this application."""

    broadcast: Broadcast
    missed: Missed
    seats: Seats


async def _trails_of(request: Request) -> Trails:
    state = request.app.state
    return Trails(state.broadcast, state.missed, state.streams)


TrailsState = Annotated[Trails, Depends(_trails_of)]


async def _asked(
    caller: Reader,
    event_name: EventName = None,
    status: OfStatus = None,
    entitlement: OfEntitlement = "",
    token: OfToken = "",
    q: Annotated[str, Query(max_length=200, description="What the list's `q` finds.")] = "",
) -> Wanted:
    statuses = frozenset(statuses_of(event_name, status))
    return Wanted(caller.organization_id, None, statuses, entitlement, token, Search.of(q))


#: Wanted of the whole organization.
Asked = Annotated[Wanted, Depends(_asked)]


async def _resumed(
    last_event_id: Annotated[
        str | None, Header(max_length=_LONGEST_ID, description="Go on behind the event with this id.")
    ] = None,
    after: Annotated[
        str | None,
        Query(max_length=_LONGEST_ID, alias="lastEventId", description="The same, for who sends no headers."),
    ] = None,
) -> LogPosition | None:
    location, text = ("header.Last-Event-ID", last_event_id) if last_event_id else ("query.lastEventId", after)
    if not text:
        return None
    try:
        return LogPosition.parse(text)
    except ValueError as error:
        raise Invalid("The id is none that was given out.", faults=[Fault(location, str(error), text[:200])]) from error


Resumed = Annotated[LogPosition | None, Depends(_resumed)]


@router.get(
    "/instances/{instanceSlug}/audit-trails/stream",
    response_class=EventStream,
    operation_id="StreamInstanceAuditTrails",
    responses=_STREAMED,
)
async def stream_instance_audit_trails(
    slug: InstanceSlug, request: Request, catalog: CatalogState, trails: TrailsState, asked: Asked, since: Resumed
) -> Response:
    """An instance's audit events from now on, or from behind the last one that was received.

    The stream ends when the instance is no longer called so.
    """
    return await _stream(request, catalog, trails, asked, since, slug)


@router.get("/audit-trails/stream", response_class=EventStream, operation_id="StreamAuditTrails", responses=_STREAMED)
async def stream_audit_trails(
    request: Request, catalog: CatalogState, trails: TrailsState, asked: Asked, since: Resumed
) -> Response:
    """The whole organization's audit events from now on, or from behind the last one that was received."""
    return await _stream(request, catalog, trails, asked, since)


async def _stream(
    request: Request,
    catalog: Catalog,
    trails: Trails,
    asked: Wanted,
    since: LogPosition | None,
    slug: str | None = None,
) -> Response:
    async def named() -> str | None:
        return None if slug is None else await catalog.resolver.instance_id(asked.organization_id, slug)

    wanted = replace(asked, instance_id=await named())

    async def ensure_allowed() -> None:
        (await catalog.authenticator.authenticate(request.headers.get("authorization"))).require(_SCOPE)
        if await named() != wanted.instance_id:
            raise InstanceReplaced(f"Another instance is called {slug!r} now. Follow it anew, without an event's id.")

    follower = Follower(trails.broadcast, trails.missed, wanted, ensure_allowed)
    return EventStream(await begun(trails.seats.seated(wanted.organization_id, follower.blocks(since))))
