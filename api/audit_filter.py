"""Which part of an audit trail is wanted: filters, and the place in it to go on from."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, Self

from fastapi import Depends, Query

from api.audit_event import STATUS_OF_EVENT
from api.fields import Moment
from metering.decision import Status
from metering.problems import Fault, Invalid
from sql.instants import micros

_CURSOR: Final = re.compile(r"(\d{1,16})\.(\d{1,5})\.(\d{1,19})\.(\d{1,9})", re.ASCII)
_WORD: Final = re.compile(r"[0-9A-Za-z\u0080-\U0010ffff]+")
_MOST_WORDS: Final = 32


class Cursor(NamedTuple):
    """The place of an event in reading order: what comes after it is older. Events that arrive later do not move it."""

    time: int
    partition: int
    offset: int
    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            found = _CURSOR.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii"))
        except ValueError:
            found = None
        if found is None or int(found[2]) > TOP.partition:
            fault = Fault("query.cursor", "not a cursor", text)
            raise Invalid("The cursor is none that was given out.", faults=[fault])
        return cls(*map(int, found.groups()))

    @classmethod
    def behind(cls, row: Mapping[str, Any]) -> Self:
        return cls(micros(row["received_at"]), row["partition"], row["offset"], row["position"])

    def __str__(self) -> str:
        return urlsafe_b64encode(".".join(map(str, self)).encode()).decode().rstrip("=")


#: Before the newest event there is.
TOP: Final = Cursor(1 << 53, 65_535, (1 << 64) - 1, (1 << 32) - 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a caller wants to see of a trail."""

    statuses: list[str]
    entitlement: str
    words: str
    since: int
    until: int
    limit: int
    cursor: Cursor
    skip: int

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the queries of a trail; one row more than wanted says whether there are more."""
        return {
            "statuses": self.statuses,
            "entitlement": self.entitlement,
            "words": self.words,
            "since": self.since,
            "until": min(self.until, self.cursor.time),
            "limit": self.limit + 1,
            "skip": self.skip,
            **{f"cursor_{name}": value for name, value in self.cursor._asdict().items()},
        }


def _filter(  # noqa: PLR0913, PLR0917  # the contract's parameters
    event_name: Annotated[str | None, Query(description="An event's name or type.")] = None,
    status: Annotated[Status | None, Query()] = None,
    entitlement: Annotated[str, Query(max_length=100, description="An entitlement's slug.")] = "",
    after: Annotated[Moment | None, Query(description="At this time or later.")] = None,
    before: Annotated[Moment | None, Query(description="At this time or earlier.")] = None,
    q: Annotated[str, Query(max_length=200, description="Words that must all appear in the event.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    offset: Annotated[int | None, Query(ge=0, le=1_000_000_000)] = None,
) -> Filter:
    ensure_searchable(q)
    if cursor is not None and offset is not None:
        raise Invalid(
            "Give a cursor or an offset, not both.", faults=[Fault("query.offset", "next to a cursor", offset)]
        )
    return Filter(
        statuses=statuses_of(event_name, status),
        entitlement=entitlement,
        words=q,
        since=max(micros(after), 0) if after else 0,
        until=min(max(micros(before), 0), TOP.time) if before else TOP.time,
        limit=limit,
        cursor=Cursor.parse(cursor) if cursor is not None else TOP,
        skip=offset or 0,
    )


Filtered = Annotated[Filter, Depends(_filter)]


def statuses_of(event_name: str | None, status: Status | None) -> list[str]:
    """Raises `Invalid` for an event that there is not."""
    wanted = set(Status) if status is None else {status}
    if event_name is not None:
        if event_name not in STATUS_OF_EVENT:
            fault = Fault("query.event_name", f"must be one of {', '.join(STATUS_OF_EVENT)}", event_name)
            raise Invalid("There is no such event.", faults=[fault])
        wanted &= {STATUS_OF_EVENT[event_name]}
    return sorted(status.value for status in wanted)


def ensure_searchable(text: str) -> None:
    """Raises `Invalid` for text without words, or with too many."""
    if text and not 1 <= len(_WORD.findall(text)) <= _MOST_WORDS:
        fault = Fault("query.q", f"must hold 1 to {_MOST_WORDS} words, of letters and digits", text)
        raise Invalid("The text cannot be searched for.", faults=[fault])
