"""Live events: a decision as it was just made, in the form that the audit trail's rows have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from api.audit_search import EVERYTHING, Search, Searched
from api.json import encode
from metering.balance import Counter
from metering.command import Report
from metering.grant import Line
from metering.quantity import plain
from stream.records import AuditEvent

#: An organization, and one of its instances or all.
Scope: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True)
class Wanted:
    """Which decisions a listener wants. Rows of history and live events are held against it by the same code."""

    organization_id: str
    instance_id: str | None
    statuses: frozenset[str]
    entitlement: str = ""
    token: str = ""
    search: Search = EVERYTHING

    @property
    def scope(self) -> Scope:
        return self.organization_id, self.instance_id

    def is_about(self, event: AuditEvent) -> bool:
        """Whether the event lies in its scope."""
        grant = event.grant
        return grant.organization_id == self.organization_id and self.instance_id in (None, grant.instance_id)

    def takes(self, searched: Searched) -> bool:
        """Whether the organization's row is wanted."""
        row = searched.row
        return (
            self.instance_id in (None, row["instance_id"])
            and row["status"] in self.statuses
            and self.entitlement in ("", row["entitlement_slug"])
            and self.token in ("", row["token"])
            and self.search.finds(searched)
        )


def row_of(event: AuditEvent) -> dict[str, Any]:
    """The row as it will be read back (`api.audit_event.named`), by its columns' names."""
    grant, decision = event.grant, event.decision
    return {
        "partition": event.partition,
        "offset": event.place.offset,
        "position": event.place.position,
        "received_at": event.command.received_at,
        "status": decision.status.value,
        **{name: getattr(grant, name) for name in ("instance_id", "instance_slug", "entitlement_slug")},
        **_of_command(event),
        **{name: getattr(decision, name) for name in ("events", "before", "after", "sequence")},
        **{name: getattr(grant, name) for name in ("limit", "overage_percent")},
        "period_start": decision.period.start,
        "period_end": decision.period.end,
        **{name: getattr(grant, name) for name in ("license_id", "license_slug", "license_version")},
        "reason": decision.reason.value if decision.reason else "",
        "crossing": "" if decision.crossing is Line.NONE else decision.crossing.name.lower(),
        "rolled_over": _closed(decision.rolled_over) if decision.rolled_over else "",
    }


def _of_command(event: AuditEvent) -> dict[str, Any]:
    command = event.command
    if isinstance(command, Report):
        return {
            "token": command.token,
            "behavior": command.behavior.value,
            "event_time": command.timestamp,
            "value": command.value,
            "transaction_id": command.transaction_id,
            "metadata": (command.metadata or b"").decode(errors="replace"),
        }
    token = getattr(command, "token", "")
    return {**dict.fromkeys(("event_time", "value", "transaction_id")), "token": token, "behavior": "", "metadata": ""}


def _closed(counter: Counter) -> str:
    shown = {
        "value": plain(counter.shown),
        "event_count": counter.events,
        "period_start": counter.period.start,
        "period_end": counter.period.end,
    }
    return encode(shown).decode()
