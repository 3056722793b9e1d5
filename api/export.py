"""The audit trail as a file: CSV, NDJSON or Parquet, of an instance or of the whole organization."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.audit_filter import statuses_of
from api.auth import CatalogState
from api.encoding import Identity, chosen, encoder
from api.export_format import Format, writer_of
from api.exporting import Exported, pieces
from api.fields import Moment
from api.freshness import Reader, fresh_router
from api.openapi import LOOKUP, problems
from api.paths import InstanceSlug
from api.trail import OwnTrail, Trail
from metering.decision import Status
from metering.problems import Fault, Invalid, TooManyWaiting

#: Exports at once in one process.
MOST_EXPORTS: Final = 4
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_TEXT: Final = {"schema": {"type": "string"}}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The events, by instance and time. An answer that breaks off without its end is not complete.",
        "content": {
            "text/csv": _TEXT,
            "application/x-ndjson": _TEXT,
            "application/vnd.apache.parquet": _BINARY,
        },
    },
    **LOOKUP,
    **problems(429),
}

router = fresh_router("Audit trail")


class Exports:
    """Those under way in this application."""

    def __init__(self, most: int = MOST_EXPORTS) -> None:
        self._free = asyncio.Semaphore(most)

    async def taking_turn(self, file: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The file's pieces; raises `TooManyWaiting` before the first where too many are under way."""
        if self._free.locked():
            raise TooManyWaiting("Too many exports are under way.", headers={"Retry-After": "10"})
        async with self._free, aclosing(file):
            async for piece in file:
                if piece:
                    yield piece


class _Wanted:
    def __init__(
        self,
        file_format: Annotated[Format, Query(alias="format")] = Format.CSV,
        since: Annotated[Moment | None, Query(alias="from", description="Received at this time or later.")] = None,
        until: Annotated[Moment | None, Query(alias="to", description="Received before; now when left out.")] = None,
        event_name: Annotated[str | None, Query(description="An event's name or type.")] = None,
        status: Annotated[Status | None, Query()] = None,
        entitlement: Annotated[str, Query(max_length=100, description="An entitlement's slug.")] = "",
        token: Annotated[str, Query(max_length=100, description="The slug of the token that reported.")] = "",
        accept_encoding: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> None:
        self.format, self.since, self.until = file_format, since, until or datetime.now(UTC)
        if since is not None and since > self.until:
            fault = Fault("query.to", "before `from`", until) if until else Fault("query.from", "lies ahead", since)
            raise Invalid("The range ends before it begins.", faults=[fault])
        self._filters = (statuses_of(event_name, status), entitlement, token)
        # Parquet is compressed inside.
        self.coding = "identity" if file_format is Format.PARQUET else chosen(accept_encoding)

    def of(self, instance_id: str | None) -> Exported:
        return Exported(instance_id, self.since, self.until, *self._filters)


Wanted = Annotated[_Wanted, Depends(_Wanted)]


@router.get(
    "/instances/{instanceSlug}/audit-trails/export",
    response_class=Response,
    operation_id="ExportInstanceAuditTrails",
    responses=_FILE,
)
async def export_instance_audit_trails(
    slug: InstanceSlug, caller: Reader, request: Request, catalog: CatalogState, trail: OwnTrail, wanted: Wanted
) -> Response:
    """An instance's audit events as a file."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    return await _exported(request, trail, wanted, wanted.of(instance), f"audit-trail-{slug}")


@router.get("/audit-trails/export", response_class=Response, operation_id="ExportAuditTrails", responses=_FILE)
async def export_audit_trails(request: Request, trail: OwnTrail, wanted: Wanted) -> Response:
    """The whole organization's audit events as a file."""
    return await _exported(request, trail, wanted, wanted.of(None), "audit-trail")


async def _exported(request: Request, trail: Trail, wanted: _Wanted, exported: Exported, name: str) -> Response:
    writer = writer_of(wanted.format)
    file = _exports_of(request).taking_turn(pieces(trail, exported, writer, encoder(wanted.coding)))
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-{wanted.until:%Y%m%dT%H%M%SZ}.{wanted.format}"',
        "Vary": "Accept-Encoding",
    }
    if not isinstance(encoder(wanted.coding), Identity):
        headers["Content-Encoding"] = wanted.coding
    return StreamingResponse(await _begun(file), headers=headers, media_type=writer.media_type)


async def _begun(file: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same file, whose first piece is made: what fails at once is told as a problem, not by breaking off."""
    first = await anext(file, b"")

    async def whole() -> AsyncGenerator[bytes]:
        async with aclosing(file):
            yield first
            async for piece in file:
                yield piece

    return whole()


def _exports_of(request: Request) -> Exports:
    state = request.app.state
    if not hasattr(state, "exports"):
        state.exports = Exports()
    exports: Exports = state.exports
    return exports
