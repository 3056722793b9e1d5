"""Audit events: a row of the trail as a client sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import BaseModel, Field

from api.fields import Number
from api.shapes import View
from metering.balance import Place
from metering.decision import Status
from metering.meter import Behavior
from metering.quantity import EXACT, plain
from metering.transaction import generate
from sql.instants import moment_at
from stream.records import decision_id

#: The columns of the queries `instance_trail` and `organization_trail`, in their order.
COLUMNS: Final = (
    *("partition", "offset", "position", "received_at", "outcome", "terms", "period_series", "unusual"),
    *("value", "uncounted", "after", "number", "given_id", "metadata", "sequence"),
)
#: What stands in the lines of the columns `outcome`, `terms`, `period_series` and `unusual`.
OUTCOME: Final = ("status", "behavior", "reason", "crossing", "token")
TERMS: Final = (
    *("instance_id", "instance_slug", "entitlement_slug", "license_id", "license_slug", "license_version"),
    *("limit", "overage_percent"),
)
PERIOD_SERIES: Final = ("period_start", "period_end", "series")
UNUSUAL: Final = ("event_lag", "adjustment", "rolled_over")
_AS_USUAL: Final = ("0", "0", "")


class Event(NamedTuple):
    """What a decision is called, in the two spellings that clients know."""

    name: str
    type: str


EVENTS: Final = {
    Status.READ: Event("kaiten.v1.entitlement.value.get", "ENTITLEMENT_VALUE_GET"),
    Status.ACCEPTED: Event("kaiten.v1.entitlement.usage.report.accepted", "ENTITLEMENT_USAGE_REPORT_ACCEPTED"),
    Status.REJECTED: Event("kaiten.v1.entitlement.usage.report.rejected", "ENTITLEMENT_USAGE_REPORT_REJECTED"),
}
STATUS_OF_EVENT: Final = {spelling: status for status, event in EVENTS.items() for spelling in event}


class PayloadView(BaseModel):
    """All that the decision knew."""

    entitlement_slug: str
    value: Number | None = Field(description="What was reported; null for a read.")
    behavior: str | None
    event_time: datetime | None = Field(description="The report's own time; null for a read.")
    event_count: int
    status: Status
    before: Number
    after: Number
    limit: Number
    overage_percent: Number
    period_start: datetime | None
    period_end: datetime | None
    license_id: str
    license_slug: str
    license_version: str
    reason: str | None
    crossing: str | None = Field(description="The line that the value passed: warning, reached or exceeded.")
    rolled_over: dict[str, Any] | None = Field(description="The counter that this decision closed.")
    transaction_id: str | None
    metadata: dict[str, Any]
    token: str
    sequence: int
    partition: int
    offset: int
    position: int


class AuditEventView(View):
    id: str
    event_name: str
    event_type: str
    status: Status
    instance_id: str
    instance_slug: str
    entitlement_slug: str
    timestamp: datetime = Field(description="When the decision's request was received.")
    payload: PayloadView


def named(row: Sequence[Any]) -> dict[str, Any]:
    """The row by its columns' names, and what the table works out of them: asked for there, it costs more."""
    cells: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    cells |= _outcome(cells["outcome"]) | _terms(cells["terms"])
    cells |= _period_series(cells["period_series"]) | _unusual(cells["unusual"])
    is_added = cells["status"] == Status.ACCEPTED and cells["behavior"] == Behavior.APPEND
    moved = EXACT.add(cells["adjustment"], cells["value"]) if is_added else cells["adjustment"]
    cells["before"] = EXACT.subtract(cells["after"], moved)
    cells["event_time"] = cells["received_at"] - timedelta(microseconds=cells["event_lag"])
    cells["events"] = cells["sequence"] - cells["uncounted"]
    cells["transaction_id"] = _transaction_id(cells)
    return cells


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The item as `AuditEventView` describes it; stored JSON goes out as it came in."""
    event = EVENTS[Status(row["status"])]
    return {
        "id": decision_id(row["partition"], Place(row["offset"], row["position"])),
        "eventName": event.name,
        "eventType": event.type,
        "status": row["status"],
        "instanceId": row["instance_id"],
        "instanceSlug": row["instance_slug"],
        "entitlementSlug": row["entitlement_slug"],
        "timestamp": row["received_at"],
        "payload": _payload(row),
    }


@lru_cache(maxsize=4_096)
def _outcome(lines: str) -> dict[str, Any]:
    return dict(zip(OUTCOME, lines.split("\n"), strict=True))


@lru_cache(maxsize=4_096)
def _terms(lines: str) -> dict[str, Any]:
    cells: dict[str, Any] = dict(zip(TERMS, lines.split("\n"), strict=True))
    return {**cells, **{quantity: Decimal(cells[quantity]) for quantity in ("limit", "overage_percent")}}


@lru_cache(maxsize=4_096)
def _period_series(lines: str) -> dict[str, Any]:
    *bounds, series = lines.split("\n")
    moments = [moment_at(int(bound)) if bound else None for bound in bounds]
    return dict(zip(PERIOD_SERIES, (*moments, series), strict=True))


@lru_cache
def _unusual(lines: str) -> dict[str, Any]:
    lag, adjustment, rolled_over = lines.split("\n", 2) if lines else _AS_USUAL
    return dict(zip(UNUSUAL, (int(lag), Decimal(adjustment), rolled_over), strict=True))


def _transaction_id(cells: Mapping[str, Any]) -> str | None:
    if cells["series"]:
        return generate(cells["received_at"], f"{cells['series']}{cells['number']:012x}")
    return cells["given_id"] or None


def _payload(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entitlement_slug": row["entitlement_slug"],
        "value": None if row["value"] is None else plain(row["value"]),
        "behavior": row["behavior"] or None,
        "event_time": row["event_time"] if row["behavior"] else None,
        "event_count": row["events"],
        "status": row["status"],
        **{quantity: plain(row[quantity]) for quantity in ("before", "after", "limit", "overage_percent")},
        **{same: row[same] for same in ("period_start", "period_end", "license_id", "license_slug", "license_version")},
        "reason": row["reason"] or None,
        "crossing": row["crossing"] or None,
        "rolled_over": _stored_json(row["rolled_over"], empty="null"),
        "transaction_id": row["transaction_id"],
        "metadata": _stored_json(row["metadata"], empty="{}"),
        **{same: row[same] for same in ("token", "sequence", "partition", "offset", "position")},
    }


def _stored_json(text: str, *, empty: str) -> msgspec.Raw:
    return msgspec.Raw((text or empty).encode())
