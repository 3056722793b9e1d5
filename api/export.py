"""The audit trail as a file: CSV, NDJSON or Parquet, of an instance or of the whole organization."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.audit_filter import EventName, OfEntitlement, OfStatus, OfToken, statuses_of
from api.auth import CatalogState
from api.encoding import Identity, chosen, encoder
from api.export_format import Format, writer_of
from api.exporting import Exported, pieces
from api.fields import Moment
from api.freshness import fresh_router
from api.openapi import LOOKUP, problems
from api.paths import InstanceSlug
from api.seats import Seats, begun
from api.trail import OwnTrail, Trail
from metering.problems import Fault, Invalid

#: Exports at once in one process, and of one organization there.
MOST_EXPORTS: Final = 8
MOST_OF_ONE: Final = 2
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


@dataclass(frozen=True, slots=True)
class Asked:
    """Events of the whole organization, the form of their file, and its content coding."""

    exported: Exported
    format: Format
    coding: str


async def _asked(
    file_format: Annotated[Format, Query(alias="format")] = Format.CSV,
    since: Annotated[Moment | None, Query(alias="from", description="Received at this time or later.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Received before; now when left out.")] = None,
    event_name: EventName = None,
    status: OfStatus = None,
    entitlement: OfEntitlement = "",
    token: OfToken = "",
    accept_encoding: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Asked:
    end = until or datetime.now(UTC)
    if since is not None and since > end:
        fault = Fault("query.to", "before `from`", until) if until else Fault("query.from", "lies ahead", since)
        raise Invalid("The range ends before it begins.", faults=[fault])
    coding = "identity" if file_format is Format.PARQUET else chosen(accept_encoding)  # Parquet is compressed inside
    return Asked(Exported(None, since, end, statuses_of(event_name, status), entitlement, token), file_format, coding)


FileAsked = Annotated[Asked, Depends(_asked)]


@router.get(
    "/instances/{instanceSlug}/audit-trails/export",
    response_class=Response,
    operation_id="ExportInstanceAuditTrails",
    responses=_FILE,
)
async def export_instance_audit_trails(
    slug: InstanceSlug, request: Request, catalog: CatalogState, trail: OwnTrail, asked: FileAsked
) -> Response:
    """An instance's audit events as a file."""
    instance = await catalog.resolver.instance_id(trail.organization_id, slug)
    exported = replace(asked.exported, instance_id=instance)
    return await _file(request, trail, replace(asked, exported=exported), f"audit-trail-{slug}")


@router.get("/audit-trails/export", response_class=Response, operation_id="ExportAuditTrails", responses=_FILE)
async def export_audit_trails(request: Request, trail: OwnTrail, asked: FileAsked) -> Response:
    """The whole organization's audit events as a file."""
    return await _file(request, trail, asked, "audit-trail")


async def _file(request: Request, trail: Trail, asked: Asked, name: str) -> Response:
    writer, coder = writer_of(asked.format), encoder(asked.coding)
    seated = _seats_of(request).seated(trail.organization_id, pieces(trail, asked.exported, writer, coder))
    named = f"{name}-{asked.exported.until:%Y%m%dT%H%M%SZ}.{asked.format}"
    headers = {"Content-Disposition": f'attachment; filename="{named}"', "Vary": "Accept-Encoding"}
    if not isinstance(coder, Identity):
        headers["Content-Encoding"] = asked.coding
    return StreamingResponse(await begun(seated), headers=headers, media_type=writer.media_type)


def _seats_of(request: Request) -> Seats:
    state = request.app.state
    if not hasattr(state, "exports"):
        state.exports = Seats("exports", MOST_EXPORTS, MOST_OF_ONE)
    exports: Seats = state.exports
    return exports
