"""The audit trail as a file: CSV, NDJSON or Parquet, of an instance or of the whole organization."""

from __future__ import annotations

from dataclasses import dataclass
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
from api.seats import Seats, begun
from api.trail import OwnTrail, Trail
from metering.decision import Status
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
class File:
    """What a file is to hold, of whichever instance, and how; `coding` is its content coding."""

    format: Format
    coding: str
    since: datetime | None
    until: datetime
    statuses: list[str]
    entitlement: str
    token: str

    def of(self, instance_id: str | None) -> Exported:
        return Exported(instance_id, self.since, self.until, self.statuses, self.entitlement, self.token)


async def _file(
    file_format: Annotated[Format, Query(alias="format")] = Format.CSV,
    since: Annotated[Moment | None, Query(alias="from", description="Received at this time or later.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Received before; now when left out.")] = None,
    event_name: Annotated[str | None, Query(description="An event's name or type.")] = None,
    status: Annotated[Status | None, Query()] = None,
    entitlement: Annotated[str, Query(max_length=100, description="An entitlement's slug.")] = "",
    token: Annotated[str, Query(max_length=100, description="The slug of the token that reported.")] = "",
    accept_encoding: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> File:
    end = until or datetime.now(UTC)
    if since is not None and since > end:
        fault = Fault("query.to", "before `from`", until) if until else Fault("query.from", "lies ahead", since)
        raise Invalid("The range ends before it begins.", faults=[fault])
    coding = "identity" if file_format is Format.PARQUET else chosen(accept_encoding)  # Parquet is compressed inside
    return File(file_format, coding, since, end, statuses_of(event_name, status), entitlement, token)


Wanted = Annotated[File, Depends(_file)]


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


async def _exported(request: Request, trail: Trail, wanted: File, exported: Exported, name: str) -> Response:
    writer = writer_of(wanted.format)
    file = pieces(trail, exported, writer, encoder(wanted.coding))
    seated = _seats_of(request).seated(trail.organization_id, file)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-{wanted.until:%Y%m%dT%H%M%SZ}.{wanted.format}"',
        "Vary": "Accept-Encoding",
    }
    if not isinstance(encoder(wanted.coding), Identity):
        headers["Content-Encoding"] = wanted.coding
    return StreamingResponse(await begun(seated), headers=headers, media_type=writer.media_type)


def _seats_of(request: Request) -> Seats:
    state = request.app.state
    if not hasattr(state, "exports"):
        state.exports = Seats("exports", MOST_EXPORTS, MOST_OF_ONE)
    exports: Seats = state.exports
    return exports
