"""Which part of an audit trail is wanted: its filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Depends, Query

from api.audit_event import STATUS_OF_EVENT
from api.audit_page import TOP
from api.audit_search import EVERYTHING, Search
from api.fields import Moment
from metering.decision import Status
from metering.problems import Fault, Invalid
from sql.instants import micros

EventName = Annotated[str | None, Query(description="An event's name or type.")]
OfStatus = Annotated[Status | None, Query()]
OfEntitlement = Annotated[str, Query(max_length=100, description="An entitlement's slug.")]
OfToken = Annotated[str, Query(max_length=100, description="The slug of the token that it was asked with.")]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events of a trail a caller wants to see."""

    statuses: Sequence[str]
    since: int = 0
    until: int = TOP.time
    entitlement: str = ""
    token: str = ""
    transaction: str = ""
    search: Search = EVERYTHING

    @property
    def takes_all(self) -> bool:
        """Whether no event of the time is left out."""
        return self == replace(UNFILTERED, since=self.since, until=self.until)

    @property
    def is_indexed(self) -> bool:
        """Whether an index tells where the events are."""
        return bool(self.transaction) or self.search != EVERYTHING

    @property
    def parameters(self) -> dict[str, Any]:
        """Of `parts/filters`: what leaves out anything, and no more."""
        names = ("statuses", "since", "until", "entitlement", "token", "transaction")
        wanted = {name: value for name in names if (value := getattr(self, name)) != getattr(UNFILTERED, name)}
        return {**wanted, **self.search.parameters}


UNFILTERED: Final = Filter(sorted(status.value for status in Status))


async def _filter(  # the contract's parameters
    event_name: EventName = None,
    status: OfStatus = None,
    entitlement: OfEntitlement = "",
    token: OfToken = "",
    transaction: Annotated[
        str, Query(alias="transactionId", max_length=128, description="A report's transaction id.")
    ] = "",
    after: Annotated[Moment | None, Query(description="At this time or later.")] = None,
    before: Annotated[Moment | None, Query(description="At this time or earlier.")] = None,
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Terms that must all appear in the event: words, numbers (reported, after it, or the limit), "
            "or a whole transaction id.",
        ),
    ] = "",
) -> Filter:
    return Filter(
        statuses_of(event_name, status),
        max(micros(after), 0) if after else 0,
        min(max(micros(before), 0), TOP.time) if before else TOP.time,
        entitlement,
        token,
        transaction,
        Search.of(q),
    )


Filtered = Annotated[Filter, Depends(_filter)]


def statuses_of(event_name: str | None, status: Status | None) -> list[str]:
    """The statuses that a caller asks for by an event's name, by a status, or by both."""
    wanted = set(Status) if status is None else {status}
    if event_name is not None:
        if event_name not in STATUS_OF_EVENT:
            fault = Fault("query.event_name", f"must be one of {', '.join(STATUS_OF_EVENT)}", event_name)
            raise Invalid("There is no such event.", faults=[fault])
        wanted &= {STATUS_OF_EVENT[event_name]}
    return sorted(status.value for status in wanted)
